import { describe, expect, it } from "vitest";

import { packagesOf, parseTraceback, stretchesOf } from "./traceback";

const CHAINED = `Traceback (most recent call last):
  File "/home/ada/etl.py", line 4, in fetch
    return parse(body)
           ^^^^^^^^^^^
  File "/home/ada/.venv/lib/python3.11/site-packages/pandas/io/json.py", line 99, in parse
    raise ValueError("inner")
ValueError: inner

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "/home/ada/etl.py", line 8, in load
    fetch()
RuntimeError: outer
second line
`;

describe("a traceback", () => {
  it("is read into exceptions, the last one first, with their frames and source lines", () => {
    const [outer, inner] = parseTraceback(CHAINED)!;

    expect(outer).toMatchObject({ type: "RuntimeError", message: "outer\nsecond line", link: null });
    expect(inner).toMatchObject({ type: "ValueError", message: "inner", link: "cause" });
    expect(inner!.frames[0]).toEqual({
      file: "/home/ada/etl.py",
      line: 4,
      name: "fetch",
      source: ["return parse(body)", "       ^^^^^^^^^^^"],
      isOurs: true,
      repeated: 0,
    });
    expect(inner!.frames[1]).toMatchObject({ isOurs: false, line: 99 });
  });

  it("tells what was being handled from what was a cause", () => {
    const text = CHAINED.replace(
      "The above exception was the direct cause of the following exception:",
      "During handling of the above exception, another exception occurred:",
    );
    expect(parseTraceback(text)!.map(({ link }) => link)).toEqual([null, "context"]);
  });

  it("of a recursion says how often its frame came", () => {
    const text = `Traceback (most recent call last):
  File "a.py", line 1, in f
    f()
  [Previous line repeated 996 more times]
RecursionError: maximum recursion depth exceeded`;
    expect(parseTraceback(text)![0]!.frames[0]!.repeated).toBe(996);
  });

  it("of a syntax error shows the place with the message", () => {
    const text = `Traceback (most recent call last):
  File "a.py", line 1, in <module>
    import b
  File "b.py", line 1
    x = (
        ^
SyntaxError: '(' was never closed`;
    const [raised] = parseTraceback(text)!;
    expect(raised!.frames).toHaveLength(1);
    expect(raised!.message).toContain("x = (");
  });

  it("without a message is one", () => {
    expect(parseTraceback("Traceback (most recent call last):\nKeyboardInterrupt\n")![0]).toMatchObject({
      type: "KeyboardInterrupt",
      message: "",
      frames: [],
    });
  });

  it("that is another notation is not read", () => {
    expect(parseTraceback("  + Exception Group Traceback (most recent call last):\n  | ExceptionGroup: many")).toBeNull();
    expect(parseTraceback("")).toBeNull();
    expect(parseTraceback("…half of it")).toBeNull();
  });

  it("is told in stretches of one's own code and of libraries, which are named", () => {
    const frames = parseTraceback(CHAINED)![1]!.frames;
    expect(stretchesOf(frames).map(({ isOurs }) => isOurs)).toEqual([true, false]);
    expect(packagesOf(frames.slice(1))).toEqual(["pandas"]);
  });
});
