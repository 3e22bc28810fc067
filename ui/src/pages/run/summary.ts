// How a run stands, in words: the sentence under its name. Pure.

import type { Counts, Run } from "../../data/views";
import { spanLabel } from "../../run/spans";

const VERBS: Record<string, string> = {
  SCHEDULED: "waits to start",
  PENDING: "waits to start",
  RUNNING: "has been running for",
  PAUSED: "is paused, after",
  CANCELLING: "is being cancelled, after",
  COMPLETED: "completed in",
  FAILED: "failed after",
  CRASHED: "crashed after",
  CANCELLED: "was cancelled after",
};

/** "failed after 3 m 2 s": `nowUs` counts for a run that has not ended. */
export function standing(run: Pick<Run, "state_type" | "started_us" | "ended_us">, nowUs: number): string {
  const verb = VERBS[run.state_type] ?? run.state_type;
  if (run.started_us === null) return verb.replace(/ (?:in|after|for)$|, after$/, "");
  return `${verb} ${spanLabel((run.ended_us ?? nowUs) - run.started_us)}`.replace("waits to start", "waits to start, for");
}

/** How many task runs went wrong, for whom nothing else says so. */
export function troubled(counts: Counts): number {
  return (counts.FAILED ?? 0) + (counts.CRASHED ?? 0);
}

/** The flow run, and the task run in it, that called a run. */
export function parentOf(parent: string): { run: string; taskRun: number | null } {
  const [run, taskRun] = parent.split("/");
  return { run: run!, taskRun: taskRun !== undefined && /^\d+$/.test(taskRun) ? Number(taskRun) : null };
}

/** What a text of the provenance is; null if there is none. */
export function told(provenance: Record<string, unknown>, name: string): string | null {
  const value = provenance[name];
  return typeof value === "string" && value !== "" ? value : typeof value === "number" ? String(value) : null;
}
