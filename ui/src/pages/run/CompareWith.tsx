// The dialog that asks with which other run of its flow a run is compared: the latest ones, the one before it first in sight.

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";

import type { Get } from "../../data/task_feed";
import type { Run, RunRow } from "../../data/views";
import { Dialog } from "../../design/Dialog";
import { StateSign } from "../../design/state";
import { messageOf } from "../../run/launch/post";
import { Moment } from "../../run/Moment";
import { PlainText } from "../../text/PlainText";
import { visible } from "../../text/visible";
import { comparisonOf } from "./summary";

const MOST = 50;

export function CompareWith({ run, get, onClose }: { run: Run; get: Get; onClose: () => void }): JSX.Element {
  const others = useSignal<readonly RunRow[] | null>(null);
  const error = useSignal<string | null>(null);
  useEffect(() => {
    get<{ items: RunRow[] }>("/api/runs", { flow: run.flow, roots_only: String(run.parent === null), limit: MOST }).then(
      ({ items }) => (others.value = items.filter(({ id }) => id !== run.id)),
      (reason: unknown) => (error.value = messageOf(reason)),
    );
  }, [run.id]);
  return (
    <Dialog title={`Compare ${visible(run.name)} with`} onClose={onClose}>
      {error.value !== null && (
        <p class="form-error" role="alert">
          {visible(error.value)}
        </p>
      )}
      {error.value === null && others.value === null && <p>Reading the runs…</p>}
      {others.value?.length === 0 && (
        <p>
          This is the only run of <PlainText text={run.flow} />. Run it again, and compare the two.
        </p>
      )}
      <ul class="run-others">
        {others.value?.map((other) => (
          <li key={other.id}>
            <a href={comparisonOf(run, other)}>
              <StateSign type={other.state_type} name={other.state} />
              <span class="run-other-name">
                <PlainText text={other.name} />
              </span>
              <Moment us={other.created_us} />
            </a>
          </li>
        ))}
      </ul>
      <div class="launch-buttons">
        <button type="button" class="button" onClick={onClose}>
          Close
        </button>
      </div>
    </Dialog>
  );
}
