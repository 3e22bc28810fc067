import { describe, expect, it } from "vitest";

import type { TaskRun } from "../../data/views";
import { askedWith, planOf } from "./resuming";

const THIRD = { name: "load-3", task: "load", index: 3 } as TaskRun;

describe("a resume", () => {
  it("is asked for with what is given again", () => {
    expect(askedWith("r", { from: "failed" }, '{"key":"k"}', false)).toEqual({
      path: "/api/runs/r/retry-failed",
      json: '{"parameters":{"key":"k"}}',
    });
    const { path, json } = askedWith("r", { from: "where_it_stopped" }, '{"n":12345678901234567890}', true);
    expect([path, json]).toEqual(["/api/runs/r/resume", '{"rerun":[],"take_over":true,"parameters":{"n":12345678901234567890}}']);
  });

  it("from a task run names that one alone", () => {
    expect(JSON.parse(askedWith("r", { from: "task_run", task: THIRD }, "{}", false).json)).toHaveProperty("rerun", ["load[3]"]);
  });

  it("says what will run and what keeps its value", () => {
    const plan = planOf({ epoch: 1, task_runs: { COMPLETED: 9, FAILED: 1, RUNNING: 2 } }, { from: "task_run", task: THIRD });
    expect(plan).toEqual([
      "The flow function runs again from its beginning, in a new process, as epoch 2.",
      "load-3 runs again, and so does whatever needs its value.",
      "1 task run that failed, crashed or was cancelled runs again.",
      "2 task runs that did not end run again.",
      "9 task runs that completed keep their values, if stored, and code and arguments are unchanged.",
    ]);
  });
});
