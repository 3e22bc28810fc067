import { describe, expect, it } from "vitest";

import { fitted, panned, revealing, spanOf, zoomed } from "./window";

const WHOLE = { from: 0, to: 1_000_000 };

describe("the window on the time line", () => {
  it("leaves what is under the pointer where it is when it zooms", () => {
    const before = { from: 200_000, to: 600_000 };
    const after = zoomed(before, WHOLE, 300_000, 0.5);

    expect(after).toEqual({ from: 250_000, to: 450_000 });
  });

  it("shows no more than the whole, and no less than microseconds", () => {
    expect(zoomed({ from: 0, to: 500_000 }, WHOLE, 0, 100)).toEqual(fitted(WHOLE));
    expect(spanOf(zoomed({ from: 0, to: 100 }, WHOLE, 50, 1e-9))).toBe(20);
  });

  it("stays within the whole when it is panned", () => {
    const window = { from: 100_000, to: 200_000 };
    expect(panned(window, WHOLE, 50_000)).toEqual({
      from: 150_000,
      to: 250_000,
    });
    expect(panned(window, WHOLE, -1e9).from).toBe(fitted(WHOLE).from);
    expect(panned(window, WHOLE, 1e9).to).toBeCloseTo(fitted(WHOLE).to);
  });

  it("moves only as much as it must to show something", () => {
    const window = { from: 100_000, to: 200_000 };
    expect(revealing(window, WHOLE, 120_000, 130_000)).toBe(window);
    expect(revealing(window, WHOLE, 500_000, 510_000)).toEqual({
      from: 455_000,
      to: 555_000,
    });
    expect(spanOf(revealing(window, WHOLE, 300_000, 700_000))).toBe(500_000);
  });
});
