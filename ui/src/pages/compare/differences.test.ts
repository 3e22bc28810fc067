import { describe, expect, it } from "vitest";

import type { TaskSum } from "../../data/views";
import { byDifference, durationDifference, hasNotRun, hasSameCounts, timeOf } from "./differences";

const SECOND = 1_000_000;
const sum = (ran_us: number, counts: TaskSum["counts"] = {}): TaskSum => ({ runs: 1, counts, ran_us, median_us: ran_us });

describe("two runs of a flow", () => {
  it("differ in how long they took", () => {
    expect(durationDifference(10 * SECOND, 15 * SECOND)).toEqual({ text: "+5.00 s (50 % longer)", tone: "worse" });
    expect(durationDifference(10 * SECOND, 2 * SECOND)).toEqual({ text: "−8.00 s (5.0 × shorter)", tone: "better" });
    expect(durationDifference(10 * SECOND, 10.5 * SECOND)).toMatchObject({ tone: "same" });
    expect(durationDifference(SECOND, SECOND)).toEqual({ text: "the same", tone: "same" });
    expect(durationDifference(SECOND, SECOND - 2_000)).toEqual({ text: "the same", tone: "same" });
    expect(durationDifference(0, 0)).toEqual({ text: "the same", tone: "same" });
  });

  it("are neither better nor worse where they ended otherwise", () => {
    expect(durationDifference(10 * SECOND, 2 * SECOND, false)).toEqual({ text: "−8.00 s (5.0 × shorter)", tone: "same" });
  });

  it("do not differ in what only one of them has", () => {
    expect(durationDifference(null, SECOND)).toEqual({ text: "", tone: "same" });
    expect(durationDifference(0, SECOND)).toEqual({ text: "+1.00 s", tone: "worse" });
  });

  it("do not differ in the time of a task that did not run in one of them", () => {
    const skipped: TaskSum = { runs: 2, counts: { CANCELLED: 2 }, ran_us: 0, median_us: null };
    expect(timeOf(skipped)).toBeNull();
    expect(durationDifference(timeOf(sum(SECOND)), timeOf(skipped))).toEqual({ text: "", tone: "same" });
    expect(timeOf(sum(0))).toBe(0);
    expect(timeOf(null)).toBeNull();
  });

  it("tell a task that did not run from one that runs, or was not called", () => {
    const called = (counts: TaskSum["counts"]): TaskSum => ({ runs: 2, counts, ran_us: 0, median_us: null });
    expect(hasNotRun(called({ CANCELLED: 1, FAILED: 1 }))).toBe(true);
    expect(hasNotRun(called({ CANCELLED: 1, RUNNING: 1 }))).toBe(false);
    expect(hasNotRun(sum(0, { COMPLETED: 1 }))).toBe(false);
    expect(hasNotRun(null)).toBe(false);
  });

  it("are told by task, the largest difference first", () => {
    const tasks = byDifference([
      { task: "same", a: sum(5), b: sum(5) },
      { task: "new", a: null, b: sum(3) },
      { task: "slower", a: sum(1), b: sum(9) },
    ]);
    expect(tasks.map(({ task }) => task)).toEqual(["slower", "new", "same"]);
  });

  it("have the same counts or not", () => {
    expect(hasSameCounts(sum(1, { COMPLETED: 2 }), sum(2, { COMPLETED: 2 }))).toBe(true);
    expect(hasSameCounts(sum(1, { COMPLETED: 2 }), sum(2, { COMPLETED: 1, FAILED: 1 }))).toBe(false);
    expect(hasSameCounts(null, sum(2, { COMPLETED: 1 }))).toBe(false);
  });
});
