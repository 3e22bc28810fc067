// The task runs of one flow run as columns: a typed array a field, a row a task run. A hundred thousand of them take a
// few megabytes, and Timeline, Graph and Tasks read the same arrays. Nothing here asks the server: see task_feed.ts.
//
// Times are microseconds after `baseUs`. A time or number that is not there yet is NONE in integer columns and NaN in
// columns of times. Growing and taking replace arrays: read a column from the store each time `version` has moved.

import { signal } from "@preact/signals";

/** What /api/runs/{id}/timeline answers. */
export interface Columns {
  as_of_us: number;
  base_us: number;
  tasks: string[];
  states: string[];
  workers: string[];
  id: number[];
  task: number[];
  index: number[];
  parent: (number | null)[];
  state: number[];
  submitted: number[];
  started: (number | null)[];
  ended: (number | null)[];
  worker: (number | null)[];
  attempts: number[];
  name: Record<string, string>;
  retries: Record<string, [number, number][]>;
  next_after: number | null;
}

/** The types of states in the order of their codes in `TaskStore.type`. */
export const STATE_TYPES = [
  "SCHEDULED",
  "PENDING",
  "RUNNING",
  "PAUSED",
  "CANCELLING",
  "COMPLETED",
  "FAILED",
  "CRASHED",
  "CANCELLED",
] as const;
export type StateType = (typeof STATE_TYPES)[number];

export const ENDED_TYPES: readonly StateType[] = ["COMPLETED", "FAILED", "CRASHED", "CANCELLED"];

/** The type of every name that a state can have, as the engine has it. */
const TYPE_OF: Record<string, StateType> = {
  Scheduled: "SCHEDULED",
  AwaitingRetry: "SCHEDULED",
  Pending: "PENDING",
  AwaitingSlot: "PENDING",
  Running: "RUNNING",
  Retrying: "RUNNING",
  Paused: "PAUSED",
  Cancelling: "CANCELLING",
  Completed: "COMPLETED",
  Cached: "COMPLETED",
  Replayed: "COMPLETED",
  Failed: "FAILED",
  TimedOut: "FAILED",
  UpstreamFailed: "FAILED",
  Crashed: "CRASHED",
  Cancelled: "CANCELLED",
};

/** In an integer column: there is none. */
export const NONE = -1;

/** Rows in groups: those of group g are `rows[from[g]] .. rows[from[g + 1] - 1]`, in the order of the store. */
export interface Groups {
  from: Int32Array;
  rows: Int32Array;
}

export type Attempt = readonly [startedUs: number, endedUs: number];

const NO_ATTEMPTS: readonly Attempt[] = [];

export class TaskStore {
  /** Moves on whenever rows came or changed. */
  readonly version = signal(0);
  /** How many rows there are. */
  length = 0;
  baseUs = 0;
  /** Up to when the server has told. */
  asOfUs = 0;
  /** When that was by the clock of this page. */
  private asOfHereMs = 0;

  readonly tasks: string[] = [];
  readonly states: string[] = [];
  readonly workers: string[] = [];

  id = new Uint32Array(1024);
  task = new Int32Array(1024);
  index = new Uint32Array(1024);
  /** The id of the task run that called it. */
  parent = new Int32Array(1024);
  state = new Uint8Array(1024);
  /** The code of the type of its state: an index into STATE_TYPES. */
  type = new Uint8Array(1024);
  submitted = new Float64Array(1024);
  started = new Float64Array(1024);
  ended = new Float64Array(1024);
  worker = new Int32Array(1024);
  attempts = new Uint16Array(1024);

  private readonly rowOfId = new Map<number, number>();
  private readonly customNames = new Map<number, string>();
  private readonly manyAttempts = new Map<number, readonly Attempt[]>();
  private readonly taskCodes = new Map<string, number>();
  private readonly stateCodes = new Map<string, number>();
  private readonly workerCodes = new Map<string, number>();
  private byTask: { version: number; groups: Groups } | null = null;
  private byWorker: { version: number; groups: Groups } | null = null;

  /** Takes in a page of rows: new ones are added, known ones are brought up to date. */
  take(columns: Columns): void {
    this.baseUs = columns.base_us;
    this.asOfUs = columns.as_of_us;
    this.asOfHereMs = performance.now();
    const tasks = codesOf(columns.tasks, this.tasks, this.taskCodes);
    const states = codesOf(columns.states, this.states, this.stateCodes);
    const workers = codesOf(columns.workers, this.workers, this.workerCodes);
    this.makeRoomFor(this.length + columns.id.length);
    for (let at = 0; at < columns.id.length; at++) {
      const id = columns.id[at]!;
      const row = this.rowFor(id);
      const state = states[columns.state[at]!]!;
      const worker = columns.worker[at] ?? NONE;
      this.task[row] = tasks[columns.task[at]!]!;
      this.index[row] = columns.index[at]!;
      this.parent[row] = columns.parent[at] ?? NONE;
      this.state[row] = state;
      this.type[row] = typeCodeOf(this.states[state]!);
      this.submitted[row] = columns.submitted[at]!;
      this.started[row] = columns.started[at] ?? NaN;
      this.ended[row] = columns.ended[at] ?? NaN;
      this.worker[row] = worker === NONE ? NONE : workers[worker]!;
      this.attempts[row] = columns.attempts[at]!;
    }
    for (const [id, name] of Object.entries(columns.name)) this.customNames.set(Number(id), name);
    for (const [id, attempts] of Object.entries(columns.retries)) this.takeAttempts(Number(id), attempts);
    this.version.value++;
  }

  /** The row of a task run, or NONE. */
  rowOf(id: number): number {
    return this.rowOfId.get(id) ?? NONE;
  }

  /** What a person knows a task run by: its own name, or its task and index. */
  nameOf(row: number): string {
    return this.customNames.get(this.id[row]!) ?? `${this.tasks[this.task[row]!]!}-${this.index[row]!}`;
  }

  stateNameOf(row: number): string {
    return this.states[this.state[row]!]!;
  }

  stateTypeOf(row: number): StateType {
    return STATE_TYPES[this.type[row]!]!;
  }

  workerOf(row: number): string | null {
    const worker = this.worker[row]!;
    return worker === NONE ? null : this.workers[worker]!;
  }

  /** Each attempt of a task run that was tried more than once: when it began and ended. The last may still go on: NaN. */
  attemptsOf(row: number): readonly Attempt[] {
    return this.manyAttempts.get(this.id[row]!) ?? NO_ATTEMPTS;
  }

  isEnded(row: number): boolean {
    return !Number.isNaN(this.ended[row]!);
  }

  /** Now, by the server's clock, in microseconds after `baseUs`. */
  nowUs(): number {
    return this.asOfUs - this.baseUs + (performance.now() - this.asOfHereMs) * 1000;
  }

  /** The rows of each task. */
  rowsByTask(): Groups {
    if (this.byTask?.version !== this.version.peek())
      this.byTask = { version: this.version.peek(), groups: groupsOf(this.task, this.length, this.tasks.length) };
    return this.byTask.groups;
  }

  /** The rows of each worker, and in one more group behind them those without. */
  rowsByWorker(): Groups {
    if (this.byWorker?.version !== this.version.peek())
      this.byWorker = { version: this.version.peek(), groups: groupsOf(this.worker, this.length, this.workers.length + 1) };
    return this.byWorker.groups;
  }

  /** A page tells of the attempts that have ended; one that goes on is taken to have begun after those. */
  private takeAttempts(id: number, ended: readonly Attempt[]): void {
    const isOver = this.isEnded(this.rowOf(id));
    this.manyAttempts.set(id, isOver ? ended : [...ended, [ended[ended.length - 1]?.[1] ?? NaN, NaN]]);
  }

  private rowFor(id: number): number {
    const known = this.rowOfId.get(id);
    if (known !== undefined) return known;
    const row = this.length++;
    this.id[row] = id;
    this.rowOfId.set(id, row);
    return row;
  }

  private makeRoomFor(length: number): void {
    if (length <= this.id.length) return;
    let room = this.id.length;
    while (room < length) room *= 2;
    this.id = moved(this.id, new Uint32Array(room));
    this.task = moved(this.task, new Int32Array(room));
    this.index = moved(this.index, new Uint32Array(room));
    this.parent = moved(this.parent, new Int32Array(room));
    this.state = moved(this.state, new Uint8Array(room));
    this.type = moved(this.type, new Uint8Array(room));
    this.submitted = moved(this.submitted, new Float64Array(room));
    this.started = moved(this.started, new Float64Array(room));
    this.ended = moved(this.ended, new Float64Array(room));
    this.worker = moved(this.worker, new Int32Array(room));
    this.attempts = moved(this.attempts, new Uint16Array(room));
  }
}

/** The code of the type that a state of this name has. A name from a later version counts as pending. */
function typeCodeOf(state: string): number {
  return STATE_TYPES.indexOf(TYPE_OF[state] ?? "PENDING");
}

/** Each answer has its own list of texts: their codes in the store's list, which grows by those that are new. */
function codesOf(texts: readonly string[], known: string[], codes: Map<string, number>): Int32Array {
  return Int32Array.from(texts, (text) => {
    const code = codes.get(text) ?? known.length;
    if (code === known.length) {
      known.push(text);
      codes.set(text, code);
    }
    return code;
  });
}

/** Rows by their code in a column, NONE last: a counting sort, so the order inside a group stays. */
function groupsOf(column: Int32Array, length: number, groupCount: number): Groups {
  const from = new Int32Array(groupCount + 1);
  const groupOf = (row: number): number => (column[row] === NONE ? groupCount - 1 : column[row]!);
  for (let row = 0; row < length; row++) from[groupOf(row) + 1]!++;
  for (let group = 0; group < groupCount; group++) from[group + 1]! += from[group]!;
  const next = from.slice();
  const rows = new Int32Array(length);
  for (let row = 0; row < length; row++) rows[next[groupOf(row)]!++] = row;
  return { from, rows };
}

function moved<T extends Uint8Array | Uint16Array | Uint32Array | Int32Array | Float64Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
