import { describe, expect, it } from "vitest";

import { askedBy, readAnswer } from "./answers";

describe("a question", () => {
  it("of yes and no is answered by a button", () => {
    expect(askedBy('{"type":"bool","choices":[]}').choices).toEqual([
      { label: "Yes", json: "true" },
      { label: "No", json: "false" },
    ]);
  });

  it("with choices is answered by one of them, as the type it has", () => {
    expect(askedBy('{"type":"str","choices":["keep",2,true]}').choices).toEqual([
      { label: "keep", json: '"keep"' },
      { label: "2", json: "2" },
      { label: "yes", json: "true" },
    ]);
  });

  it("for a number takes one", () => {
    const asked = askedBy('{"type":"int","choices":[]}');
    expect([asked.choices, readAnswer(asked, " 012 "), readAnswer(asked, "1.5")]).toEqual([
      null,
      { json: "12" },
      { error: "Give a whole number" },
    ]);
    expect(readAnswer(askedBy('{"type":"float","choices":[]}'), ".5")).toEqual({ json: "0.5" });
    expect(readAnswer(askedBy('{"type":"float","choices":[]}'), "")).toEqual({ error: "Give a number" });
  });

  it("for a text takes any, and so does one that cannot be read", () => {
    expect(readAnswer(askedBy('{"type":"str","choices":[]}'), 'a "b"')).toEqual({ json: '"a \\"b\\""' });
    expect(readAnswer(askedBy("{cut"), "x")).toEqual({ json: '"x"' });
  });
});
