// The bars of the task runs in sight. Walking the pyramids gathers them by colour; then they are painted together, and
// over them what tells more than a colour: hatching on what failed, its attempts, lines of waiting, labels.

import { cutInside } from "../../text/cut";
import { type Attempt, STATE_TYPES } from "../../data/task_store";
import { visible } from "../../text/visible";
import { spanLabel } from "../spans";
import type { Theme } from "../theme";
import { Columns, Fills } from "./columns";
import { CHARACTER_WIDTH, type Frame, LABEL_FONT_SIZE, usPerPixel, yOf } from "./frame";
import { KeptTexts } from "./kept_texts";
import { barEnd, barStart } from "./lanes";
import { DIMMED, isBad } from "./marks";
import type { Sink } from "./pyramid";
import { Rectangles } from "./rectangles";
import type { Section } from "./scene";

const NARROWEST_BAR = 3;
const WIDEST_GROUP = 2;
const FAILED = STATE_TYPES.indexOf("FAILED");
const RUNNING = STATE_TYPES.indexOf("RUNNING");
/** More labels than that nobody reads, and each costs as much as a hundred bars. */
const MOST_LABELS = 250;
/** A name that is cut shorter says nothing. */
const SHORTEST_LABEL = 5;

interface Label {
  text: string;
  x: number;
  y: number;
  mark: number;
}

export class Bars implements Sink {
  private readonly fills = new Fills();
  private readonly columns = new Columns(this.fills);
  private readonly hatched = new Rectangles();
  private readonly crosses = new Rectangles();
  private readonly waits = new Rectangles();
  private readonly edges = new Rectangles();
  private readonly labels: Label[] = Array.from({ length: MOST_LABELS }, () => ({ text: "", x: 0, y: 0, mark: 0 }));
  private labelCount = 0;
  private readonly names = new KeptTexts<Section>();
  private readonly durations = new Durations();
  private hatch: { colour: string; pattern: CanvasPattern } | null = null;

  // What is being walked.
  private frame!: Frame;
  private section!: Section;
  private usPerPixel = 1;
  private y = 0;
  private height = 0;

  /** Takes in the rows of a section that are in sight. */
  gather(section: Section, frame: Frame): void {
    const { lanes } = section;
    this.frame = frame;
    this.section = section;
    this.usPerPixel = usPerPixel(frame);
    const from = frame.window.from - section.shiftUs;
    const to = frame.window.to - section.shiftUs;
    for (let track = firstTrackFrom(section, frame.scrollY - section.top); track < lanes.trackTop.length; track++) {
      this.y = yOf(frame, section.top + lanes.trackTop[track]!);
      if (this.y > frame.height) break;
      this.height = lanes.trackHeight[track]! - (lanes.trackHeight[track]! > 6 ? 2 : 1);
      this.columns.begin(this.y, this.height);
      section.pyramid.walk(track, from, to, WIDEST_GROUP * this.usPerPixel, this);
      this.columns.end();
    }
  }

  bar(place: number): void {
    const { section } = this;
    const row = section.lanes.rows[place]!;
    const mark = section.marks[row]!;
    const shown = barStart(section.store, row);
    const end = Math.min(barEnd(section.store, row), this.frame.nowUs - section.shiftUs);
    const x1 = this.x(end);
    const x0 = Number.isNaN(shown) ? x1 : this.x(shown);
    this.addWait(this.x(section.lanes.waitFrom[place]!), x0);
    if (Number.isNaN(shown)) return;
    if (x1 - x0 < NARROWEST_BAR) {
      this.columns.add(x0, Math.max(x1, x0), 1, mark, isBad(mark) ? 1 : 0);
      this.addDuration(row, x0, x1, mark);
    } else {
      this.columns.end();
      this.addBar(row, Math.max(x0, this.frame.left - 8), Math.min(x1, this.frame.width + 8), mark);
      this.addLabel(row, x0, x1, mark);
    }
  }

  group(from: number, to: number, busyUs: number, mark: number, badShare: number): void {
    this.columns.add(this.x(from), this.x(to), to > from ? Math.min(1, busyUs / (to - from)) : 1, mark, badShare);
  }

  /** Paints what was gathered, and forgets it. */
  paint(context: CanvasRenderingContext2D, theme: Theme): void {
    context.fillStyle = theme.muted;
    context.globalAlpha = 0.55;
    this.waits.paint(context);
    context.globalAlpha = 1;
    this.fills.paint(context, theme.marks);
    context.fillStyle = this.hatchOf(context, theme.surface);
    this.hatched.paint(context);
    context.fillStyle = theme.marks[FAILED]!;
    this.crosses.paint(context);
    context.fillStyle = theme.accent;
    this.edges.paint(context);
    this.paintLabels(context, theme);
  }

  private x(us: number): number {
    return this.frame.left + (us + this.section.shiftUs - this.frame.window.from) / this.usPerPixel;
  }

  private addWait(from: number, to: number): void {
    if (to - from < NARROWEST_BAR) return;
    const left = Math.max(from, this.frame.left);
    const middle = Math.floor(this.y + this.height / 2);
    this.waits.add(left, middle, Math.min(to, this.frame.width) - left, 1);
    if (this.height >= 9 && from >= this.frame.left) this.waits.add(from, middle - 2, 1, 5);
  }

  private addBar(row: number, left: number, right: number, mark: number): void {
    const { y, height, section } = this;
    const width = right - left > 4 ? right - left - 1 : right - left;
    const attempts = section.store.attemptsOf(row);
    if (attempts.length > 1 && width > 6 && mark !== DIMMED) {
      this.addAttempts(attempts, left, width, mark);
      return;
    }
    this.addBlock(left, width, mark);
    if (isBad(mark) && width > 3) this.hatched.add(left, y, width, height);
    if (mark === RUNNING && width > 3) this.edges.add(left + width - 1, y, 2, height);
  }

  /** The attempts that failed are hatched, with a line of waiting behind each; the last one has the run's own mark. */
  private addAttempts(attempts: readonly Attempt[], left: number, width: number, mark: number): void {
    const { y, height } = this;
    const right = left + width;
    let from = left;
    for (let at = 0; at < attempts.length; at++) {
      const [startedUs, endedUs] = attempts[at]!;
      const isLast = at === attempts.length - 1;
      const x0 = Math.min(right, Math.max(left, this.x(startedUs)));
      const x1 = isLast ? right : Math.max(left, Math.min(right, this.x(endedUs)));
      if (x0 - from > 1) this.waits.add(from, Math.floor(y + height / 2), x0 - from, 1);
      this.addBlock(x0, Math.max(1, x1 - x0), isLast ? mark : FAILED);
      if (!isLast || isBad(mark)) this.hatched.add(x0, y, Math.max(1, x1 - x0), height);
      if (!isLast && x1 - x0 > 3) this.addCross(x1 + 4, y + height / 2);
      from = x1;
    }
  }

  private addBlock(left: number, width: number, mark: number): void {
    const fill = this.fills.of(mark);
    if (width < 10 || this.height < 9) {
      fill.add(left, this.y, width, this.height);
      return;
    }
    fill.add(left, this.y + 1, width, this.height - 2); // corners a pixel round
    fill.add(left + 1, this.y, width - 2, this.height);
  }

  private addCross(x: number, y: number): void {
    for (let step = -2; step <= 2; step++) {
      this.crosses.add(Math.round(x) + step, Math.round(y) + step, 1, 1);
      this.crosses.add(Math.round(x) + step, Math.round(y) - step, 1, 1);
    }
  }

  /** Inside the bar where that is wide enough, for lanes of one run: how long it took, beside the bar. */
  private addLabel(row: number, x0: number, x1: number, mark: number): void {
    const { section } = this;
    if (section.lanes.mode === "run") {
      this.addDuration(row, x0, x1, mark);
      return;
    }
    if (this.height < 12 || mark === DIMMED || x1 - x0 < SHORTEST_LABEL * CHARACTER_WIDTH) return;
    const attempts = section.store.attemptsOf(row);
    const lastStart = attempts.length > 1 ? this.x(attempts[attempts.length - 1]![0]) + 5 : x0;
    const left = Math.max(lastStart, x0, this.frame.left);
    const characters = Math.floor((Math.min(x1, this.frame.width) - left - 10) / CHARACTER_WIDTH);
    if (characters < SHORTEST_LABEL) return;
    const text = this.names.of(section, row, () => visible(section.store.nameOf(row)));
    this.putLabel(cutInside(text, characters), left + 5, mark);
  }

  /** Behind the bar; where that is outside the window, at the end of the bar, or before it if it is too short. */
  private addDuration(row: number, x0: number, x1: number, mark: number): void {
    const { frame, section } = this;
    if (section.lanes.mode !== "run" || x1 > frame.width || x1 < frame.left) return;
    const text = this.durations.of(section, row, frame.nowUs);
    const width = text.length * CHARACTER_WIDTH;
    if (x1 + 6 + width <= frame.width) this.putLabel(text, x1 + 6, BESIDE);
    else if (x1 - Math.max(x0, frame.left) > width + 10 && mark !== DIMMED) this.putLabel(text, x1 - width - 5, mark);
    else if (x0 - width - 6 > frame.left) this.putLabel(text, x0 - width - 6, BESIDE);
  }

  private putLabel(text: string, x: number, mark: number): void {
    if (this.labelCount === MOST_LABELS) return;
    const label = this.labels[this.labelCount++]!;
    label.text = text;
    label.x = x;
    label.y = this.y + this.height / 2 + 0.5;
    label.mark = mark;
  }

  private paintLabels(context: CanvasRenderingContext2D, theme: Theme): void {
    context.font = `${LABEL_FONT_SIZE}px ${theme.font}`;
    context.textBaseline = "middle";
    context.textAlign = "left";
    for (let at = 0; at < this.labelCount; at++) {
      const { text, x, y, mark } = this.labels[at]!;
      if (mark !== BESIDE && isBad(mark)) {
        context.fillStyle = theme.marks[mark]!; // letters cannot be read on hatching
        context.fillRect(x - 3, y - LABEL_FONT_SIZE / 2 - 1, text.length * CHARACTER_WIDTH + 6, LABEL_FONT_SIZE + 2);
      }
      context.fillStyle = mark === BESIDE ? theme.muted : theme.onMarks[mark]!;
      context.fillText(text, x, y);
    }
    this.labelCount = 0;
  }

  private hatchOf(context: CanvasRenderingContext2D, colour: string): CanvasPattern {
    if (this.hatch?.colour !== colour) this.hatch = { colour, pattern: hatching(context, colour) };
    return this.hatch.pattern;
  }
}

/** The mark of a label that stands on the ground. */
const BESIDE = -1;

function firstTrackFrom(section: Section, y: number): number {
  const { trackTop, trackHeight } = section.lanes;
  let low = 0;
  let high = trackTop.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (trackTop[middle]! + trackHeight[middle]! < y) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Slanting stripes of a colour, for what failed: it is told without its colour, too. */
function hatching(context: CanvasRenderingContext2D, colour: string): CanvasPattern {
  const tile = document.createElement("canvas");
  tile.width = tile.height = 6;
  const pen = tile.getContext("2d")!;
  pen.strokeStyle = colour;
  pen.globalAlpha = 0.38;
  pen.lineWidth = 1.6;
  pen.beginPath();
  for (const shift of [-6, 0, 6]) {
    pen.moveTo(shift - 1, 7);
    pen.lineTo(shift + 7, -1);
  }
  pen.stroke();
  return context.createPattern(tile, "repeat")!;
}

/** How long a task run took, or takes so far. */
class Durations {
  private readonly kept = new KeptTexts<Section>();

  of(section: Section, row: number, nowUs: number): string {
    const { store } = section;
    if (!store.isEnded(row)) return spanLabel(nowUs - section.shiftUs - barStart(store, row));
    const hasStarted = !Number.isNaN(store.started[row]!);
    return this.kept.of(section, row, () => (hasStarted ? spanLabel(store.ended[row]! - store.started[row]!) : ""));
  }
}
