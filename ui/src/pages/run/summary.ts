// How a run stands, in words: what follows its state under its name. Pure.

import type { Counts, Failure, Run } from "../../data/views";
import { firstOfGroup, parseTraceback } from "../../run/drawer/traceback";
import { spanLabel } from "../../run/spans";

/** "after 3 m 2 s", behind the state, from its first start on: `nowUs` counts for a run that has not ended. */
export function standing(
  { state_type, started_us, ended_us, failure }: Pick<Run, "state_type" | "started_us" | "ended_us" | "failure">,
  nowUs: number,
): string {
  if (started_us === null) return ended_us === null ? "" : "before it started";
  if (state_type === "CRASHED" && failure === null && ended_us !== null)
    return `· last known alive after ${spanLabel(ended_us - started_us)}`;
  const preposition = state_type === "COMPLETED" ? "in" : state_type === "RUNNING" ? "for" : "after";
  return `${preposition} ${spanLabel((ended_us ?? nowUs) - started_us)}`;
}

/** When the last epoch of a run began that went on after an earlier one; null of one that never did, or only gave its value again. */
export function wentOnAt({ epoch, state, states }: Pick<Run, "epoch" | "state" | "states">): number | null {
  return epoch > 1 && state !== "Replayed" ? (states[0]?.at_us ?? null) : null;
}

/** How many task runs went wrong, for whom nothing else says so. */
export function troubled(counts: Counts): number {
  return (counts.FAILED ?? 0) + (counts.CRASHED ?? 0);
}

/** The wish to see those: what failed is told apart from what did not start for that. */
export function troubledLabel(failed: number, notStarted: number): string {
  const those = (count: number): string => (count === 1 ? "the task run" : `the ${count.toLocaleString()} task runs`);
  if (notStarted === 0) return `Show ${those(failed)} that failed`;
  if (failed === 0) return `Show ${those(notStarted)} that did not start`;
  return `Show ${those(failed)} that failed, and ${notStarted === 1 ? "the one" : `the ${notStarted.toLocaleString()}`} that did not start`;
}

/** What a failure goes back to, where that is another exception: the first line of the one that was raised first. */
export function causeOf({ traceback }: Pick<Failure, "traceback">): string | null {
  const raised = parseTraceback(traceback) ?? [];
  const linked = raised.findIndex(({ link }, at) => at > 0 && link !== "cause");
  const cause = raised.length === 0 ? firstOfGroup(traceback) : raised[(linked === -1 ? raised.length : linked) - 1];
  if (cause === null || cause === undefined || cause === raised[0]) return null;
  const type = cause.type.replace(/^headrace\.errors\./, "");
  return cause.message === "" ? type : `${type}: ${cause.message.split("\n")[0]}`;
}

/** Whether task runs of it can run again: it has ended, even well, and nobody else called it. */
export function canRerun({ actions, parent }: Pick<Run, "actions" | "parent">): boolean {
  return actions.includes("run_again") && parent === null;
}

/** The flow run, and the task run in it, that called a run. */
export function parentOf(parent: string): { run: string; taskRun: number | null } {
  const [run, taskRun] = parent.split("/");
  return { run: run!, taskRun: taskRun !== undefined && /^\d+$/.test(taskRun) ? Number(taskRun) : null };
}

/** The address that compares two runs, the earlier one first. */
export function comparisonOf(run: Pick<Run, "id" | "created_us">, other: Pick<Run, "id" | "created_us">): string {
  const [a, b] = run.created_us < other.created_us ? [run, other] : [other, run];
  return `/compare?a=${a.id}&b=${b.id}`;
}

/** What a text of the provenance is; null if there is none. */
export function told(provenance: Record<string, unknown>, name: string): string | null {
  const value = provenance[name];
  return typeof value === "string" && value !== "" ? value : typeof value === "number" ? String(value) : null;
}
