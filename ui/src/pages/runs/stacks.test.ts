import { expect, test } from "vitest";

import { stackedOf } from "./stacks";

test("each stack has what is done below, then what runs, and what failed on top", () => {
  const buckets = [{ COMPLETED: 5, FAILED: 2, RUNNING: 1, CRASHED: 1 }, {}];
  expect(stackedOf({ from_us: 3_000_000, step_us: 2_000_000, buckets })).toEqual([
    [3, 5],
    [9, 0],
    [6, 0],
    [5, 0],
  ]);
});
