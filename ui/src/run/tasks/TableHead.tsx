// The names of the columns. Each sorts by its column: upwards, downwards, and then no longer.

import type { JSX } from "preact";

import { type Column, COLUMNS, type Order } from "./table_rows";

export const TITLES: Record<Column, string> = {
  state: "State",
  name: "Task run",
  task: "Task",
  submitted: "Submitted",
  waited: "Waited",
  duration: "Duration",
  attempts: "Attempts",
  worker: "Worker",
};

interface TableHeadProps {
  order: Order;
  onOrder: (order: Order) => void;
  isHidden: boolean;
}

export function TableHead({ order, onOrder, isHidden }: TableHeadProps): JSX.Element {
  return (
    <div role="row" aria-rowindex={1} class={`tasks-head tasks-columns ${isHidden ? "unseen" : ""}`}>
      {COLUMNS.map((column) => {
        const isSorted = order.column === column;
        const direction = order.isDescending ? "descending" : "ascending";
        return (
          <div role="columnheader" class={`tasks-${column}`} aria-sort={isSorted ? direction : "none"}>
            <button type="button" tabIndex={isHidden ? -1 : 0} onClick={() => onOrder(nextOrder(order, column))}>
              {TITLES[column]}
              <span aria-hidden="true">{isSorted ? (order.isDescending ? " ↓" : " ↑") : ""}</span>
            </button>
          </div>
        );
      })}
    </div>
  );
}

/** Of times and attempts the largest are what one looks for, so they come first. */
const LARGEST_FIRST: ReadonlySet<Column> = new Set(["waited", "duration", "attempts"]);

export function nextOrder(order: Order, column: Column): Order {
  const first = LARGEST_FIRST.has(column);
  if (order.column !== column) return { column, isDescending: first };
  return order.isDescending === first ? { column, isDescending: !first } : { column: null, isDescending: false };
}
