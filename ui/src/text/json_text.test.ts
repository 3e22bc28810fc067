import { describe, expect, it } from "vitest";

import { laidOut, membersOf } from "./json_text";

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

  it("of an object is told by its members", () => {
    expect(membersOf('{"a":1,"b":[true]}')).toEqual([
      ["a", "1"],
      ["b", "[true]"],
    ]);
    expect(["[1]", "null", "{cut"].map(membersOf)).toEqual([null, null, null]);
  });
});
