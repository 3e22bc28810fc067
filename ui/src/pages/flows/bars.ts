// How the last runs of a flow are drawn, and how its trend is told. Pure.

import type { components } from "../../data/schema";

export type FlowRow = components["schemas"]["FlowRow"];
export type LastRun = FlowRow["last"][number];

const LEAST = 0.25;
/** So many times the median is the most that is drawn. */
const MOST_MEDIANS = 3;
/** What differs less is as it was. */
const SAME = 0.05;

export interface Bar {
  readonly run: LastRun;
  /** As a part of the room. */
  readonly height: number;
  /** Whether it would be higher if the others were not to be told apart. */
  readonly isCut: boolean;
}

/**
 * A bar a run, as high as it was long against the longest; one without a duration is as high as the lowest. What lasted very
 * much longer than the others is cut, so that these do not all look the same.
 */
export function barsOf(last: readonly LastRun[]): Bar[] {
  const durations = last.map((run) => run.duration_us ?? 0);
  const most = MOST_MEDIANS * medianOf(last.flatMap((run) => run.duration_us ?? []));
  const highest = Math.max(1, Math.min(most, Math.max(...durations)));
  return last.map((run, at) => ({
    run,
    height: LEAST + (1 - LEAST) * Math.min(1, durations[at]! / highest),
    isCut: durations[at]! > highest,
  }));
}

/** Of an even number of values the greater in the middle. */
function medianOf(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;
}

export function trendOf(trend: number | null): { label: string; isSlower: boolean } {
  if (trend === null) return { label: "–", isSlower: false };
  if (Math.abs(trend - 1) < SAME) return { label: "steady", isSlower: false };
  const percent = Math.round(Math.abs(trend - 1) * 100);
  return trend > 1 ? { label: `↑ ${percent} % slower`, isSlower: true } : { label: `↓ ${percent} % faster`, isSlower: false };
}
