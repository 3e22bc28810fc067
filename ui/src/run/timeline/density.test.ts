import { describe, expect, it } from "vitest";

import { densityOf } from "./density";
import { marksOf } from "./marks";
import { storeOf } from "./rows.fixture";

describe("the density of a run", () => {
  it("tells apart what ended well, badly, or was cancelled", () => {
    const store = storeOf([
      ["load", "w", 0, 0, 100],
      ["load", "w", 0, 0, 50, "Failed"],
      ["load", "w", 0, 50, 100, "Cancelled"],
    ]);
    const { good, bad, cancelled, most } = densityOf(store, marksOf(store, { text: "", types: [] }), { from: 0, to: 100 }, 2);
    const shares = [good, bad, cancelled].map((buckets) => [...buckets.slice(0, 2)].map(Math.round));
    expect(shares).toEqual([
      [1, 1],
      [1, 0],
      [0, 1],
    ]);
    expect(Math.round(most)).toBe(2);
  });
});
