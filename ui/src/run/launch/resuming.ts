// What a resume does, in words and as it is asked for. Pure.

import type { Run, TaskRun } from "../../data/views";
import { visible } from "../../text/visible";

export type ResumeKind = { readonly from: "where_it_stopped" | "failed" } | { readonly from: "task_run"; readonly task: TaskRun };

/** Where and with which JSON a resume is asked for; `parameters` is a JSON object of what is given again. */
export function askedWith(run: string, kind: ResumeKind, parameters: string, takesOver: boolean): { path: string; json: string } {
  if (kind.from === "failed") return { path: `/api/runs/${run}/retry-failed`, json: `{"parameters":${parameters}}` };
  const rerun = kind.from === "task_run" ? [`${kind.task.task}[${kind.task.index}]`] : [];
  return {
    path: `/api/runs/${run}/resume`,
    json: `{"rerun":${JSON.stringify(rerun)},"take_over":${takesOver},"parameters":${parameters}}`,
  };
}

export function titleOf(kind: ResumeKind): string {
  switch (kind.from) {
    case "failed":
      return "Retry what failed";
    case "where_it_stopped":
      return "Resume the run";
    case "task_run":
      return `Resume from ${visible(kind.task.name)}`;
  }
}

export function buttonOf(kind: ResumeKind): string {
  return kind.from === "failed" ? "Retry" : "Resume";
}

/** What will happen, in sentences. */
export function planOf(run: Pick<Run, "task_runs" | "epoch">, kind: ResumeKind): string[] {
  const counts = run.task_runs;
  const completed = counts.COMPLETED ?? 0;
  const failed = (counts.FAILED ?? 0) + (counts.CRASHED ?? 0) + (counts.CANCELLED ?? 0);
  const unfinished = Object.values(counts).reduce((sum, count) => sum + count, 0) - completed - failed;
  const plan = [`The flow function runs again from its beginning, in a new process, as epoch ${run.epoch + 1}.`];
  if (kind.from === "task_run") plan.push(`${visible(kind.task.name)} runs again, and so does whatever needs its value.`);
  if (failed === 1) plan.push("1 task run that failed, crashed or was cancelled runs again.");
  if (failed > 1) plan.push(`${failed.toLocaleString()} task runs that failed, crashed or were cancelled run again.`);
  if (unfinished === 1) plan.push("1 task run that did not end runs again.");
  if (unfinished > 1) plan.push(`${unfinished.toLocaleString()} task runs that did not end run again.`);
  const condition = "if stored, and code and arguments are unchanged.";
  if (completed === 1) plan.push(`1 task run that completed keeps its value, ${condition}`);
  if (completed > 1) plan.push(`${completed.toLocaleString()} task runs that completed keep their values, ${condition}`);
  return plan;
}
