import { expect, test } from "vitest";

import { barsOf, type LastRun, trendOf } from "./bars";

const run = (duration_us: number | null): LastRun => ({ duration_us }) as LastRun;

test("the longest run has the highest bar, and none is too low to click", () => {
  expect(barsOf([run(100), run(50), run(null)]).map(({ height }) => height)).toEqual([1, 0.625, 0.25]);
});

test("a run that lasted very much longer than the others is cut, so that these stay apart", () => {
  const bars = barsOf([run(100), run(200), run(100), run(100_000), run(null)]);
  expect(bars.map(({ isCut }) => isCut)).toEqual([false, false, false, true, false]);
  expect(bars[3]!.height).toBe(1);
  expect(bars[1]!.height).toBeGreaterThan(bars[0]!.height + 0.1);
});

test("a run that nothing is known of but that it runs is drawn too", () => {
  expect(barsOf([run(null)])).toMatchObject([{ height: 0.25, isCut: false }]);
});

test("a trend says slower, faster or steady", () => {
  expect(trendOf(1.3)).toEqual({ label: "↑ 30 % slower", isSlower: true });
  expect(trendOf(0.5)).toEqual({ label: "↓ 50 % faster", isSlower: false });
  expect(trendOf(1.02).label).toBe("steady");
  expect(trendOf(null).label).toBe("–");
});
