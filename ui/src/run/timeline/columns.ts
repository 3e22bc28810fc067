// What is narrower than a pixel, summed up into columns a pixel wide: as full as the time in it was busy, in the colour of
// the most urgent mark, and from below as red as the share of what failed. Equal columns side by side become one rectangle.

import { STATE_TYPES } from "../../data/task_store";
import { DIMMED, isBad, MARK_COUNT, URGENCY_OF } from "./marks";
import { Rectangles } from "./rectangles";

/** How full a column is, in steps: each is painted with an opacity of its own. */
export const OPACITIES = [0.4, 0.6, 0.8, 1];
const FULL = OPACITIES.length - 1;
const STEPS_OF_BAD = 4;
const COMPLETED = STATE_TYPES.indexOf("COMPLETED");

/** The rectangles of a frame by mark and opacity. */
export class Fills {
  private readonly rectangles = Array.from({ length: MARK_COUNT * OPACITIES.length }, () => new Rectangles());

  of(mark: number, step = FULL): Rectangles {
    return this.rectangles[mark * OPACITIES.length + step]!;
  }

  paint(context: CanvasRenderingContext2D, colours: readonly string[]): void {
    for (let step = 0; step < OPACITIES.length; step++) {
      context.globalAlpha = OPACITIES[step]!;
      for (let mark = 0; mark < MARK_COUNT; mark++) {
        if (this.of(mark, step).isEmpty) continue;
        context.fillStyle = colours[mark]!;
        this.of(mark, step).paint(context);
      }
    }
    context.globalAlpha = 1;
  }
}

export class Columns {
  // The column that is being filled.
  private x = NaN;
  private to = NaN;
  private fill = 0;
  private mark: number = DIMMED;
  private bad = 0;
  // Equal columns before it.
  private runX = NaN;
  private runTo = NaN;
  private runStep = 0;
  private runMark: number = DIMMED;
  private runBad = 0;
  // Where they are.
  private y = 0;
  private height = 0;

  constructor(private readonly fills: Fills) {}

  begin(y: number, height: number): void {
    this.y = y;
    this.height = height;
  }

  /** Something from one x to another that is no wider than a column or two; they come from left to right. */
  add(from: number, to: number, fill: number, mark: number, badShare: number): void {
    const x = Math.floor(from);
    if (x === this.x) {
      this.fill = Math.max(this.fill, fill);
      this.bad = Math.max(this.bad, badShare);
      this.to = Math.max(this.to, to);
      if (URGENCY_OF[mark]! > URGENCY_OF[this.mark]!) this.mark = mark;
      return;
    }
    this.endColumn(x);
    this.x = x;
    this.to = to;
    this.fill = fill;
    this.mark = mark;
    this.bad = badShare;
  }

  /** The end of the track, or a bar that is drawn by itself. */
  end(): void {
    this.endColumn(Infinity);
    this.endRun();
  }

  private endColumn(nextX: number): void {
    if (Number.isNaN(this.x)) return;
    const to = Math.min(Math.max(this.x + 1, Math.ceil(this.to)), Math.max(nextX, this.x + 1));
    const step = Math.min(FULL, Math.floor(this.fill * OPACITIES.length));
    const bad = isBad(this.mark) ? Math.ceil(this.bad * STEPS_OF_BAD) : 0;
    if (this.x === this.runTo && step === this.runStep && this.mark === this.runMark && bad === this.runBad) {
      this.runTo = to;
    } else {
      this.endRun();
      this.runX = this.x;
      this.runTo = to;
      this.runStep = step;
      this.runMark = this.mark;
      this.runBad = bad;
    }
    this.x = NaN;
  }

  private endRun(): void {
    if (Number.isNaN(this.runX)) return;
    const { y, height, runX } = this;
    const width = this.runTo - runX;
    if (this.runBad === 0 || this.runBad === STEPS_OF_BAD) {
      this.fills.of(this.runMark, this.runStep).add(runX, y, width, height);
    } else {
      const badHeight = Math.max(2, (height * this.runBad) / STEPS_OF_BAD);
      this.fills.of(COMPLETED, this.runStep).add(runX, y, width, height - badHeight);
      this.fills.of(this.runMark).add(runX, y + height - badHeight, width, badHeight);
    }
    this.runX = NaN;
    this.runTo = NaN;
  }
}
