// The dialog before a run is resumed: which task runs will run, and which keep their values. Resuming starts a process; what
// that said is shown if it ended before the run went on.

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";

import { Dialog } from "../../design/Dialog";
import type { Get } from "../../data/task_feed";
import type { Launch, Run, TaskRun } from "../../data/views";
import { visible } from "../../text/visible";
import { followLaunch, hasFailed } from "./launching";
import "./launch.css";
import { LaunchOutput } from "./LaunchOutput";
import { messageOf, type Post } from "./post";

export type ResumeKind = { readonly from: "where_it_stopped" | "failed" } | { readonly from: "task_run"; readonly task: TaskRun };

interface ResumeProps {
  run: Run;
  kind: ResumeKind;
  get: Get;
  post: Post;
  onClose: () => void;
  onResumed: () => void;
}

export function Resume({ run, kind, get, post, onClose, onResumed }: ResumeProps): JSX.Element {
  const isStarting = useSignal(false);
  const takesOver = useSignal(false);
  const trouble = useSignal<string | null>(null);
  const failed = useSignal<Launch | null>(null);
  const isOpen = useRef(true);
  useEffect(
    () => () => {
      isOpen.current = false;
    },
    [],
  );

  const start = async (): Promise<void> => {
    isStarting.value = true;
    trouble.value = failed.value = null;
    try {
      const launch = await followLaunch(await ask(run, kind, takesOver.value, post), get, () => isOpen.current);
      if (!isOpen.current) return;
      if (await hasFailed(launch, get, run.epoch)) failed.value = launch;
      else onResumed();
    } catch (error) {
      trouble.value = messageOf(error);
    } finally {
      isStarting.value = false;
    }
  };

  return (
    <Dialog title={titleOf(kind)} onClose={onClose}>
      <div class="launch">
        <ul class="launch-plan">
          {planOf(run, kind).map((line) => (
            <li>{line}</li>
          ))}
        </ul>
        {run.state_type === "CRASHED" && (
          <label class="launch-choice">
            <input type="checkbox" checked={takesOver.value} onChange={(event) => (takesOver.value = event.currentTarget.checked)} />
            Take the run over, even if its process is still there but silent
          </label>
        )}
        {trouble.value !== null && (
          <p class="form-error" role="alert">
            {visible(trouble.value)}
          </p>
        )}
        {failed.value !== null && <LaunchOutput launch={failed.value} />}
        <div class="launch-buttons">
          <button type="button" class="button" onClick={onClose}>
            Close
          </button>
          <button type="button" class="button is-primary" disabled={isStarting.value} onClick={() => void start()}>
            {isStarting.value ? "Starting…" : "Resume"}
          </button>
        </div>
      </div>
    </Dialog>
  );
}

function ask(run: Run, kind: ResumeKind, takesOver: boolean, post: Post): Promise<Launch> {
  if (kind.from === "failed") return post<Launch>(`/api/runs/${run.id}/retry-failed`, "{}");
  const rerun = kind.from === "task_run" ? [`${kind.task.task}[${kind.task.index}]`] : [];
  return post<Launch>(`/api/runs/${run.id}/resume`, JSON.stringify({ rerun, take_over: takesOver }));
}

function titleOf(kind: ResumeKind): string {
  switch (kind.from) {
    case "failed":
      return "Retry what failed";
    case "where_it_stopped":
      return "Resume the run";
    case "task_run":
      return `Resume from ${visible(kind.task.name)}`;
  }
}

/** What will happen, in sentences. */
export function planOf(run: Run, kind: ResumeKind): string[] {
  const counts = run.task_runs;
  const completed = counts.COMPLETED ?? 0;
  const failed = (counts.FAILED ?? 0) + (counts.CRASHED ?? 0) + (counts.CANCELLED ?? 0);
  const known = Object.values(counts).reduce((sum, count) => sum + count, 0);
  const plan = [`The flow function runs again from its beginning, in a new process, as epoch ${run.epoch + 1}.`];
  if (kind.from === "task_run") plan.push(`${visible(kind.task.name)} runs again, and so does whatever needs its value.`);
  if (failed > 0)
    plan.push(
      `${countLabel(failed)} that failed, crashed or ${failed === 1 ? "was" : "were"} cancelled ${failed === 1 ? "runs" : "run"} again.`,
    );
  if (known - completed - failed > 0)
    plan.push(`${countLabel(known - completed - failed)} that did not end ${known - completed - failed === 1 ? "runs" : "run"} again.`);
  if (completed > 0)
    plan.push(
      `${countLabel(completed)} that completed ${completed === 1 ? "keeps its value" : "keep their values"}, if those are stored and code and arguments are unchanged.`,
    );
  return plan;
}

function countLabel(count: number): string {
  return count === 1 ? "1 task run" : `${count.toLocaleString()} task runs`;
}
