import { describe, expect, it } from "vitest";

import { HOUR, SECOND, spanLabel } from "./spans";

describe("a span", () => {
  it.each([
    [7, "7 µs"],
    [2250, "2.25 ms"],
    [147_000, "147 ms"],
    [12.34 * SECOND, "12.3 s"],
    [125 * SECOND, "2 m 5 s"],
    [25.5 * HOUR, "1 d 1 h"],
  ])("of %d µs is %s", (us, text) => {
    expect(spanLabel(us)).toBe(text);
  });
});
