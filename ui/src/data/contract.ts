// The types that the page is written with are those that the API promises: this file compiles only as long as they are.

import type { components } from "./schema";
import type { Comparison, Form, Launch, Run, RunRow, StateChange, TaskRun } from "./views";

type Answers = components["schemas"];

/** Compiles if every answer of the API is what the page takes it for. */
type Fits<View, Answer extends View> = [View, Answer];

export type Contract = [
  Fits<RunRow, Answers["RunRow"]>,
  Fits<Run, Answers["Run"]>,
  Fits<TaskRun, Answers["TaskRun"]>,
  Fits<StateChange, Answers["StateChange"]>,
  Fits<Comparison, Answers["Comparison"]>,
  Fits<Form, Answers["Form"]>,
  Fits<Launch, Answers["Launch"]>,
];
