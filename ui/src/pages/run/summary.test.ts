import { describe, expect, it } from "vitest";

import { canRerun, causeOf, comparisonOf, parentOf, standing, told, troubled, troubledLabel, wentOnAt } from "./summary";

const SECOND = 1_000_000;

describe("how a run stands", () => {
  it("is told with how long it took, or has taken", () => {
    expect(standing({ state_type: "COMPLETED", started_us: 0, ended_us: SECOND, failure: null }, 0)).toBe("in 1.00 s");
    expect(standing({ state_type: "FAILED", started_us: 0, ended_us: 182 * SECOND, failure: null }, 0)).toBe("after 3 m 2 s");
    expect(standing({ state_type: "RUNNING", started_us: SECOND, ended_us: null, failure: null }, 3 * SECOND)).toBe("for 2.00 s");
  });

  it("is told with when it was last known alive, if its process is gone", () => {
    const crashed = { state_type: "CRASHED", started_us: 0, ended_us: SECOND } as const;
    expect(standing({ ...crashed, failure: null }, 0)).toBe("· last known alive after 1.00 s");
    expect(standing({ ...crashed, failure: { type: "E", message: "", traceback: "" } }, 0)).toBe("after 1.00 s");
  });

  it("is told without a time for a run that never started", () => {
    expect(standing({ state_type: "PENDING", started_us: null, ended_us: null, failure: null }, 0)).toBe("");
    expect(standing({ state_type: "CANCELLED", started_us: null, ended_us: 5, failure: null }, 0)).toBe("before it started");
  });

  it("tells when a run went on that had been started before", () => {
    const states = [{ name: "Running", at_us: 5, message: null }];
    expect(wentOnAt({ epoch: 2, state: "Running", states })).toBe(5);
    expect(wentOnAt({ epoch: 1, state: "Running", states })).toBeNull();
    expect(wentOnAt({ epoch: 2, state: "Replayed", states })).toBeNull();
  });

  it("counts what went wrong", () => {
    expect(troubled({ FAILED: 2, CRASHED: 1, COMPLETED: 9 })).toBe(3);
    expect(troubledLabel(1, 0)).toBe("Show the task run that failed");
    expect(troubledLabel(15, 1)).toBe("Show the 15 task runs that failed, and the one that did not start");
    expect(troubledLabel(0, 2)).toBe("Show the 2 task runs that did not start");
  });

  it("names what its failure goes back to", () => {
    const raised = (what: string): string => `Traceback (most recent call last):\n  File "f.py", line 1, in f\n    f()\n${what}\n`;
    const cause = "\nThe above exception was the direct cause of the following exception:\n\n";
    const context = "\nDuring handling of the above exception, another exception occurred:\n\n";
    const lookup = raised("LookupError: no rate\na note");
    expect(causeOf({ traceback: lookup + cause + raised("UpstreamFailedError: report did not run") })).toBe("LookupError: no rate");
    expect(causeOf({ traceback: lookup + context + raised("ValueError: other") })).toBeNull();
    expect(causeOf({ traceback: raised("KeyError") + context + lookup + cause + raised("ValueError") })).toBe("LookupError: no rate");
    expect(causeOf({ traceback: lookup })).toBeNull();
    expect(causeOf({ traceback: "what is no traceback" })).toBeNull();
  });

  it("names the first of a group of failures", () => {
    const group = (members: string): string => `  | headrace.errors.TaskFailures: 2 task runs failed: a, b (2 sub-exceptions)\n${members}`;
    const line = (number: number): string => `+---------------- ${number} ----------------`;
    const [first, second, end] = [`  +-${line(1)}\n`, `    ${line(2)}\n`, "    +------------------------------------\n"];
    const timedOut = "    | headrace.errors.TaskTimedOut: slow-0 did not end within 0.2 s\n";
    const raised = `    | Traceback (most recent call last):\n    |   File "f.py", line 1, in f\n    |     1 / 0\n    | ZeroDivisionError: division by zero\n`;
    expect(causeOf({ traceback: group(first + timedOut + second + raised + end) })).toBe("TaskTimedOut: slow-0 did not end within 0.2 s");
    expect(causeOf({ traceback: group(first + raised + second + timedOut + end) })).toBe("ZeroDivisionError: division by zero");
    const inner = `    | ExceptionGroup: inner (1 sub-exception)\n    +-${line(1)}\n      | KeyError: 'x'\n      +----\n`;
    expect(causeOf({ traceback: group(first + inner + second + raised + end) })).toBe("KeyError: 'x'");
  });

  it("can have task runs run again once it ended, if nobody called it", () => {
    expect(canRerun({ actions: ["run_again", "delete"], parent: null })).toBe(true);
    expect(canRerun({ actions: ["run_again", "delete"], parent: "abc/1" })).toBe(false);
    expect(canRerun({ actions: ["cancel"], parent: null })).toBe(false);
  });

  it("is compared with another, the earlier one first", () => {
    const [earlier, later] = [
      { id: "e", created_us: 1 },
      { id: "l", created_us: 2 },
    ] as const;
    expect([comparisonOf(earlier, later), comparisonOf(later, earlier)]).toEqual(Array(2).fill("/compare?a=e&b=l"));
  });

  it("knows who called it", () => {
    expect(parentOf("abc/12")).toEqual({ run: "abc", taskRun: 12 });
    expect(parentOf("abc")).toEqual({ run: "abc", taskRun: null });
  });

  it("takes only texts and numbers from where it came from", () => {
    expect(["host", "pid", "none", "list"].map((name) => told({ host: "h", pid: 7, list: [] }, name))).toEqual(["h", "7", null, null]);
  });
});
