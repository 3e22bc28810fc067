// How the last runs of a flow are drawn, and how its trend is told. Pure.

import type { components } from "../../data/schema";

export type FlowRow = components["schemas"]["FlowRow"];
export type LastRun = FlowRow["last"][number];

const LEAST = 0.25;
/** What differs less is as it was. */
const SAME = 0.05;

/** A bar a run, as high as it was long against the longest; one without a duration is as high as the lowest. */
export function barsOf(last: readonly LastRun[]): { run: LastRun; height: number }[] {
  const longest = Math.max(1, ...last.map((run) => run.duration_us ?? 0));
  return last.map((run) => ({ run, height: LEAST + (1 - LEAST) * ((run.duration_us ?? 0) / longest) }));
}

export function trendOf(trend: number | null): { label: string; isSlower: boolean } {
  if (trend === null) return { label: "–", isSlower: false };
  if (Math.abs(trend - 1) < SAME) return { label: "steady", isSlower: false };
  const percent = Math.round(Math.abs(trend - 1) * 100);
  return trend > 1 ? { label: `↑ ${percent} % slower`, isSlower: true } : { label: `↓ ${percent} % faster`, isSlower: false };
}
