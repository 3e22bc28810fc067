import { describe, expect, it } from "vitest";

import { stretchesOf } from "./hits";

const marked = (text: string, wanted: string): string =>
  stretchesOf(text, wanted)
    .map(({ text, isHit }) => (isHit ? `[${text}]` : text))
    .join("");

describe("hits", () => {
  it("are found in any case, as often as there are any", () => {
    expect(marked("Error: an error", "error")).toBe("[Error]: an [error]");
    expect(marked("aaa", "aa")).toBe("[aa]a");
  });

  it("are looked for as they are written, not as a pattern", () => {
    expect(marked("f(x).*", ".*")).toBe("f(x)[.*]");
  });

  it("are none where nothing is looked for", () => {
    expect(marked("text", "")).toBe("text");
    expect(marked("İstanbul x", "x")).toBe("İstanbul x");
  });
});
