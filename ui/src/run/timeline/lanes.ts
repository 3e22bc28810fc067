// Where every task run of a store is drawn: lanes (a worker, a task or a task run each), tracks in a lane so that nothing
// overlaps, and the order along each track. Pure: rows and times in, arrays out. Heights are in CSS pixels, times in
// microseconds after the store's base.

import { type Groups, NONE, type TaskStore } from "../../data/task_store";
import { visible } from "../../text/visible";

export type LaneMode = "worker" | "task" | "run";

/** More than so many runs of a lane at once are drawn over each other: nobody can tell them apart any more. */
const MOST_TRACKS = 128;
/** A run that ends as the next one begins, give or take the precision of clocks, leaves the track to it. */
const TOLERANCE_US = 1;

export const LANE_PADDING = 4;
/** The track of a lane where all that only waits is drawn, as one line. */
const WAITING_HEIGHT = 6;

export interface Lanes {
  mode: LaneMode;
  count: number;
  /** What the lane stands for: a worker's or task's code, a row. NONE: no worker. */
  subject: Int32Array;
  /** The upper edge of each lane, and the lower one of the last. */
  top: Float64Array;
  /** The first track of each lane, and how many there are in all. */
  firstTrack: Int32Array;
  trackTop: Float64Array;
  trackHeight: Float32Array;
  /** The first place of each track, and how many places there are in all. */
  firstPlace: Int32Array;
  /** The row at each place: along a track they go by start. */
  rows: Int32Array;
  /** From when the track shows the row at each place to wait: since it was submitted, or the track was left to it. */
  waitFrom: Float64Array;
  /** The track of each row. */
  trackOf: Int32Array;
  /** How many rows of each lane only wait so far. One, the first, stands for them on a track of their own. */
  waiting: Int32Array;
  height: number;
}

/** When the bar of a row begins: a run that ended without having started is a point; one that waits has no bar, NaN. */
export function barStart(store: TaskStore, row: number): number {
  const started = store.started[row]!;
  return Number.isNaN(started) ? store.ended[row]! : started;
}

/** When the bar of a row ends: infinity for what still runs. */
export function barEnd(store: TaskStore, row: number): number {
  const ended = store.ended[row]!;
  return Number.isNaN(ended) ? Infinity : ended;
}

/** One lane a worker where the workers are few; a task run each where these are few. */
export function defaultMode(store: TaskStore): LaneMode {
  if (store.length <= 60) return "run";
  return store.workers.length > 0 && store.workers.length <= 64 ? "worker" : "task";
}

export function layOut(store: TaskStore, mode: LaneMode): Lanes {
  const begin = new Float64Array(store.length);
  for (let row = 0; row < store.length; row++) begin[row] = barStart(store, row);
  return mode === "run" ? oneEach(store) : packed(store, mode, begin);
}

/** A lane a task run, in the order of submission. */
function oneEach(store: TaskStore): Lanes {
  const count = store.length;
  const height = heightOfTracks(1);
  const builder = new LaneBuilder("run", count, count, count);
  for (let row = 0; row < count; row++) {
    builder.openLane(row);
    builder.openTrack(height);
    builder.put(row, store.submitted[row]!);
    builder.closeLane();
  }
  return builder.finish();
}

/** A lane a group of rows, whose overlapping ones go to tracks side by side. */
function packed(store: TaskStore, mode: "worker" | "task", begin: Float64Array): Lanes {
  const groups = mode === "worker" ? store.rowsByWorker() : store.rowsByTask();
  const lanes = lanesByFirstStart(groups, begin, store);
  const builder = new LaneBuilder(mode, lanes.length, Math.min(store.length, lanes.length * (MOST_TRACKS + 1)), store.length);
  const packing = new Packing();
  for (const lane of lanes) {
    builder.openLane(mode === "worker" && lane.group === store.workers.length ? NONE : lane.group);
    packing.pack(lane.started, begin, store);
    const height = heightOfTracks(packing.trackCount);
    for (let track = 0; track < packing.trackCount; track++) {
      builder.openTrack(height);
      let freeFrom = -Infinity;
      for (let at = 0; at < lane.started.length; at++) {
        if (packing.trackAt[at] !== track) continue;
        const row = lane.started[at]!;
        builder.put(row, Math.min(begin[row]!, Math.max(store.submitted[row]!, freeFrom)));
        freeFrom = Math.max(freeFrom, barEnd(store, row));
      }
    }
    if (lane.waiting.length > 0) {
      builder.openTrack(WAITING_HEIGHT);
      builder.putWaiting(lane.waiting, store.submitted[lane.waiting[0]!]!);
    }
    builder.closeLane();
  }
  return builder.finish();
}

interface LaneRows {
  group: number;
  /** Those with a bar, by its start. */
  started: Int32Array;
  waiting: Int32Array;
}

/** The groups that have rows: by when the first of them began, what only waits at the end. */
function lanesByFirstStart(groups: Groups, begin: Float64Array, store: TaskStore): LaneRows[] {
  const lanes: LaneRows[] = [];
  for (let group = 0; group + 1 < groups.from.length; group++) {
    const rows = groups.rows.subarray(groups.from[group], groups.from[group + 1]);
    if (rows.length === 0) continue;
    const started = sortedByStart(
      rows.filter((row) => !Number.isNaN(begin[row]!)),
      begin,
    );
    const waiting = rows.filter((row) => Number.isNaN(begin[row]!));
    lanes.push({ group, started, waiting });
  }
  const isWithoutWorker = (lane: LaneRows): boolean => store.worker[lane.started[0] ?? lane.waiting[0]!] === NONE;
  const first = (lane: LaneRows): number => (lane.started.length > 0 ? begin[lane.started[0]!]! : Infinity);
  return lanes.sort((a, b) => Number(isWithoutWorker(a)) - Number(isWithoutWorker(b)) || compare(first(a), first(b)) || a.group - b.group);
}

function compare(a: number, b: number): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Rows are nearly always in that order already, as they are submitted in it. */
function sortedByStart(rows: Int32Array, begin: Float64Array): Int32Array {
  for (let at = 1; at < rows.length; at++)
    if (begin[rows[at - 1]!]! > begin[rows[at]!]!) return rows.sort((a, b) => begin[a]! - begin[b]! || a - b);
  return rows;
}

/** Puts each row on the uppermost track that is free when it begins. */
class Packing {
  trackCount = 0;
  /** The track of the row at each place of what was packed. */
  trackAt = new Uint8Array(0);
  private readonly freeFrom = new Float64Array(MOST_TRACKS);

  pack(rows: Int32Array, begin: Float64Array, store: TaskStore): void {
    this.trackCount = 0;
    this.trackAt = new Uint8Array(rows.length);
    for (let at = 0; at < rows.length; at++) {
      const row = rows[at]!;
      const track = this.freeTrack(begin[row]!);
      this.trackAt[at] = track;
      this.freeFrom[track] = Math.max(this.freeFrom[track]!, barEnd(store, row));
    }
  }

  private freeTrack(start: number): number {
    let soonest = 0;
    for (let track = 0; track < this.trackCount; track++) {
      if (this.freeFrom[track]! <= start + TOLERANCE_US) return track;
      if (this.freeFrom[track]! < this.freeFrom[soonest]!) soonest = track;
    }
    if (this.trackCount === MOST_TRACKS) return soonest;
    this.freeFrom[this.trackCount] = -Infinity;
    return this.trackCount++;
  }
}

/** The more tracks a lane has, the thinner they are. */
function heightOfTracks(count: number): number {
  if (count <= 2) return 18;
  if (count <= 6) return 14;
  if (count <= 16) return 9;
  return count <= 48 ? 6 : 4;
}

class LaneBuilder {
  private readonly lanes: Lanes;
  private lane = 0;
  private track = 0;
  private place = 0;
  private y = 0;

  constructor(mode: LaneMode, laneCount: number, mostTracks: number, placeCount: number) {
    this.lanes = {
      mode,
      count: laneCount,
      subject: new Int32Array(laneCount),
      top: new Float64Array(laneCount + 1),
      firstTrack: new Int32Array(laneCount + 1),
      trackTop: new Float64Array(mostTracks),
      trackHeight: new Float32Array(mostTracks),
      firstPlace: new Int32Array(mostTracks + 1),
      rows: new Int32Array(placeCount),
      waitFrom: new Float64Array(placeCount),
      trackOf: new Int32Array(placeCount),
      waiting: new Int32Array(laneCount),
      height: 0,
    };
  }

  openLane(subject: number): void {
    this.lanes.subject[this.lane] = subject;
    this.lanes.top[this.lane] = this.y;
    this.lanes.firstTrack[this.lane] = this.track;
    this.y += LANE_PADDING;
  }

  openTrack(height: number): void {
    this.lanes.trackTop[this.track] = this.y;
    this.lanes.trackHeight[this.track] = height;
    this.lanes.firstPlace[this.track] = this.place;
    this.track++;
    this.y += height;
  }

  put(row: number, waitFrom: number): void {
    this.lanes.rows[this.place] = row;
    this.lanes.waitFrom[this.place] = waitFrom;
    this.lanes.trackOf[row] = this.track - 1;
    this.place++;
  }

  putWaiting(rows: Int32Array, waitFrom: number): void {
    this.put(rows[0]!, waitFrom);
    for (const row of rows) this.lanes.trackOf[row] = this.track - 1;
    this.lanes.waiting[this.lane] = rows.length;
  }

  closeLane(): void {
    this.y += LANE_PADDING;
    this.lane++;
  }

  finish(): Lanes {
    const { lanes } = this;
    lanes.top[this.lane] = this.y;
    lanes.firstTrack[this.lane] = this.track;
    lanes.firstPlace[this.track] = this.place;
    lanes.trackTop = lanes.trackTop.slice(0, this.track);
    lanes.trackHeight = lanes.trackHeight.slice(0, this.track);
    lanes.firstPlace = lanes.firstPlace.slice(0, this.track + 1);
    lanes.rows = lanes.rows.slice(0, this.place);
    lanes.waitFrom = lanes.waitFrom.slice(0, this.place);
    lanes.height = this.y;
    return lanes;
  }
}

/** The lane at a height, or NONE. */
export function laneAt(lanes: Lanes, y: number): number {
  if (y < 0 || y >= lanes.height) return NONE;
  return lastAtOrBefore(lanes.top, lanes.count, y);
}

/** The track at a height, or NONE between tracks. */
export function trackAt(lanes: Lanes, y: number): number {
  const track = lastAtOrBefore(lanes.trackTop, lanes.trackTop.length, y);
  return track !== NONE && y < lanes.trackTop[track]! + lanes.trackHeight[track]! ? track : NONE;
}

/** The last of the first `count` ascending values that is not above `value`, or NONE. */
function lastAtOrBefore(values: Float64Array, count: number, value: number): number {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle]! <= value) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** How many rows a lane has, those that wait included. */
function rowCountOf(lanes: Lanes, lane: number): number {
  const shown = lanes.firstPlace[lanes.firstTrack[lane + 1]!]! - lanes.firstPlace[lanes.firstTrack[lane]!]!;
  return shown + Math.max(0, lanes.waiting[lane]! - 1);
}

/** What is written beside a lane. */
export function labelOf(store: TaskStore, lanes: Lanes, lane: number): string {
  const subject = lanes.subject[lane]!;
  if (subject === NONE) return lanes.waiting[lane] === rowCountOf(lanes, lane) ? "waiting" : "no worker";
  if (lanes.mode === "worker") return visible(store.workers[subject]!);
  return visible(lanes.mode === "task" ? store.tasks[subject]! : store.nameOf(subject));
}
