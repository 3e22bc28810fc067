// Stores for tests: each row is [task, worker, submitted, started, ended], its state follows from its times.

import { type Columns, TaskStore } from "../../data/task_store";

export type Row = readonly [
  task: string,
  worker: string | null,
  submitted: number,
  started: number | null,
  ended: number | null,
  state?: string,
];

export function storeOf(rows: readonly Row[], more: Partial<Columns> = {}): TaskStore {
  const tasks = [...new Set(rows.map(([task]) => task))];
  const workers = [...new Set(rows.map(([, worker]) => worker))].filter((worker) => worker !== null);
  const stateOf = ([, , , started, ended, state]: Row): string =>
    state ?? (ended !== null ? "Completed" : started !== null ? "Running" : "Pending");
  const states = [...new Set(rows.map(stateOf))];
  const store = new TaskStore();
  store.take({
    as_of_us: 0,
    base_us: 0,
    tasks,
    states,
    workers,
    id: rows.map((_, at) => at + 1),
    task: rows.map(([task]) => tasks.indexOf(task)),
    index: rows.map((_, at) => at),
    parent: rows.map(() => null),
    state: rows.map((row) => states.indexOf(stateOf(row))),
    submitted: rows.map(([, , submitted]) => submitted),
    started: rows.map(([, , , started]) => started),
    ended: rows.map(([, , , , ended]) => ended),
    worker: rows.map(([, worker]) => (worker === null ? null : workers.indexOf(worker))),
    attempts: rows.map(() => 1),
    name: {},
    retries: {},
    next_after: null,
    ...more,
  });
  return store;
}
