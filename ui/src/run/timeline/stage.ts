// The two canvases of the timeline and what is on them: keeps window and scroll, and paints when something has changed,
// in an animation frame. While task runs go on it paints as often as that can be seen; else it rests.

import { effect, signal } from "@preact/signals";

import { Surface } from "../surface";
import { AXIS_HEIGHT, type Frame } from "./frame";
import { Overview } from "./overview";
import { Painter } from "./painter";
import { placeOf, type Scene, type Section, type Spot, spotAt } from "./scene";
import { fitted, panned, revealing, spanOf, type TimeWindow, zoomed } from "./window";

const GLIDE_MS = 160;
const REACH_PIXELS = 3;

export interface Options {
  /** When the run began, for the time of day on the axis; null for the time since then. */
  readonly clockFromUs: number | null;
  readonly critical: readonly number[];
}

export interface Hover {
  readonly spot: Spot;
  readonly x: number;
  readonly y: number;
  /** Whether the keyboard brought it there. */
  readonly isByKey: boolean;
}

export class Stage {
  /** What the pointer is on, or the keyboard. */
  readonly hover = signal<Hover | null>(null);
  readonly isFitted = signal(true);

  private scene: Scene = {
    sections: [],
    height: 0,
    whole: { from: 0, to: 1 },
    isRunning: false,
  };
  private options: Options = { clockFromUs: null, critical: [] };
  private selected: Spot | null = null;
  private window: TimeWindow = { from: 0, to: 1 };
  private scrollY = 0;
  private pointerX: number | null = null;
  private pointerY = 0;
  private clock: () => number = () => 0;

  private growth = 0;
  private glide: { from: TimeWindow; to: TimeWindow; since: number } | null = null;

  private readonly surface: Surface;
  private readonly stripSurface: Surface;
  private readonly painter: Painter;
  private readonly overview: Overview;
  private readonly endHover: () => void;

  constructor(
    readonly canvas: HTMLCanvasElement,
    readonly strip: HTMLCanvasElement,
  ) {
    this.surface = new Surface(canvas, {
      paint: () => this.paint(),
      resized: () => {
        this.scrollTo(this.scrollY);
        this.pointAnew();
      },
    });
    this.stripSurface = new Surface(strip, {
      paint: () => this.paintStrip(),
      resized: () => {},
    });
    this.painter = new Painter(this.surface.context);
    this.overview = new Overview(this.stripSurface.context);
    this.endHover = effect(() => {
      void this.hover.value;
      this.draw();
    });
  }

  close(): void {
    clearTimeout(this.growth);
    this.endHover();
    this.surface.close();
    this.stripSurface.close();
  }

  // What is shown --------------------------------------------------------------------------------------------------

  show(scene: Scene, nowUs: () => number): void {
    const pointed = this.hover.peek();
    this.scene = scene;
    this.clock = nowUs;
    this.hover.value = null; // a spot of the scene before
    if (this.selected !== null) this.selected = this.again(this.selected);
    if (this.isFitted.peek()) this.window = fitted(this.whole);
    this.scrollTo(this.scrollY);
    const kept = pointed?.isByKey === true ? this.again(pointed.spot) : null;
    if (kept === null) this.point(this.pointerX, this.pointerY);
    else this.mark(kept);
  }

  set(options: Options): void {
    this.options = options;
    this.draw();
  }

  /** Marks a task run, and moves the window to it if it is elsewhere. */
  select(spot: Spot | null): void {
    this.selected = spot;
    if (spot !== null) this.reveal(spot);
    this.draw();
  }

  reveal(spot: Spot): void {
    const place = placeOf(spot, this.nowUs);
    if (!this.isFitted.peek()) this.moveTo(revealing(this.window, this.whole, place.start, place.to));
    if (place.top < this.scrollY) this.scrollTo(place.top - 8);
    else if (place.top + place.height > this.scrollY + this.room) this.scrollTo(place.top + place.height + 8 - this.room);
  }

  draw(): void {
    this.surface.draw();
  }

  // Moving ----------------------------------------------------------------------------------------------------------

  fit(): void {
    this.moveTo(fitted(this.whole));
    this.isFitted.value = true;
  }

  /** Shows `factor` times as much, with the time at `x` where it is. */
  zoom(factor: number, x = (this.left + this.width) / 2, isGliding = false): void {
    const from = this.glide?.to ?? this.window;
    const at = from.from + ((x - this.left) / (this.width - this.left)) * spanOf(from);
    const to = zoomed(from, this.whole, at, factor);
    this.isFitted.value = spanOf(to) >= spanOf(fitted(this.whole));
    if (isGliding) this.moveTo(to);
    else this.jumpTo(to);
  }

  pan(pixels: number): void {
    if (this.isFitted.peek()) return;
    this.jumpTo(panned(this.window, this.whole, pixels * this.usPerPixel));
  }

  scroll(pixels: number): void {
    this.scrollTo(this.scrollY + pixels);
  }

  /** Puts the thumb of the scroll bar at a height. */
  scrollToShare(y: number): void {
    this.scrollTo(((y - AXIS_HEIGHT) / this.room) * this.scene.height - this.room / 2);
  }

  /** Shows another part of the run. */
  look(window: TimeWindow): void {
    this.isFitted.value = false;
    this.jumpTo(zoomed(panned(window, this.whole, 0), this.whole, window.from, 1));
  }

  point(x: number | null, y = 0): void {
    this.pointerX = x;
    this.pointerY = y;
    const spot = x === null || x < this.left || y < AXIS_HEIGHT ? null : this.spotAt(x, y);
    const known = this.hover.peek();
    if (spot === null) this.hover.value = null;
    else if (known?.spot.row !== spot.row || known.spot.section !== spot.section || known.x !== x || known.y !== y)
      this.hover.value = { spot, x: x!, y, isByKey: false };
    this.draw();
  }

  /** Points at a task run as the keyboard does. */
  pointAt(spot: Spot): void {
    this.reveal(spot);
    this.mark(spot);
  }

  private mark(spot: Spot): void {
    const place = placeOf(spot, this.nowUs);
    const x = this.left + (Math.max(place.start, this.window.from) - this.window.from) / this.usPerPixel;
    this.pointerX = null;
    const y = AXIS_HEIGHT + place.top - this.scrollY + place.height;
    this.hover.value = {
      spot,
      x: Math.min(x, this.width - 8),
      y,
      isByKey: true,
    };
  }

  /** Points at what was pointed at: in another size it is elsewhere, and under the pointer there may be something else. */
  private pointAnew(): void {
    const hover = this.hover.peek();
    if (hover?.isByKey === true) {
      this.pointAt(hover.spot);
      return;
    }
    this.hover.value = null;
    this.point(this.pointerX !== null && this.pointerX < this.width ? this.pointerX : null, this.pointerY);
  }

  // Where things are ------------------------------------------------------------------------------------------------

  /** Where the lanes begin. */
  get left(): number {
    return this.width < 560 ? 92 : 176;
  }

  get shownWindow(): TimeWindow {
    return this.window;
  }

  get width(): number {
    return Math.max(240, this.surface.width); // an element that is not laid out yet has none
  }

  get usPerPixel(): number {
    return spanOf(this.window) / (this.width - this.left);
  }

  /** From the start of the run to now, or to its end. */
  get whole(): TimeWindow {
    const { whole, isRunning } = this.scene;
    return isRunning ? { from: whole.from, to: Math.max(whole.to, this.nowUs) } : whole;
  }

  get nowUs(): number {
    return this.clock();
  }

  get hasSelection(): boolean {
    return this.selected !== null;
  }

  get canScroll(): boolean {
    return this.scene.height > this.room;
  }

  spotAt(x: number, y: number): Spot | null {
    const us = this.window.from + (x - this.left) * this.usPerPixel;
    return spotAt(this.scene, us, this.sceneY(y), REACH_PIXELS * this.usPerPixel, this.nowUs);
  }

  /** The subflow whose line is at a height. */
  subflowAt(y: number): Section | null {
    const at = this.sceneY(y);
    return (
      this.scene.sections.find((section) => section.kind === "subflow" && at >= section.top && at < section.top + section.lanes.height) ??
      null
    );
  }

  /** A row of the flow run's own section, or of an open subflow's. */
  spotOf(run: string, row: number): Spot | null {
    return this.spotIn("tasks", run, row);
  }

  /** A spot of the scene before in the one that is shown. */
  private again({ section, row }: Spot): Spot | null {
    return this.spotIn(section.kind, section.run, row);
  }

  private spotIn(kind: Section["kind"], run: string, row: number): Spot | null {
    const section = this.scene.sections.find((candidate) => candidate.kind === kind && candidate.run === run);
    return section === undefined || row < 0 || row >= section.lanes.trackOf.length ? null : { section, row };
  }

  get shownScene(): Scene {
    return this.scene;
  }

  private sceneY(y: number): number {
    return y - AXIS_HEIGHT + this.scrollY;
  }

  private get room(): number {
    return this.surface.height - AXIS_HEIGHT;
  }

  // Painting --------------------------------------------------------------------------------------------------------

  private paint(): void {
    this.goOnGliding();
    if (this.isFitted.peek() && this.glide === null) this.window = fitted(this.whole);
    const frame: Frame = {
      width: this.width,
      height: this.surface.height,
      scale: this.surface.scale,
      left: this.left,
      window: this.window,
      scrollY: this.scrollY,
      nowUs: this.nowUs,
      clockFromUs: this.options.clockFromUs,
      pointerX: this.pointerX,
      hovered: this.hover.peek()?.spot ?? null,
      selected: this.selected,
      critical: this.options.critical,
    };
    this.painter.paint(this.scene, frame, this.surface.theme);
    this.paintStrip();
    if (this.glide !== null) this.draw();
    else if (this.scene.isRunning) this.drawWhenGrown();
  }

  private paintStrip(): void {
    const { theme, scale } = this.stripSurface;
    this.overview.paint(this.scene, this.window, theme, this.width, this.left, scale);
  }

  /** A bar that runs grows by a pixel in so much time; before that there is nothing to be seen. */
  private drawWhenGrown(): void {
    clearTimeout(this.growth);
    this.growth = window.setTimeout(() => this.draw(), Math.min(1000, Math.max(16, this.usPerPixel / 1000)));
  }

  private moveTo(window: TimeWindow): void {
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) {
      this.jumpTo(window);
      return;
    }
    this.glide = { from: this.window, to: window, since: performance.now() };
    this.draw();
  }

  private jumpTo(window: TimeWindow): void {
    this.glide = null;
    this.window = window;
    this.draw();
  }

  private goOnGliding(): void {
    if (this.glide === null) return;
    const share = Math.min(1, (performance.now() - this.glide.since) / GLIDE_MS);
    const eased = 1 - (1 - share) ** 3;
    const { from, to } = this.glide;
    this.window = {
      from: from.from + (to.from - from.from) * eased,
      to: from.to + (to.to - from.to) * eased,
    };
    if (share === 1) this.glide = null;
  }

  private scrollTo(y: number): void {
    this.scrollY = Math.max(0, Math.min(y, this.scene.height - this.room));
    this.draw();
  }
}
