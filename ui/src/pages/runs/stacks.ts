// A histogram of runs as stacked bars: what failed lies on top, where it is seen. Pure.

import type { StateType } from "../../data/task_store";
import type { Counts } from "../../data/views";

export interface Buckets {
  from_us: number;
  step_us: number;
  buckets: Counts[];
}

type Stacked = [seconds: number[], all: number[], withoutFailed: number[], done: number[]];

const FAILED: readonly StateType[] = ["FAILED", "CRASHED"];
const DONE: readonly StateType[] = ["COMPLETED", "CANCELLED"];

export function stackedOf({ from_us, step_us, buckets }: Buckets): Stacked {
  const sum = (counts: Counts, types: readonly StateType[]): number => types.reduce((whole, type) => whole + (counts[type] ?? 0), 0);
  const whole = (counts: Counts): number => Object.values(counts).reduce((all, count) => all + count, 0);
  return [
    buckets.map((_, at) => (from_us + at * step_us) / 1e6),
    buckets.map(whole),
    buckets.map((counts) => whole(counts) - sum(counts, FAILED)),
    buckets.map((counts) => sum(counts, DONE)),
  ];
}
