// The row above the table: what is looked for, which states and which task. All of it is in the address of the page.

import { useComputed } from "@preact/signals";
import type { JSX } from "preact";

import type { TaskFeed } from "../../data/task_feed";
import { STATE_TYPES, type StateType, type TaskStore } from "../../data/task_store";
import { StateSign } from "../../design/state";
import { visible } from "../../text/visible";
import type { ViewState } from "../view_state";
import { COLUMNS, type Order, type TableFilter } from "./table_rows";
import { TITLES } from "./TableHead";

interface FiltersProps {
  feed: TaskFeed;
  view: ViewState;
  filter: TableFilter;
  order: Order;
  count: number;
  /** Where the table has no head, this row sorts. */
  isNarrow: boolean;
}

export function Filters({ feed, view, filter, order, count, isNarrow }: FiltersProps): JSX.Element {
  const { store } = feed;
  const counts = useComputed(() => countsOf(store));
  const isFiltered = filter.text !== "" || filter.types.length > 0 || filter.task !== null;
  return (
    <div class="tab-tools" role="toolbar" aria-label="Filter task runs">
      <input
        type="search"
        placeholder="Find task runs"
        aria-label="Find task runs by name, task or worker"
        value={filter.text}
        onInput={(event) => view.set({ text: event.currentTarget.value || null })}
      />
      <select aria-label="Task" value={filter.task ?? ""} onChange={(event) => view.set({ task: event.currentTarget.value || null })}>
        <option value="">All tasks</option>
        {[...store.tasks].sort().map((task) => (
          <option value={task}>{visible(task)}</option>
        ))}
      </select>
      {isNarrow && (
        <select
          aria-label="Sort by"
          value={order.column === null ? "" : `${order.isDescending ? "-" : ""}${order.column}`}
          onChange={(event) => view.set({ sort: event.currentTarget.value || null })}
        >
          <option value="">In order of submission</option>
          {COLUMNS.map((column) => [
            <option value={column}>{TITLES[column]} ↑</option>,
            <option value={`-${column}`}>{TITLES[column]} ↓</option>,
          ])}
        </select>
      )}
      <div class="tab-choices" role="group" aria-label="States">
        {counts.value.map(([type, number]) => (
          <button
            type="button"
            class="chip"
            aria-pressed={filter.types.includes(type)}
            onClick={() => view.set({ state: toggled(filter.types, type).join(",") || null })}
          >
            <StateSign type={type} /> <span class="tab-count">{number.toLocaleString()}</span>
          </button>
        ))}
      </div>
      <span class="tab-room" />
      <span class="tab-count" aria-live="polite">
        {isFiltered ? `${count.toLocaleString()} of ${store.length.toLocaleString()}` : `${count.toLocaleString()} task runs`}
      </span>
      {isFiltered && (
        <button type="button" class="button" onClick={() => view.set({ text: null, state: null, task: null })}>
          Clear
        </button>
      )}
    </div>
  );
}

/** How many task runs there are of each type of state that occurs. */
function countsOf(store: TaskStore): [StateType, number][] {
  void store.version.value;
  const counts = new Map<StateType, number>();
  for (let row = 0; row < store.length; row++) counts.set(store.stateTypeOf(row), (counts.get(store.stateTypeOf(row)) ?? 0) + 1);
  return STATE_TYPES.filter((type) => counts.has(type)).map((type) => [type, counts.get(type)!]);
}

function toggled(types: readonly StateType[], type: StateType): StateType[] {
  return types.includes(type) ? types.filter((other) => other !== type) : [...types, type];
}
