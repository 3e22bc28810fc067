import { describe, expect, it } from "vitest";

import { laidOut, membersOf, withLetters } from "./json_text";

describe("JSON", () => {
  it("that is short stays on a line, and is laid out over several otherwise", () => {
    expect(laidOut('{"a":[1,2],"b":"x, y"}')).toBe('{"a": [1, 2], "b": "x, y"}');
    const long = JSON.stringify({ name: "x".repeat(50), list: [1, 2, { deep: null }] });
    expect(laidOut(long)).toBe(`{\n  "name": "${"x".repeat(50)}",\n  "list": [1, 2, {"deep": null}]\n}`);
  });

  it("keeps numbers as they were written", () => {
    expect(laidOut("[12345678901234567890, 1.0]")).toBe("[12345678901234567890, 1.0]");
  });

  it("that was cut short is shown as it is", () => {
    expect(laidOut('{"a": [1, 2, …')).toBe('{"a": [1, 2, …');
    expect(laidOut("")).toBe("");
  });

  it("has its letters as they are read, not as they are escaped", () => {
    expect(laidOut('["betr\\u00e4ge", "\\u65e5\\u672c \\ud83d\\ude80"]')).toBe('["beträge", "日本 🚀"]');
    expect(membersOf('{"\\u00e4":"\\u2026"}')).toEqual([["ä", '"…"']]);
    expect(withLetters('["\\u00e4", "cut \\u00')).toBe('["ä", "cut \\u00');
  });

  it("keeps the escapes that it needs", () => {
    const needed = '["\\\\u00e4", "\\"", "\\u0007", "\\n", "\\ud83d", "\\ude80"]';
    expect(laidOut(needed)).toBe(needed);
  });

  it("of an object is told by its members", () => {
    expect(membersOf('{"a":1,"b":[true]}')).toEqual([
      ["a", "1"],
      ["b", "[true]"],
    ]);
    expect(["[1]", "null", "{cut"].map(membersOf)).toEqual([null, null, null]);
  });
});
