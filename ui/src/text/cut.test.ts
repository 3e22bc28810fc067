import { expect, test } from "vitest";

import { cutInside } from "./cut";

test("a text that is too long keeps its beginning and its end", () => {
  expect(["extract-31", "transform_region lively-falcon"].map((text) => cutInside(text, 19))).toEqual([
    "extract-31",
    "transform…ly-falcon",
  ]);
  expect(cutInside("extract-31", 6)).toBe("ext…31");
  expect([2, 1].map((most) => cutInside("extract", most))).toEqual(["e…", "…"]);
});
