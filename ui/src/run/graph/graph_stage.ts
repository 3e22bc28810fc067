// The canvas of the graph: the picture that is on it, the camera on that, and what is pointed at.

import { effect, signal } from "@preact/signals";

import { listenTo, type Point, placeIn, turnOf } from "../listening";
import { Surface } from "../surface";
import { type Camera, fitting, panned, pictureOf, revealing, zoomed } from "./camera";
import { GraphPainter } from "./graph_painter";
import { Minimap } from "./minimap";
import { type Direction, EMPTY, type Item, itemAt, neighbour, type Picture, relativesOf } from "./picture";

const STILL_PIXELS = 4;
const KEY_ZOOM = 1.4;
const KEY_PIXELS = 80;
/** How often a graph of something that runs is painted anew, for the times in it. */
const TICK_MS = 1000;

export class GraphStage {
  /** What the pointer is on, or the keyboard. */
  readonly hovered = signal<Item | null>(null);
  private picture: Picture = EMPTY;
  private selected: string | null = null;
  private camera: Camera = { zoom: 1, x: 0, y: 0 };
  private isFitted = true;
  private isRunning = false;
  private tick = 0;
  private nowUs: () => number = () => 0;
  private relatives: { items: Uint8Array; ways: Uint8Array } | null = null;
  private readonly surface: Surface;
  private readonly painter: GraphPainter;
  private readonly minimap = new Minimap();
  private readonly endings: (() => void)[];

  constructor(
    readonly canvas: HTMLCanvasElement,
    private readonly choose: (item: Item) => void,
  ) {
    this.surface = new Surface(canvas, {
      paint: () => this.paint(),
      resized: () => this.isFitted && this.fit(),
    });
    this.painter = new GraphPainter(this.surface.context);
    this.endings = [
      this.hold(),
      effect(() => {
        const item = this.hovered.value;
        this.relatives = item === null ? null : relativesOf(this.picture, item);
        this.surface.draw();
      }),
      () => this.surface.close(),
      () => clearTimeout(this.tick),
    ];
  }

  close(): void {
    for (const end of this.endings) end();
  }

  /** Shows a picture. What was pointed at stays where it is on the screen, or what has taken its place. */
  show(picture: Picture, isRunning: boolean, nowUs: () => number): void {
    const anchor = this.hovered.peek();
    const same = anchor === null ? undefined : picture.items.find(({ key }) => key === anchor.key);
    const successor = anchor === null ? undefined : successorOf(this.picture, picture, anchor);
    this.picture = picture;
    this.isRunning = isRunning;
    this.nowUs = nowUs;
    this.hovered.value = same ?? null;
    if (this.isFitted) this.fit();
    else if (anchor !== null && successor !== undefined) this.keepInPlace(anchor, successor);
    if (!this.isInSight()) this.fit();
    this.surface.draw();
  }

  select(key: string | null): void {
    this.selected = key;
    this.surface.draw();
  }

  fit(): void {
    const first = this.picture.items[0];
    this.camera = fitting(this.picture, this.surface, first === undefined ? 0 : first.y + first.height / 2);
    this.isFitted = true;
    this.surface.draw();
  }

  zoom(factor: number, at: Point = { x: this.surface.width / 2, y: this.surface.height / 2 }): void {
    this.look(zoomed(this.camera, factor, at));
  }

  private pan(dx: number, dy: number): void {
    this.look(panned(this.camera, this.picture, this.surface, dx, dy));
  }

  private keepInPlace(before: Item, after: Item): void {
    const dy = before.isBox || after.isBox ? before.y - after.y : before.y + before.height / 2 - after.y - after.height / 2;
    const { zoom, x, y } = this.camera;
    this.camera = {
      zoom,
      x: x + (before.x - after.x) * zoom,
      y: y + dy * zoom,
    };
  }

  /** Whether any node is on the screen. */
  private isInSight(): boolean {
    const { zoom, x, y } = this.camera;
    const { width, height } = this.surface;
    return this.picture.items.some(
      (item) =>
        x + item.x * zoom < width &&
        x + (item.x + item.width) * zoom > 0 &&
        y + item.y * zoom < height &&
        y + (item.y + item.height) * zoom > 0,
    );
  }

  private look(camera: Camera): void {
    this.camera = camera;
    this.isFitted = false;
    this.surface.draw();
  }

  private itemAt(point: Point): Item | null {
    const { x, y } = pictureOf(this.camera, point);
    return itemAt(this.picture, x, y);
  }

  private paint(): void {
    const { surface } = this;
    const frame = {
      width: surface.width,
      height: surface.height,
      scale: surface.scale,
      camera: this.camera,
      nowUs: this.nowUs(),
      hovered: this.hovered.peek(),
      selected: this.selected,
      relatives: this.relatives,
    };
    this.painter.paint(this.picture, frame, surface.theme);
    this.minimap.paint(surface, this.picture, this.camera);
    clearTimeout(this.tick);
    if (this.isRunning) this.tick = window.setTimeout(() => surface.draw(), TICK_MS);
  }

  // Pointer and keys ------------------------------------------------------------------------------------------------

  private hold(): () => void {
    const { canvas } = this;
    const pressed = new Map<number, Point>();
    let moved = 0;
    let isOnMinimap = false;
    let released: Point = { x: 0, y: 0 };
    let hasChosen = false;

    const onDown = (event: PointerEvent): void => {
      if (event.button !== 0) return;
      canvas.setPointerCapture(event.pointerId);
      const at = placeIn(canvas, event);
      pressed.set(event.pointerId, at);
      moved = pressed.size > 1 ? Infinity : 0;
      isOnMinimap = this.lookByMinimap(at);
    };
    const onMove = (event: PointerEvent): void => {
      const to = placeIn(canvas, event);
      const from = pressed.get(event.pointerId);
      if (from === undefined) {
        this.hovered.value = this.itemAt(to);
        canvas.style.cursor = this.hovered.value === null ? "" : "pointer";
        return;
      }
      moved += Math.abs(to.x - from.x) + Math.abs(to.y - from.y);
      if (isOnMinimap) this.lookByMinimap(to);
      else if (pressed.size === 2) this.pinch(pressed, event.pointerId, to);
      else if (moved > STILL_PIXELS) this.pan(to.x - from.x, to.y - from.y);
      pressed.set(event.pointerId, to);
    };
    const onUp = (event: PointerEvent): void => {
      pressed.delete(event.pointerId);
      released = placeIn(canvas, event); // a click tells whole pixels only
    };
    const onClick = (event: MouseEvent): void => {
      if (event.detail > 1) return; // that of a double click: what the first one opened is in its place by now
      const item = moved <= STILL_PIXELS && !isOnMinimap ? this.itemAt(released) : null;
      hasChosen = item !== null;
      if (item !== null) this.open(item);
    };
    const onWheel = (event: WheelEvent): void => {
      event.preventDefault();
      const turn = turnOf(event);
      if (event.shiftKey) this.pan(-turn.y - turn.x, 0);
      else if (Math.abs(turn.x) > Math.abs(turn.y)) this.pan(-turn.x, -turn.y);
      else this.zoom(Math.exp(-turn.y * (event.ctrlKey ? 0.01 : 0.0022)), placeIn(canvas, event));
    };
    const onKey = (event: KeyboardEvent): void => {
      if (this.press(event)) event.preventDefault();
    };
    return listenTo(canvas, {
      pointerdown: onDown,
      pointermove: onMove,
      pointerup: onUp,
      pointercancel: onUp,
      pointerleave: () => {
        if (pressed.size === 0) this.hovered.value = null;
      },
      click: onClick,
      wheel: onWheel,
      dblclick: () => {
        if (!hasChosen && !isOnMinimap) this.fit();
      },
      keydown: onKey,
    });
  }

  private open(item: Item): void {
    this.hovered.value = item;
    this.choose(item);
  }

  private lookByMinimap(at: Point): boolean {
    const camera = this.minimap.cameraAt(this.surface, this.picture, this.camera, at);
    if (camera !== null) this.look(camera);
    return camera !== null;
  }

  private pinch(pressed: ReadonlyMap<number, Point>, moving: number, to: Point): void {
    const from = pressed.get(moving)!;
    const still = [...pressed].find(([id]) => id !== moving)![1];
    const before = Math.hypot(from.x - still.x, from.y - still.y);
    const after = Math.hypot(to.x - still.x, to.y - still.y);
    this.zoom(after / Math.max(1, before), {
      x: (to.x + still.x) / 2,
      y: (to.y + still.y) / 2,
    });
  }

  /** Whether the key meant something here. The arrows go from node to node; with Shift they move the picture. */
  private press(event: KeyboardEvent): boolean {
    if (event.ctrlKey || event.metaKey || event.altKey) return false;
    const direction = DIRECTIONS[event.key];
    if (direction !== undefined) {
      const [dx, dy] = direction.shift;
      if (event.shiftKey) this.pan(dx * KEY_PIXELS, dy * KEY_PIXELS);
      else this.go(direction.to);
      return true;
    }
    const item = this.hovered.peek();
    switch (event.key) {
      case "+":
      case "=":
        this.zoom(KEY_ZOOM);
        return true;
      case "-":
        this.zoom(1 / KEY_ZOOM);
        return true;
      case "0":
        this.fit();
        return true;
      case "Enter":
        if (item !== null) this.open(item);
        return item !== null;
      case "Escape":
        this.hovered.value = null;
        return item !== null;
      default:
        return false;
    }
  }

  private go(direction: Direction): void {
    const from = this.hovered.peek();
    const item = from === null ? (this.picture.items[0] ?? null) : neighbour(this.picture, from, direction);
    if (item === null) return;
    this.hovered.value = item;
    this.camera = revealing(this.camera, this.surface, item);
    this.surface.draw();
  }
}

/** What stands in a new picture where an item stood before: of a task that was opened the run in the middle. */
function successorOf(before: Picture, after: Picture, item: Item): Item | undefined {
  const runs = runsOf(after, item);
  const isOpened = item.node.kind === "group" && runs.length > runsOf(before, item).length;
  return isOpened ? runs[runs.length >> 1] : after.items.find(({ key }) => key === item.key);
}

/** The runs of a task that are shown one by one, from top to bottom. */
function runsOf(picture: Picture, { source, node }: Item): Item[] {
  return picture.items
    .filter((item) => item.source === source && item.node.kind === "task_run" && item.node.task === node.task)
    .sort((a, b) => a.y - b.y);
}

const DIRECTIONS: Record<string, { to: Direction; shift: readonly [number, number] }> = {
  ArrowLeft: { to: "upstream", shift: [1, 0] },
  ArrowRight: { to: "downstream", shift: [-1, 0] },
  ArrowUp: { to: "above", shift: [0, 1] },
  ArrowDown: { to: "below", shift: [0, -1] },
};
