// The row above the table: what is looked for, which states and which task. All of it is in the address of the page.

import type { JSX } from "preact";

import type { TaskFeed } from "../../data/task_feed";
import { visible } from "../../text/visible";
import { StateChoices } from "../StateChoices";
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
      <StateChoices store={store} view={view} />
      <span class="tab-room" />
      <span class="tab-count" aria-live="polite">
        {isFiltered
          ? `${count.toLocaleString()} of ${store.length.toLocaleString()}`
          : `${count.toLocaleString()} ${count === 1 ? "task run" : "task runs"}`}
      </span>
      {isFiltered && (
        <button type="button" class="button" onClick={() => view.set({ text: null, state: null, task: null })}>
          Clear
        </button>
      )}
    </div>
  );
}
