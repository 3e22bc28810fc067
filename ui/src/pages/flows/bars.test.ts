import { expect, test } from "vitest";

import { barsOf, type LastRun, trendOf } from "./bars";

const run = (duration_us: number | null): LastRun => ({ duration_us }) as LastRun;

test("the longest run has the highest bar, and none is too low to click", () => {
  expect(barsOf([run(100), run(50), run(null)]).map(({ height }) => height)).toEqual([1, 0.625, 0.25]);
});

test("a trend says slower, faster or steady", () => {
  expect(trendOf(1.3)).toEqual({ label: "↑ 30 % slower", isSlower: true });
  expect(trendOf(0.5)).toEqual({ label: "↓ 50 % faster", isSlower: false });
  expect(trendOf(1.02).label).toBe("steady");
  expect(trendOf(null).label).toBe("–");
});
