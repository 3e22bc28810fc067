// The answers of the API about one flow run, as server/api/views.py has them. Times are microseconds since 1970.

import type { StateType } from "./task_store";

export type Counts = Partial<Record<StateType, number>>;
export type Action = "cancel" | "resume" | "delete" | "run_again" | "answer";

export interface RunRow {
  id: string;
  kind: string;
  flow: string;
  name: string;
  state: string;
  state_type: StateType;
  reason: string | null;
  created_us: number;
  started_us: number | null;
  ended_us: number | null;
  tags: string[];
  /** The flow run that called it, or `<flow run>/<task run>`. */
  parent: string | null;
  task_runs: Counts;
}

export interface State {
  name: string;
  at_us: number;
  message: string | null;
}

export interface Failure {
  type: string;
  message: string;
  traceback: string;
}

export interface Question {
  prompt: string;
  occurrence: number;
  /** A JSON object: the type of an answer, or its choices. */
  question: string;
}

/** Who waits for a limit or holds it; a process that holds it outside of flows has no run. */
export interface Party {
  name: string;
  run: string | null;
  task_run: number | null;
}

/** Some of a run wait for limits; of very many the first are named. */
export interface LimitWait {
  who: Party[];
  who_count: number;
  limits: string[];
  held_by: Party[];
  held_by_count: number;
}

export interface Run extends RunRow {
  /** So many of those that are FAILED did not start, for an upstream did not complete. */
  upstream_failed: number;
  version: string | null;
  states: State[];
  task_runner: string;
  parameters: string | null;
  result_preview: string | null;
  result_note: string | null;
  failure: Failure | null;
  provenance: Record<string, unknown>;
  epoch: number;
  dashboard_url: string | null;
  subflows: number;
  questions: Question[];
  waits: LimitWait[];
  actions: Action[];
}

export interface TaskAttempt {
  number: number;
  started_us: number;
  ended_us: number;
  worker: string;
  failure: Failure | null;
}

/** A task run that another waited for. Of another flow run (`run`) the id is a text and its state is not told. */
export interface TaskRef {
  id: number | string;
  name: string;
  state: string | null;
  state_type: StateType | null;
  run: string | null;
}

export interface Waited {
  upstreams_us: number;
  slot_us: number;
  ran_us: number;
}

export interface TaskRun {
  id: number;
  parent: number | null;
  task: string;
  index: number;
  name: string;
  tags: string[];
  state: string;
  state_type: StateType;
  states: State[];
  submitted_us: number;
  started_us: number | null;
  ended_us: number | null;
  attempt_count: number;
  attempts: TaskAttempt[];
  upstreams: TaskRef[];
  upstream_count: number;
  downstreams: TaskRef[];
  downstream_count: number;
  parameters: string | null;
  worker: string | null;
  result_preview: string | null;
  result_note: string | null;
  failure: Failure | null;
  storage: { serializer: string; size: number; is_in_file: boolean } | null;
  cached_from: string | null;
  waited: Waited;
  subflows: RunRow[];
}

export interface StateChange {
  at_us: number;
  task_run: number | null;
  name: string;
  state: string;
  state_type: StateType;
  reason: string | null;
  epoch: number;
}

export interface TaskSum {
  runs: number;
  counts: Counts;
  ran_us: number;
  median_us: number | null;
}

export interface Comparison {
  runs: [RunRow, RunRow];
  parameters: { name: string; a: string | null; b: string | null; is_same: boolean }[];
  tasks: { task: string; a: TaskSum | null; b: TaskSum | null }[];
}

export type FieldKind = "text" | "number" | "integer" | "boolean" | "choice" | "json" | "secret";

/** What a form asks for one parameter. `value` and `choices` are JSON; `shown` is what the run had where that is not whole. */
export interface Field {
  name: string;
  kind: FieldKind;
  annotation: string | null;
  is_required: boolean;
  default: string | null;
  value: string | null;
  shown: string | null;
  choices: string[] | null;
}

export interface Form {
  flow: string;
  fields: Field[];
  can_run: boolean;
  why_not: string | null;
}

export interface Launch {
  id: number;
  run: string | null;
  kind: string;
  state: "running" | "ended";
  exit_code: number | null;
  output: string;
}
