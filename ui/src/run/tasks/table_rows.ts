// Which task runs the table shows, and in which order: a filter and a column in, row numbers of the store out. Pure.

import { NONE, type StateType, type TaskStore } from "../../data/task_store";
import { DIMMED, marksOf } from "../timeline/marks";

export const COLUMNS = ["state", "name", "task", "submitted", "waited", "duration", "attempts", "worker"] as const;
export type Column = (typeof COLUMNS)[number];

/** No column: in the order of submission. */
export interface Order {
  readonly column: Column | null;
  readonly isDescending: boolean;
}

export interface TableFilter {
  readonly text: string;
  readonly types: readonly StateType[];
  readonly task: string | null;
}

export function tableRows(store: TaskStore, filter: TableFilter, order: Order): Int32Array {
  const rows = filteredRows(store, filter);
  if (order.column === null) return order.isDescending ? rows.reverse() : rows;
  const key = keysOf(store, rows, order.column);
  const sign = order.isDescending ? -1 : 1;
  // What has no value stands last either way; what is equal keeps its order.
  return rows.sort((a, b) => {
    const [one, other] = [key[a]!, key[b]!];
    if (one === other) return a - b;
    if (Number.isNaN(one) || Number.isNaN(other)) return Number.isNaN(one) ? (Number.isNaN(other) ? a - b : 1) : -1;
    return sign * (one - other);
  });
}

function filteredRows(store: TaskStore, { text, types, task }: TableFilter): Int32Array {
  const marks = marksOf(store, { text, types });
  const code = task === null ? NONE : store.tasks.indexOf(task);
  const rows = new Int32Array(store.length);
  let count = 0;
  for (let row = 0; row < store.length; row++)
    if (marks[row] !== DIMMED && (task === null || store.task[row] === code)) rows[count++] = row;
  return rows.slice(0, count);
}

/** How urgent each type of state is to who looks for trouble. */
const URGENCY: Record<StateType, number> = {
  FAILED: 0,
  CRASHED: 1,
  CANCELLING: 2,
  CANCELLED: 3,
  PAUSED: 4,
  RUNNING: 5,
  PENDING: 6,
  SCHEDULED: 7,
  COMPLETED: 8,
};

/** The number by which each row is sorted, at the place of the row. */
function keysOf(store: TaskStore, rows: Int32Array, column: Column): Float64Array {
  const keys = new Float64Array(store.length);
  const fill = (keyOf: (row: number) => number): Float64Array => {
    for (const row of rows) keys[row] = keyOf(row);
    return keys;
  };
  switch (column) {
    case "state":
      return fill((row) => URGENCY[store.stateTypeOf(row)]);
    case "name":
      return fill(ranked(rows, (row) => store.nameOf(row)));
    case "task": {
      const places = placesOf(store.tasks);
      return fill((row) => places[store.task[row]!]!);
    }
    case "submitted":
      return fill((row) => store.submitted[row]!);
    case "waited":
      return fill((row) => waitedUs(store, row));
    case "duration":
      return fill((row) => ranUs(store, row));
    case "attempts":
      return fill((row) => store.attempts[row]!);
    case "worker": {
      const places = placesOf(store.workers);
      return fill((row) => (store.worker[row] === NONE ? NaN : places[store.worker[row]!]!));
    }
  }
}

/** How long it waited from its submission to its start, or until now; NaN if it ended without one. */
export function waitedUs(store: TaskStore, row: number): number {
  const started = store.started[row]!;
  if (!Number.isNaN(started)) return Math.max(0, started - store.submitted[row]!);
  return store.isEnded(row) ? NaN : Math.max(0, store.nowUs() - store.submitted[row]!);
}

/** How long it ran, or runs; NaN if it never did. */
export function ranUs(store: TaskStore, row: number): number {
  const end = store.isEnded(row) ? store.ended[row]! : store.nowUs();
  return Math.max(0, end - store.started[row]!);
}

const collator = new Intl.Collator(undefined, { numeric: true });

/** The place of each text in alphabetical order. */
function placesOf(texts: readonly string[]): number[] {
  const places = new Array<number>(texts.length);
  [...texts.keys()].sort((a, b) => collator.compare(texts[a]!, texts[b]!)).forEach((text, place) => (places[text] = place));
  return places;
}

/** The places of many texts, cheaply: by character, so that a hundred thousand take a moment. */
function ranked(rows: Int32Array, textOf: (row: number) => string): (row: number) => number {
  const named = Array.from(rows, (row) => ({ row, text: paddedNumbers(textOf(row)) }));
  named.sort((a, b) => (a.text < b.text ? -1 : a.text > b.text ? 1 : a.row - b.row));
  const places = new Map(named.map(({ row }, place) => [row, place]));
  return (row) => places.get(row)!;
}

/** `load-9` before `load-10`. */
function paddedNumbers(text: string): string {
  return text.toLowerCase().replace(/\d+/g, (digits) => digits.padStart(8, "0"));
}
