// One task run in the table; where there is little room, a card of two lines.

import type { JSX } from "preact";

import type { TaskStore } from "../../data/task_store";
import { StateSign } from "../../design/state";
import { PlainText } from "../../text/PlainText";
import { visible } from "../../text/visible";
import { spanLabel } from "../spans";
import { ranUs, waitedUs } from "./table_rows";

interface TaskRowProps {
  store: TaskStore;
  row: number;
  /** Which row of the table it is. */
  at: number;
  /** What is looked for, and marked. */
  wanted: string;
  isCurrent: boolean;
  isOpen: boolean;
  onOpen: () => void;
}

export function TaskRow({ store, row, at, wanted, isCurrent, isOpen, onOpen }: TaskRowProps): JSX.Element {
  const attempts = store.attempts[row]!;
  const classes = `tasks-row tasks-columns ${isCurrent ? "is-current" : ""} ${isOpen ? "is-open" : ""}`;
  return (
    <div role="row" id={`task-row-${at}`} aria-rowindex={at + 2} aria-selected={isOpen} class={classes} onClick={onOpen}>
      <div role="gridcell" class="tasks-state">
        <StateSign type={store.stateTypeOf(row)} name={store.stateNameOf(row)} />
      </div>
      <div role="gridcell" class="tasks-name" title={visible(store.nameOf(row))}>
        <PlainText text={store.nameOf(row)} wanted={wanted} />
      </div>
      <div role="gridcell" class="tasks-task">
        <PlainText text={store.tasks[store.task[row]!]!} wanted={wanted} />
      </div>
      <div role="gridcell" class="tasks-submitted">
        +{spanLabel(store.submitted[row]!)}
      </div>
      <div role="gridcell" class="tasks-waited">
        {spanOrNone(waitedUs(store, row))}
      </div>
      <div role="gridcell" class="tasks-duration">
        {spanOrNone(ranUs(store, row))}
      </div>
      <div role="gridcell" class={`tasks-attempts ${attempts > 1 ? "is-many" : ""}`}>
        {attempts}
      </div>
      <div role="gridcell" class="tasks-worker">
        <PlainText text={store.workerOf(row) ?? "–"} wanted={wanted} />
      </div>
    </div>
  );
}

function spanOrNone(us: number): string {
  return Number.isNaN(us) ? "–" : spanLabel(us);
}
