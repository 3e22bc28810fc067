// Why a run is not as it should be, readable without a click: its reason and failure, and the task runs that failed.

import type { JSX } from "preact";

import type { Run } from "../../data/views";
import { TracebackView } from "../../run/drawer/TracebackView";
import { PlainText } from "../../text/PlainText";
import type { RunHeaderProps } from "./RunHeader";
import { causeOf, troubled } from "./summary";

export function Trouble({ run, onShowTasks }: Pick<RunHeaderProps, "run" | "onShowTasks">): JSX.Element | null {
  const failedCount = troubled(run.task_runs);
  const reason = reasonOf(run);
  const cause = run.failure === null ? null : causeOf(run.failure);
  if (reason === null && run.failure === null && failedCount === 0) return null;
  const isBad = run.state_type === "FAILED" || run.state_type === "CRASHED";
  return (
    <section class={`run-trouble ${isBad || failedCount > 0 ? "is-bad" : ""}`} aria-label="Why">
      {reason !== null && (
        <p class="run-reason">
          <PlainText text={reason} />
        </p>
      )}
      {cause !== null && (
        <p class="run-reason">
          Caused by <PlainText text={cause} />
        </p>
      )}
      {failedCount > 0 && (
        <button type="button" class="link" onClick={() => onShowTasks("FAILED,CRASHED")}>
          Show {failedCount === 1 ? "the task run" : `the ${failedCount.toLocaleString()} task runs`} that failed
        </button>
      )}
      {run.failure !== null && (
        <details class="run-failure">
          <summary>Traceback</summary>
          <TracebackView failure={run.failure} />
        </details>
      )}
    </section>
  );
}

/** The failure says it best; a run that completed needs no reason, and what a paused one asks stands with its answers. */
function reasonOf(run: Run): string | null {
  if (run.failure !== null) return run.failure.message === "" ? run.failure.type : `${run.failure.type}: ${run.failure.message}`;
  return run.state_type === "COMPLETED" || run.state_type === "RUNNING" || run.questions.length > 0 ? null : run.reason;
}
