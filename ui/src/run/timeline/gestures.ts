// What pointer, wheel and keys do to the stage. Each function takes hold of a canvas and gives back how to let go of it.

import { listenTo, type Point, placeIn, turnOf } from "../listening";
import { SCROLL_BAR_WIDTH } from "./chrome";
import { AXIS_HEIGHT } from "./frame";
import { gripAt, usAt } from "./overview";
import { type Direction, neighbour, type Section, type Spot } from "./scene";
import type { Stage } from "./stage";
import { spanOf } from "./window";

export interface Answers {
  /** A task run was chosen. */
  open(spot: Spot): void;
  /** The line of a subflow was chosen: its task runs are to be shown, or no more. */
  toggle(section: Section): void;
}

/** A press that moves less than that is a click. */
const STILL_PIXELS = 4;
const KEY_ZOOM = 1.6;
const KEY_PIXELS = 80;

/**
 * Drag pans, two fingers zoom, the wheel zooms at the pointer, a click chooses. A double click shows everything; on what a
 * click chooses, it is one click.
 */
export function holdLanes(stage: Stage, answers: Answers): () => void {
  const { canvas } = stage;
  const pressed = new Map<number, Point>();
  let moved = 0;
  let isScrolling = false;
  let released: Point = { x: 0, y: 0 };
  let hasChosen = false;

  const onDown = (event: PointerEvent): void => {
    if (event.button !== 0) return;
    canvas.setPointerCapture(event.pointerId);
    pressed.set(event.pointerId, placeIn(canvas, event));
    moved = pressed.size > 1 ? Infinity : 0;
    const { x, y } = placeIn(canvas, event);
    isScrolling = stage.canScroll && x > stage.width - SCROLL_BAR_WIDTH;
    if (isScrolling) stage.scrollToShare(y);
  };
  const onMove = (event: PointerEvent): void => {
    const to = placeIn(canvas, event);
    const from = pressed.get(event.pointerId);
    if (from === undefined) {
      stage.point(to.x, to.y);
      canvas.style.cursor = cursorAt(stage, to.x, to.y);
      return;
    }
    moved += Math.abs(to.x - from.x) + Math.abs(to.y - from.y);
    if (isScrolling) stage.scrollToShare(to.y);
    else if (pressed.size === 2) pinch(stage, [...pressed.entries()], event.pointerId, to);
    else if (moved > STILL_PIXELS) drag(stage, from, to);
    if (moved > STILL_PIXELS) stage.point(null);
    pressed.set(event.pointerId, to);
  };
  const onUp = (event: PointerEvent): void => {
    if (!pressed.delete(event.pointerId)) return;
    canvas.style.cursor = "";
    released = placeIn(canvas, event); // a click tells whole pixels only
  };
  const onClick = (event: MouseEvent): void => {
    if (event.detail > 1) return; // that of a double click
    hasChosen = moved <= STILL_PIXELS && !isScrolling && choose(stage, released, answers);
  };
  const onLeave = (): void => {
    if (pressed.size === 0) stage.point(null);
  };
  const onWheel = (event: WheelEvent): void => {
    event.preventDefault();
    turn(stage, event, placeIn(canvas, event));
  };
  const onDouble = (event: MouseEvent): void => {
    if (!hasChosen && placeIn(canvas, event).x > stage.left) stage.fit();
  };
  const onKey = (event: KeyboardEvent): void => {
    if (press(stage, event, answers)) event.preventDefault();
  };

  return listenTo(canvas, {
    pointerdown: onDown,
    pointermove: onMove,
    pointerup: onUp,
    pointercancel: onUp,
    pointerleave: onLeave,
    click: onClick,
    wheel: onWheel,
    dblclick: onDouble,
    keydown: onKey,
  });
}

/** The window on the strip is dragged, its edges too; a press beside it brings it there. */
export function holdStrip(stage: Stage): () => void {
  const { strip } = stage;
  let grip: "from" | "to" | "inside" | null = null;
  let lastUs = 0;
  const usOf = (event: PointerEvent): number => usAt(stage.whole, stage.width, stage.left, placeIn(strip, event).x);
  const gripOf = (event: PointerEvent): ReturnType<typeof gripAt> =>
    gripAt(stage.whole, stage.shownWindow, stage.width, stage.left, placeIn(strip, event).x);

  const onDown = (event: PointerEvent): void => {
    strip.setPointerCapture(event.pointerId);
    lastUs = usOf(event);
    const found = gripOf(event);
    grip = found === "outside" ? "inside" : found;
    if (found !== "outside") return;
    const span = spanOf(stage.shownWindow);
    const half = Math.min(span, spanOf(stage.whole) / 5) / 2;
    stage.look({ from: lastUs - half, to: lastUs + half });
  };
  const onMove = (event: PointerEvent): void => {
    if (grip === null) {
      const found = gripOf(event);
      strip.style.cursor = found === "inside" ? "grab" : found === "outside" ? "pointer" : "ew-resize";
      return;
    }
    const us = usOf(event);
    const { from, to } = stage.shownWindow;
    const least = stage.usPerPixel;
    if (grip === "inside") stage.look({ from: from + us - lastUs, to: to + us - lastUs });
    else if (grip === "from") stage.look({ from: Math.min(us, to - least), to });
    else stage.look({ from, to: Math.max(us, from + least) });
    lastUs = us;
  };
  const onUp = (): void => {
    grip = null;
  };
  const onDouble = (): void => stage.fit();
  return listenTo(strip, {
    pointerdown: onDown,
    pointermove: onMove,
    pointerup: onUp,
    pointercancel: onUp,
    dblclick: onDouble,
  });
}

function drag(stage: Stage, from: Point, to: Point): void {
  stage.canvas.style.cursor = "grabbing";
  if (from.x > stage.left) stage.pan(from.x - to.x);
  stage.scroll(from.y - to.y);
}

function pinch(stage: Stage, pressed: [number, Point][], moving: number, to: Point): void {
  const still = pressed.find(([id]) => id !== moving)![1];
  const from = pressed.find(([id]) => id === moving)![1];
  const before = Math.max(8, Math.abs(from.x - still.x));
  const after = Math.max(8, Math.abs(to.x - still.x));
  stage.zoom(before / after, (to.x + still.x) / 2);
}

/** Over the names of the lanes, or with Shift, the wheel scrolls; sideways it pans; else it zooms at the pointer. */
function turn(stage: Stage, event: WheelEvent, at: Point): void {
  const { x: across, y: along } = turnOf(event);
  if (event.shiftKey || at.x < stage.left) stage.scroll(along === 0 ? across : along);
  else if (Math.abs(across) > Math.abs(along)) stage.pan(across);
  else stage.zoom(Math.exp(along * (event.ctrlKey ? 0.01 : 0.0022)), at.x);
  stage.point(at.x, at.y);
}

/** Whether there is something to choose. */
function choose(stage: Stage, { x, y }: Point, answers: Answers): boolean {
  if (y < AXIS_HEIGHT) return false;
  const subflow = stage.subflowAt(y);
  if (subflow !== null) {
    answers.toggle(subflow);
    return true;
  }
  const spot = x < stage.left ? null : stage.spotAt(x, y);
  if (spot !== null) answers.open(spot);
  return spot !== null;
}

function cursorAt(stage: Stage, x: number, y: number): string {
  if (y < AXIS_HEIGHT) return "";
  if (stage.subflowAt(y) !== null) return "pointer";
  return x > stage.left && stage.hover.peek() !== null ? "pointer" : "";
}

const DIRECTIONS: Record<string, Direction> = {
  ArrowLeft: "previous",
  ArrowRight: "next",
  ArrowUp: "up",
  ArrowDown: "down",
};

/** Whether the key meant something here. With Shift the arrows go from task run to task run, else they move the window. */
function press(stage: Stage, event: KeyboardEvent, answers: Answers): boolean {
  if (event.ctrlKey || event.metaKey || event.altKey) return false;
  const pointed = stage.hover.peek()?.spot ?? null;
  const direction = DIRECTIONS[event.key];
  if (direction !== undefined && event.shiftKey) {
    const next = pointed === null ? firstSpot(stage) : neighbour(stage.shownScene, pointed, direction);
    if (next !== null) stage.pointAt(next);
    return true;
  }
  switch (event.key) {
    case "+":
    case "=":
      stage.zoom(1 / KEY_ZOOM, undefined, true);
      return true;
    case "-":
      stage.zoom(KEY_ZOOM, undefined, true);
      return true;
    case "0":
      stage.fit();
      return true;
    case "ArrowLeft":
      stage.pan(-KEY_PIXELS);
      return true;
    case "ArrowRight":
      stage.pan(KEY_PIXELS);
      return true;
    case "ArrowUp":
      stage.scroll(-KEY_PIXELS);
      return true;
    case "ArrowDown":
      stage.scroll(KEY_PIXELS);
      return true;
    case "Enter":
      if (pointed === null) return false;
      if (pointed.section.kind === "subflow") answers.toggle(pointed.section);
      else answers.open(pointed);
      return true;
    case "Escape":
      if (pointed === null) return false;
      stage.point(null);
      return true;
    default:
      return false;
  }
}

function firstSpot(stage: Stage): Spot | null {
  const section = stage.shownScene.sections.find((candidate) => candidate.lanes.rows.length > 0);
  return section === undefined ? null : { section, row: section.lanes.rows[0]! };
}
