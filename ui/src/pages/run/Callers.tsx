// Who called this run, and which runs it called.

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";

import type { Get } from "../../data/task_feed";
import type { Run, RunRow } from "../../data/views";
import { StateSign } from "../../design/state";
import { PlainText } from "../../text/PlainText";
import { parentOf } from "./summary";

export function Callers({ run, get }: { run: Run; get: Get }): JSX.Element | null {
  if (run.parent === null && run.subflows === 0) return null;
  const parent = run.parent === null ? null : parentOf(run.parent);
  return (
    <div class="run-callers">
      {parent !== null && (
        <a href={`/runs/${parent.run}${parent.taskRun === null ? "" : `?task_run=${parent.taskRun}`}`}>↑ The run that called this one</a>
      )}
      {run.subflows > 0 && <SubflowList run={run} get={get} />}
    </div>
  );
}

/** Asked for when it is opened. */
function SubflowList({ run, get }: { run: Run; get: Get }): JSX.Element {
  const items = useSignal<readonly RunRow[] | null>(null);
  const hasFailed = useSignal(false);
  const read = async (): Promise<void> => {
    try {
      items.value = (await get<{ items: RunRow[] }>(`/api/runs/${run.id}/subflows`)).items;
      hasFailed.value = false;
    } catch {
      hasFailed.value = true;
    }
  };
  return (
    <details onToggle={(event) => event.currentTarget.open && void read()}>
      <summary>{run.subflows === 1 ? "1 subflow" : `${run.subflows.toLocaleString()} subflows`}</summary>
      {hasFailed.value && <p class="run-note">They could not be read.</p>}
      <ul class="run-subflows">
        {items.value?.map((row) => (
          <li key={row.id}>
            <StateSign type={row.state_type} name={row.state} />
            <a href={`/runs/${row.id}`}>
              <PlainText text={`${row.flow} / ${row.name}`} />
            </a>
          </li>
        ))}
      </ul>
    </details>
  );
}
