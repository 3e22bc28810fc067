// The History tab: every change of state of a flow run and of its task runs, with its reason, in the order of time. It reads
// on where it ended when the run has changed, and by the button where there is more.

import type { ReadonlySignal } from "@preact/signals";
import type { JSX } from "preact";
import { useMemo } from "preact/hooks";

import type { Get } from "../../data/task_feed";
import type { StateChange } from "../../data/views";
import { StateSign } from "../../design/state";
import { PlainText } from "../../text/PlainText";
import { isoOf } from "../logs/LogLineRow";
import { useAnswers } from "../pace";
import { spanLabel } from "../spans";
import { exactLabel, isSameDay, momentLabel } from "../timeline/ticks";
import { Changes } from "./changes";
import "./history.css";

const MILLISECOND_US = 1000;

interface HistoryProps {
  run: string;
  createdUs: number;
  get: Get;
  /** Moves on with each change of the run. */
  changes: ReadonlySignal<number>;
  onOpen: (taskRun: number) => void;
}

export function History({ run, createdUs, get, changes, onOpen }: HistoryProps): JSX.Element {
  const book = useMemo(() => new Changes(run, get), [run, get]);
  useAnswers(changes, () => book.refresh(), [book]);
  void book.version.value;
  const { items } = book;
  const last = items.at(-1);
  const hasDays = last !== undefined && !isSameDay(last.at_us, createdUs);
  return (
    <div class="history">
      {book.isLoaded.value && items.length === 0 && <p class="history-none">Nothing has happened yet.</p>}
      {book.error.value !== null && <p class="history-none">The history could not be read. It is asked for again with the next change.</p>}
      <ol class={hasDays ? "has-days" : ""} aria-label="Changes of state" tabIndex={0}>
        {items.map((change, at) => (
          <>
            {at > 0 && change.epoch !== items[at - 1]!.epoch && (
              <li class="history-epoch">
                <span>
                  Epoch {change.epoch}: the run was {change.state === "AwaitingRetry" ? "tried again" : "resumed"}
                </span>
              </li>
            )}
            <Change key={at} change={change} createdUs={createdUs} onOpen={onOpen} />
          </>
        ))}
      </ol>
      {book.hasMore && (
        <p class="history-more">
          <button type="button" class="button" onClick={() => void book.readMore()}>
            Show more
          </button>
          <span class="tab-count">{items.length.toLocaleString()} changes so far</span>
        </p>
      )}
    </div>
  );
}

interface ChangeProps {
  change: StateChange;
  createdUs: number;
  onOpen: (taskRun: number) => void;
}

function Change({ change, createdUs, onOpen }: ChangeProps): JSX.Element {
  const { at_us, task_run, name, state, state_type, reason } = change;
  return (
    <li class={`history-change ${task_run === null ? "is-flow" : ""}`}>
      <time dateTime={isoOf(at_us)} title={exactLabel(at_us)}>
        {momentLabel(at_us, MILLISECOND_US, createdUs)}
      </time>
      <span class="history-after">+{spanLabel(at_us - createdUs)}</span>
      <StateSign type={state_type} name={state} />
      <span class="history-what">
        {task_run === null ? (
          <strong>
            <PlainText text={name} />
          </strong>
        ) : (
          <button type="button" class="link" onClick={() => onOpen(task_run)}>
            <PlainText text={name} />
          </button>
        )}
        {reason !== null && (
          <span class="history-reason">
            <PlainText text={reason} />
          </span>
        )}
      </span>
    </li>
  );
}
