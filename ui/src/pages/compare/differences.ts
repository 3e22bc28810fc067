// What differs between two runs of a flow, in numbers and words. Pure.

import { ENDED_TYPES } from "../../data/task_store";
import type { Comparison, Counts, RunRow, TaskSum } from "../../data/views";
import { spanLabel } from "../../run/spans";

/** Less than so much, in parts of the whole, is no difference worth a colour. */
const NOTABLE = 0.1;

export interface Difference {
  readonly text: string;
  readonly tone: "better" | "worse" | "same";
}

/** How much longer or shorter b took than a. What ended otherwise is neither better nor worse for the time that it took. */
export function durationDifference(a: number | null, b: number | null, isAlike = true): Difference {
  if (a === null || b === null) return { text: "", tone: "same" };
  const us = b - a;
  const share = a > 0 ? Math.abs(us) / a : us === 0 ? 0 : Infinity;
  if (Math.round(share * 100) === 0) return { text: "the same", tone: "same" };
  const factor = a > 0 && b > 0 ? (us > 0 ? b / a : a / b) : Infinity;
  const much =
    factor >= 2 && Number.isFinite(factor) ? `${factor.toPrecision(2)} × ` : Number.isFinite(share) ? `${Math.round(share * 100)} % ` : "";
  const text = `${us > 0 ? "+" : "−"}${spanLabel(Math.abs(us))}${much === "" ? "" : ` (${much}${us > 0 ? "longer" : "shorter"})`}`;
  return { text, tone: share < NOTABLE || !isAlike ? "same" : us > 0 ? "worse" : "better" };
}

export function durationOf({ started_us, ended_us }: Pick<RunRow, "started_us" | "ended_us">): number | null {
  return started_us === null || ended_us === null ? null : ended_us - started_us;
}

/** How long the runs of a task ran in all; null if none did. */
export function timeOf(sum: TaskSum | null): number | null {
  return sum === null || sum.median_us === null ? null : sum.ran_us;
}

/** Whether a task was called, and all of its runs ended without having run: they did not take no time. */
export function hasNotRun(sum: TaskSum | null): boolean {
  return sum !== null && sum.median_us === null && Object.keys(sum.counts).every((type) => ENDED_TYPES.includes(type as keyof Counts));
}

/** The tasks, those first whose time differs most. */
export function byDifference(tasks: Comparison["tasks"]): Comparison["tasks"] {
  const size = ({ a, b }: Comparison["tasks"][number]): number => Math.abs((b?.ran_us ?? 0) - (a?.ran_us ?? 0));
  return [...tasks].sort((one, other) => size(other) - size(one));
}

/** Whether the same number of runs of a task ended in the same ways. */
export function hasSameCounts(a: TaskSum | null, b: TaskSum | null): boolean {
  const [one, other]: Counts[] = [a?.counts ?? {}, b?.counts ?? {}];
  const types = new Set([...Object.keys(one!), ...Object.keys(other!)]) as Set<keyof Counts>;
  return [...types].every((type) => (one![type] ?? 0) === (other![type] ?? 0));
}
