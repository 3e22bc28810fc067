import { describe, expect, it } from "vitest";

import { parseAnsi } from "./ansi";
import { isShort, wrap } from "./wrap";

const rowsOf = (text: string, columns: number): string[] =>
  wrap(parseAnsi(text), columns).map((row) => row.map(({ text }) => text).join(""));

describe("rows of a text", () => {
  it("are its lines, cut where they are too long", () => {
    expect(rowsOf("short\nabcdefghij\r\n\nend", 4)).toEqual(["shor", "t", "abcd", "efgh", "ij", "", "end"]);
    expect(rowsOf("", 4)).toEqual([""]);
  });

  it("keep the style of what they cut", () => {
    const rows = wrap(parseAnsi("\u001b[31mabcdef"), 4);
    expect(rows.map(([piece]) => [piece!.text, piece!.style.colour])).toEqual([
      ["abcd", 1],
      ["ef", 1],
    ]);
  });

  it("give wide characters two columns, and accents none", () => {
    expect(rowsOf("日本語", 4)).toEqual(["日本", "語"]);
    expect(rowsOf("e\u0301e\u0301e", 2)).toEqual(["e\u0301e\u0301", "e"]);
  });

  it("set tabs on every eighth column", () => {
    expect(rowsOf("a\tb", 20)).toEqual(["a       b"]);
  });

  it("are one where a text is short and simple", () => {
    expect(isShort("abc", 3)).toBe(true);
    expect(["abcd", "a\nb", "日"].some((text) => isShort(text, 3))).toBe(false);
  });
});
