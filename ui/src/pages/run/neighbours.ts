// Which task run comes before or after another: as the table has them, or else in the order of submission.

import { NONE, type TaskStore } from "../../data/task_store";

/** The neighbour; the task run itself where there is none. */
export function neighbourOf(taskRun: number, by: number, shown: readonly number[], store: TaskStore): number {
  const place = shown.indexOf(taskRun);
  if (place !== -1) return shown[place + by] ?? taskRun;
  const row = store.rowOf(taskRun);
  if (row === NONE || row + by < 0 || row + by >= store.length) return taskRun;
  return store.id[row + by]!;
}
