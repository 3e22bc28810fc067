import { describe, expect, it } from "vitest";

import { parseAnsi, PLAIN, stripAnsi } from "./ansi";

const ESC = "\u001b";

/** The pieces of a text with what differs from plain. */
function told(text: string): [string, object][] {
  return parseAnsi(text).map(({ text, style }) => [
    text,
    Object.fromEntries(Object.entries(style).filter(([name, value]) => value !== PLAIN[name as keyof typeof PLAIN])),
  ]);
}

describe("escape sequences", () => {
  it("are nothing where there are none", () => {
    expect(told("plain <b>text</b>")).toEqual([["plain <b>text</b>", {}]]);
    expect(told("")).toEqual([]);
  });

  it("colour what follows until they are reset", () => {
    expect(told(`a${ESC}[31mb${ESC}[0mc`)).toEqual([
      ["a", {}],
      ["b", { colour: 1 }],
      ["c", {}],
    ]);
    expect(told(`${ESC}[1;97;44mx${ESC}[22my${ESC}[39;49mz${ESC}[mq`)).toEqual([
      ["x", { isBold: true, colour: 15, ground: 4 }],
      ["y", { colour: 15, ground: 4 }],
      ["z", {}],
      ["q", {}],
    ]);
  });

  it("can name one of 256 colours, or any", () => {
    expect(told(`${ESC}[38;5;9ma${ESC}[38;5;208mb${ESC}[48;5;244mc`)).toEqual([
      ["a", { colour: 9 }],
      ["b", { colour: [255, 135, 0] }],
      ["c", { colour: [255, 135, 0], ground: [128, 128, 128] }],
    ]);
    expect(told(`${ESC}[38;2;1;2;3;4ma`)).toEqual([["a", { colour: [1, 2, 3], isUnderlined: true }]]);
    expect(told(`${ESC}[38:5:208ma`)).toEqual([["a", { colour: [255, 135, 0] }]]);
  });

  it("that are wrong change nothing", () => {
    expect(told(`${ESC}[38;2;999;0;0ma${ESC}[38mb${ESC}[;;mc${ESC}[123md`)).toEqual([
      ["a", {}],
      ["b", {}],
      ["c", {}],
      ["d", {}],
    ]);
  });

  it("that move the cursor, set titles or make links are left out", () => {
    expect(stripAnsi(`a${ESC}[2J${ESC}[10;5Hb${ESC}]0;title\u0007c${ESC}]8;;http://x${ESC}\\d${ESC}(Be${ESC}7f`)).toBe("abcdef");
    expect(stripAnsi(`a${ESC}]0;never ended`)).toBe("a");
  });

  it("that never end leave the rest of the text", () => {
    expect(stripAnsi(`${ESC}[1;1;1`)).toBe(`${ESC}[1;1;1`);
    expect(stripAnsi(`${ESC}[`.repeat(3) + "end")).toBe(`${ESC}[`.repeat(2) + "nd");
  });
});
