// Why a run is not as it should be, readable without a click: its reason and failure, and the task runs that failed.

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";

import type { Run, RunRow } from "../../data/views";
import { StateSign } from "../../design/state";
import { TracebackView } from "../../run/drawer/TracebackView";
import { PlainText } from "../../text/PlainText";
import type { RunHeaderProps } from "./RunHeader";
import { causeOf, troubled, troubledLabel } from "./summary";

/** So many subflows that failed are named. */
const NAMED = 5;

export function Trouble({ run, get, onShowTasks }: Pick<RunHeaderProps, "run" | "get" | "onShowTasks">): JSX.Element | null {
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
      {isBad && run.subflows > 0 && <FailedSubflows key={`${run.id} ${run.epoch}`} run={run} get={get} />}
      {failedCount > 0 && (
        <button type="button" class="link" onClick={() => onShowTasks("FAILED,CRASHED")}>
          {troubledLabel(failedCount - run.upstream_failed, run.upstream_failed)}
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

/** The runs that it called and that went wrong: they are no task runs, and often why it did. */
function FailedSubflows({ run, get }: Pick<RunHeaderProps, "run" | "get">): JSX.Element | null {
  const failed = useSignal<readonly RunRow[]>([]);
  useEffect(() => {
    let isWanted = true;
    get<{ items: RunRow[] }>(`/api/runs/${run.id}/subflows`).then(
      ({ items }) => isWanted && (failed.value = items.filter(({ state_type }) => state_type === "FAILED" || state_type === "CRASHED")),
      () => {}, // the list of subflows below says so
    );
    return () => {
      isWanted = false;
    };
  }, []);
  const furtherCount = failed.value.length - NAMED;
  if (failed.value.length === 0) return null;
  return (
    <ul class="run-subflows" aria-label="Subflows that failed">
      {failed.value.slice(0, NAMED).map((row) => (
        <li key={row.id}>
          <StateSign type={row.state_type} name={row.state} />
          <a href={`/runs/${row.id}`}>
            <PlainText text={`${row.flow} / ${row.name}`} />
          </a>
          {row.reason !== null && (
            <span class="run-note">
              <PlainText text={row.reason} />
            </span>
          )}
        </li>
      ))}
      {furtherCount > 0 && <li class="run-note">and {furtherCount.toLocaleString()} more</li>}
    </ul>
  );
}

/** The failure says it best; a run that completed needs no reason, and what a paused one asks stands with its answers. */
function reasonOf(run: Run): string | null {
  if (run.failure !== null) return run.failure.message === "" ? run.failure.type : `${run.failure.type}: ${run.failure.message}`;
  return run.state_type === "COMPLETED" || run.state_type === "RUNNING" || run.questions.length > 0 ? null : run.reason;
}
