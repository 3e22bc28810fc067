// The Tasks tab: a table of all task runs of a flow run, that stays fluid at a hundred thousand of them. The rows are patched
// in place as they change; their order changes only while nobody is on the table.

import { type Signal, useComputed, useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";

import type { TaskFeed } from "../../data/task_feed";
import { type Scroller, VirtualRows } from "../../design/VirtualRows";
import { chosenTypes } from "../StateChoices";
import type { ViewState } from "../view_state";
import { Filters } from "./Filters";
import { TableHead } from "./TableHead";
import { COLUMNS, type Order, type TableFilter, tableRows } from "./table_rows";
import { TaskRow } from "./TaskRow";
import "./tasks.css";

const ROW_HEIGHT = 32;
const CARD_HEIGHT = 60;
const HEAD_HEIGHT = 32;
/** Below so many pixels a row becomes a card of two lines. */
const NARROW = 680;

interface TasksProps {
  feed: TaskFeed;
  view: ViewState;
  /** The task run whose drawer is open. */
  taskRun: number | null;
  onOpen: (taskRun: number) => void;
  /** The ids in the order of the table, for who goes from one to the next. */
  shown: Signal<readonly number[]>;
}

export function Tasks({ feed, view, taskRun, onOpen, shown }: TasksProps): JSX.Element {
  const { store } = feed;
  const filter = useComputed<TableFilter>(() => ({
    text: view.get("text") ?? "",
    types: chosenTypes(view),
    task: view.get("task"),
  }));
  const order = useComputed(() => orderOf(view.get("sort")));
  const isHeld = useSignal(false);
  const rows = useHeldRows(feed, filter, order, isHeld);
  const width = useSignal(1000);
  const scroller = useSignal<Scroller | null>(null);
  const current = useSignal(0);
  const box = useRef<HTMLDivElement>(null);

  useLayoutEffect(() => {
    const observer = new ResizeObserver(() => (width.value = box.current!.clientWidth));
    observer.observe(box.current!);
    return () => observer.disconnect();
  }, []);
  useEffect(() => {
    shown.value = Array.from(rows.value, (row) => store.id[row]!);
  }, [rows.value]);
  useEffect(() => {
    const at = taskRun === null ? -1 : rows.peek().indexOf(store.rowOf(taskRun));
    if (at === -1) return;
    current.value = at;
    scroller.peek()?.reveal(at);
  }, [taskRun]);

  const count = rows.value.length;
  const isNarrow = width.value < NARROW;
  const move = (to: number): void => {
    current.value = Math.max(0, Math.min(count - 1, to));
    scroller.value?.reveal(current.value);
  };
  void store.version.value; // cells are read from the store
  return (
    <div class="tasks" ref={box}>
      <Filters feed={feed} view={view} filter={filter.value} order={order.value} count={count} isNarrow={isNarrow} />
      <VirtualRows
        class={`tasks-table ${isNarrow ? "is-narrow" : ""}`}
        role="grid"
        tabIndex={0}
        aria-label="Task runs"
        aria-rowcount={count + 1}
        aria-activedescendant={count > 0 ? `task-row-${current.value}` : undefined}
        count={count}
        rowHeight={isNarrow ? CARD_HEIGHT : ROW_HEIGHT}
        head={<TableHead order={order.value} onOrder={(next) => view.set({ sort: textOf(next) })} isHidden={isNarrow} />}
        headHeight={isNarrow ? 0 : HEAD_HEIGHT}
        scroller={scroller}
        onPointerEnter={() => (isHeld.value = true)}
        onPointerLeave={() => (isHeld.value = false)}
        onKeyDown={(event) => {
          const page = Math.floor(event.currentTarget.clientHeight / ROW_HEIGHT) - 2;
          const to = stepOf(event.key, current.peek(), page, count);
          if (to !== null) move(to);
          else if (event.key === "Enter" && event.target === event.currentTarget && count > 0)
            onOpen(store.id[rows.peek()[current.peek()]!]!);
          else return;
          event.preventDefault();
        }}
        row={(at) => (
          <TaskRow
            key={rows.value[at]}
            store={store}
            row={rows.value[at]!}
            at={at}
            wanted={filter.value.text}
            isCurrent={at === current.value}
            isOpen={taskRun === store.id[rows.value[at]!]}
            onOpen={() => {
              current.value = at;
              onOpen(store.id[rows.value[at]!]!);
            }}
          />
        )}
      />
      {count === 0 && <p class="tasks-none">{reasonForNone(feed, filter.value)}</p>}
    </div>
  );
}

/** The rows to show. While they are held, new ones come last and known ones stay where they are. */
function useHeldRows(feed: TaskFeed, filter: Signal<TableFilter>, order: Signal<Order>, isHeld: Signal<boolean>): Signal<Int32Array> {
  const held = useRef<{ filter: TableFilter; order: Order; rows: Int32Array } | null>(null);
  return useComputed(() => {
    void feed.store.version.value;
    const wanted = tableRows(feed.store, filter.value, order.value);
    const last = held.current;
    const isSame = last !== null && last.filter === filter.value && last.order === order.value;
    const rows = isSame && isHeld.value ? keptInPlace(last.rows, wanted) : wanted;
    held.current = { filter: filter.value, order: order.value, rows };
    return rows;
  });
}

/** The rows as they were, and behind them those that are wanted now and were not there. */
export function keptInPlace(before: Int32Array, wanted: Int32Array): Int32Array {
  const known = new Set(before);
  const added = wanted.filter((row) => !known.has(row));
  const rows = new Int32Array(before.length + added.length);
  rows.set(before);
  rows.set(added, before.length);
  return rows;
}

function stepOf(key: string, at: number, page: number, count: number): number | null {
  switch (key) {
    case "ArrowDown":
      return at + 1;
    case "ArrowUp":
      return at - 1;
    case "PageDown":
      return at + page;
    case "PageUp":
      return at - page;
    case "Home":
      return 0;
    case "End":
      return count - 1;
    default:
      return null;
  }
}

function reasonForNone(feed: TaskFeed, { text, types, task }: TableFilter): string {
  if (feed.error.value !== null && feed.store.length === 0)
    return "The task runs could not be read. They are asked for again with the next change.";
  if (!feed.isLoaded.value) return "Reading the task runs…";
  if (feed.store.length === 0) return "This run has called no task. Each call of a task becomes a row here.";
  return text !== "" || types.length > 0 || task !== null ? "No task run is like that. Clear the filters to see all." : "";
}

/** `duration` sorts upwards, `-duration` downwards. */
function orderOf(sort: string | null): Order {
  const column = sort?.replace(/^-/, "") ?? "";
  return { column: COLUMNS.find((known) => known === column) ?? null, isDescending: sort?.startsWith("-") ?? false };
}

export function textOf({ column, isDescending }: Order): string | null {
  return column === null ? null : `${isDescending ? "-" : ""}${column}`;
}
