// How a task run is marked on the canvas: by the type of its state, or dimmed where a filter leaves it out. What does not
// fit beside each other on the screen is drawn as the most urgent mark among it, so that a failure is never drawn over.

import { STATE_TYPES, type StateType, type TaskStore } from "../../data/task_store";

/** A mark is the code of a state's type, or DIMMED. */
export const DIMMED = STATE_TYPES.length;
export const MARK_COUNT = STATE_TYPES.length + 1;

const URGENCY: readonly (StateType | "DIMMED")[] = [
  "DIMMED",
  "COMPLETED",
  "SCHEDULED",
  "PENDING",
  "CANCELLED",
  "PAUSED",
  "CANCELLING",
  "RUNNING",
  "CRASHED",
  "FAILED",
];

/** How urgent each mark is: the more, the higher. */
export const URGENCY_OF = Uint8Array.from([...STATE_TYPES, "DIMMED" as const], (type) => URGENCY.indexOf(type));

const FAILED = STATE_TYPES.indexOf("FAILED");
const CRASHED = STATE_TYPES.indexOf("CRASHED");

/** Whether a mark says that something went wrong. */
export function isBad(mark: number): boolean {
  return mark === FAILED || mark === CRASHED;
}

/** What a person looks for among the task runs. Empty: for everything. */
export interface Filter {
  text: string;
  types: readonly StateType[];
}

/** The mark of every row, where those that the filter leaves out are dimmed. */
export function marksOf(store: TaskStore, filter: Filter): Uint8Array {
  const marks = store.type.slice(0, store.length);
  const text = filter.text.trim().toLowerCase();
  if (text === "" && filter.types.length === 0) return marks;
  const isWantedType = STATE_TYPES.map((type) => filter.types.length === 0 || filter.types.includes(type));
  const taskMatches = store.tasks.map((task) => task.toLowerCase().includes(text));
  for (let row = 0; row < store.length; row++) {
    const isWanted =
      isWantedType[marks[row]!]! &&
      (taskMatches[store.task[row]!]! ||
        store.nameOf(row).toLowerCase().includes(text) ||
        (store.workerOf(row)?.toLowerCase().includes(text) ?? false));
    if (!isWanted) marks[row] = DIMMED;
  }
  return marks;
}
