// What is too small to be seen one by one, summed up beforehand: over each track stands a pyramid whose groups cover four
// bars, sixteen, and so on. Who draws walks down from the top, skips what is out of sight, and stops at groups that are no
// wider than a pixel or two: so a frame costs as much as it has pixels, however many task runs there are.

import type { TaskStore } from "../../data/task_store";
import { barEnd, barStart, type Lanes } from "./lanes";
import { DIMMED, isBad, URGENCY_OF } from "./marks";

const FAN_OUT = 4;
/** A track with fewer bars is looked through one by one. */
const FEWEST_BARS = 16;

/** What a part of a track shows. A walk calls one of both for everything in sight, from left to right. */
export interface Sink {
  bar(place: number): void;
  group(from: number, to: number, busyUs: number, mark: number, badShare: number): void;
}

export class Pyramid {
  /** Groups of all tracks, level by level: the first group of each track's lowest level, or -1. */
  private readonly firstGroup: Int32Array;
  private readonly from: Float64Array;
  private readonly to: Float64Array;
  private readonly busy: Float64Array;
  private readonly bad: Int32Array;
  private readonly bars: Int32Array;
  private readonly mark: Uint8Array;
  private readonly lanes: Lanes;
  /** From when to when each place is to be seen, its waiting included. */
  private readonly seenFrom: Float64Array;
  private readonly seenTo: Float64Array;

  constructor(store: TaskStore, lanes: Lanes, marks: Uint8Array) {
    this.lanes = lanes;
    this.seenFrom = lanes.waitFrom;
    this.seenTo = Float64Array.from(lanes.rows, (row) => barEnd(store, row));
    const trackCount = lanes.trackTop.length;
    let groupCount = 0;
    this.firstGroup = new Int32Array(trackCount).fill(-1);
    for (let track = 0; track < trackCount; track++) {
      const barCount = lanes.firstPlace[track + 1]! - lanes.firstPlace[track]!;
      if (barCount < FEWEST_BARS) continue;
      this.firstGroup[track] = groupCount;
      for (let size = above(barCount); ; size = above(size)) {
        groupCount += size;
        if (size === 1) break;
      }
    }
    this.from = new Float64Array(groupCount);
    this.to = new Float64Array(groupCount);
    this.busy = new Float64Array(groupCount);
    this.bad = new Int32Array(groupCount);
    this.bars = new Int32Array(groupCount);
    this.mark = new Uint8Array(groupCount).fill(DIMMED);
    for (let track = 0; track < trackCount; track++) if (this.firstGroup[track] !== -1) this.build(track, store, marks);
  }

  /** Tells the sink what is to be seen of a track between two times, where groups up to `widestGroupUs` stand for their bars. */
  walk(track: number, from: number, to: number, widestGroupUs: number, sink: Sink): void {
    const first = this.lanes.firstPlace[track]!;
    const barCount = this.lanes.firstPlace[track + 1]! - first;
    if (this.firstGroup[track] === -1) {
      this.walkBars(first, first + barCount, from, to, sink);
      return;
    }
    let level = 1;
    let groups = this.firstGroup[track]!;
    let size = above(barCount);
    while (size > 1) {
      groups += size;
      size = above(size);
      level++;
    }
    this.walkGroup(track, level, groups, 0, from, to, widestGroupUs, sink);
  }

  /** `levelStart` is the first group of that level; `at` counts from there. */
  private walkGroup(
    track: number,
    level: number,
    levelStart: number,
    at: number,
    from: number,
    to: number,
    widestGroupUs: number,
    sink: Sink,
  ): void {
    const group = levelStart + at;
    if (this.to[group]! < from || this.from[group]! > to) return;
    if (this.to[group]! - this.from[group]! <= widestGroupUs) {
      const badShare = this.bad[group]! / this.bars[group]!;
      sink.group(this.from[group]!, this.to[group]!, this.busy[group]!, this.mark[group]!, badShare);
      return;
    }
    const firstPlace = this.lanes.firstPlace[track]!;
    const barCount = this.lanes.firstPlace[track + 1]! - firstPlace;
    if (level === 1) {
      const last = Math.min(barCount, (at + 1) * FAN_OUT);
      this.walkBars(firstPlace + at * FAN_OUT, firstPlace + last, from, to, sink);
      return;
    }
    const sizeBelow = sizeOfLevel(barCount, level - 1);
    const last = Math.min(sizeBelow, (at + 1) * FAN_OUT);
    for (let child = at * FAN_OUT; child < last; child++)
      this.walkGroup(track, level - 1, levelStart - sizeBelow, child, from, to, widestGroupUs, sink);
  }

  private walkBars(first: number, last: number, from: number, to: number, sink: Sink): void {
    for (let place = first; place < last; place++) if (this.seenTo[place]! >= from && this.seenFrom[place]! <= to) sink.bar(place);
  }

  private build(track: number, store: TaskStore, marks: Uint8Array): void {
    const firstPlace = this.lanes.firstPlace[track]!;
    const barCount = this.lanes.firstPlace[track + 1]! - firstPlace;
    let groups = this.firstGroup[track]!;
    let size = above(barCount);
    this.open(groups, size);
    for (let at = 0; at < barCount; at++) {
      const place = firstPlace + at;
      const row = this.lanes.rows[place]!;
      const end = this.seenTo[place]!;
      const mark = marks[row]!;
      const start = barStart(store, row);
      const busy = Number.isNaN(start) ? 0 : end - start;
      this.add(groups + Math.floor(at / FAN_OUT), this.seenFrom[place]!, end, busy, Number(isBad(mark)), 1, mark);
    }
    while (size > 1) {
      const next = groups + size;
      this.open(next, above(size));
      for (let at = 0; at < size; at++) {
        const below = groups + at;
        this.add(
          next + Math.floor(at / FAN_OUT),
          this.from[below]!,
          this.to[below]!,
          this.busy[below]!,
          this.bad[below]!,
          this.bars[below]!,
          this.mark[below]!,
        );
      }
      groups = next;
      size = above(size);
    }
  }

  private open(first: number, count: number): void {
    this.from.fill(Infinity, first, first + count);
    this.to.fill(-Infinity, first, first + count);
  }

  private add(group: number, from: number, to: number, busy: number, bad: number, bars: number, mark: number): void {
    this.from[group] = Math.min(this.from[group]!, from);
    this.to[group] = Math.max(this.to[group]!, to);
    this.busy[group]! += busy;
    this.bad[group]! += bad;
    this.bars[group]! += bars;
    if (URGENCY_OF[mark]! > URGENCY_OF[this.mark[group]!]!) this.mark[group] = mark;
  }
}

/** How many groups stand over so many. */
function above(count: number): number {
  return Math.ceil(count / FAN_OUT);
}

function sizeOfLevel(barCount: number, level: number): number {
  let size = barCount;
  for (let at = 0; at < level; at++) size = above(size);
  return size;
}
