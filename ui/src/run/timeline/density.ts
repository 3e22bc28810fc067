// How many task runs were under way in each part of a run, and how many of them ended badly: what the overview draws.
// Pure.

import { STATE_TYPES, type TaskStore } from "../../data/task_store";
import { barEnd, barStart } from "./lanes";
import { DIMMED, isBad } from "./marks";
import { spanOf, type TimeWindow } from "./window";

export interface Density {
  /** Task runs under way, on average, in each bucket: those that ended well or go on, that went wrong, were cancelled, are dimmed. */
  readonly good: Float32Array;
  readonly bad: Float32Array;
  readonly cancelled: Float32Array;
  readonly dimmed: Float32Array;
  readonly most: number;
}

const CANCELLED = STATE_TYPES.indexOf("CANCELLED");

export function densityOf(store: TaskStore, marks: Uint8Array, whole: TimeWindow, bucketCount: number): Density {
  const good = new Float32Array(bucketCount + 1);
  const bad = new Float32Array(bucketCount + 1);
  const cancelled = new Float32Array(bucketCount + 1);
  const dimmed = new Float32Array(bucketCount + 1);
  const perUs = bucketCount / Math.max(1, spanOf(whole));
  for (let row = 0; row < store.length; row++) {
    const start = barStart(store, row);
    if (Number.isNaN(start)) continue;
    const mark = marks[row]!;
    const into = mark === DIMMED ? dimmed : isBad(mark) ? bad : mark === CANCELLED ? cancelled : good;
    const end = Math.min(barEnd(store, row), whole.to);
    addStretch(into, (start - whole.from) * perUs, (end - whole.from) * perUs);
  }
  let most = 0;
  for (let bucket = 0; bucket < bucketCount; bucket++)
    most = Math.max(most, good[bucket]! + bad[bucket]! + cancelled[bucket]! + dimmed[bucket]!);
  return { good, bad, cancelled, dimmed, most };
}

/** Adds to each bucket how much of it the stretch covers: a very short one counts a little, so that it is seen. */
function addStretch(buckets: Float32Array, from: number, to: number): void {
  const last = buckets.length - 2;
  const first = Math.max(0, Math.min(last, Math.floor(from)));
  const end = Math.max(0, Math.min(last, Math.floor(to)));
  if (first === end) {
    buckets[first]! += Math.max(0.02, to - from);
    return;
  }
  buckets[first]! += first + 1 - from;
  for (let bucket = first + 1; bucket < end; bucket++) buckets[bucket]! += 1;
  buckets[end]! += to - end;
}
