import { describe, expect, it } from "vitest";

import type { Field, FieldKind } from "../../data/views";
import { choiceLabel, fieldsToGiveAgain, readField, readForm, textAtFirst } from "./form_values";

function field(kind: FieldKind, more: Partial<Field> = {}): Field {
  return { name: "x", kind, annotation: null, is_required: false, default: null, value: null, shown: null, choices: null, ...more };
}

describe("a form of parameters", () => {
  it("starts with what the run had", () => {
    expect(textAtFirst(field("text", { value: '"a b"' }))).toBe("a b");
    expect(textAtFirst(field("json", { value: '{"a":1}' }))).toBe('{"a":1}');
    expect(textAtFirst(field("integer", { value: "12345678901234567890" }))).toBe("12345678901234567890");
    expect(textAtFirst(field("text"))).toBe("");
  });

  it("reads texts, numbers and JSON", () => {
    expect(readField(field("text"), "a")).toEqual({ json: '"a"' });
    expect(readField(field("integer"), " +007 ")).toEqual({ json: "7" });
    expect(readField(field("integer"), "12345678901234567890")).toEqual({ json: "12345678901234567890" });
    expect(readField(field("number"), "1e3")).toEqual({ json: "1e3" });
    expect(readField(field("number"), ".5")).toEqual({ json: "0.5" });
    expect(readField(field("json"), "[1, 2]")).toEqual({ json: "[1, 2]" });
    expect(readField(field("boolean"), "true")).toEqual({ json: "true" });
    expect(readField(field("secret"), "s3")).toEqual({ json: '"s3"' });
  });

  it("says what it cannot read", () => {
    expect(readField(field("integer"), "1.5")).toEqual({ error: "A whole number is needed, such as 42" });
    expect(readField(field("number"), "abc")).toEqual({ error: "A number is needed, such as 0.5" });
    expect(readField(field("number"), "Infinity")).toHaveProperty("error");
    expect(readField(field("json"), "{a: 1}")).toHaveProperty("error");
  });

  it("leaves out what was left alone, and asks for what is required", () => {
    expect(readField(field("text"), "")).toEqual({ json: null });
    expect(readField(field("integer", { is_required: true }), " ")).toEqual({ error: "A value is needed" });
  });

  it("keeps an empty text, and a number given to a text, as the run had them", () => {
    expect(readField(field("text", { value: '"old"' }), "")).toEqual({ json: '""' });
    expect(readField(field("text", { value: "5" }), "5")).toEqual({ json: "5" });
  });

  it("gives one object, or every error", () => {
    const fields = [field("text", { name: "a" }), field("integer", { name: "n", is_required: true })];
    expect(readForm(fields, { a: "q", n: "3" })).toEqual({ json: '{"a":"q","n":3}' });
    expect(readForm(fields, { a: "q", n: "" })).toEqual({ errors: { n: "A value is needed" } });
  });

  it("asks before a resume for secrets, and offers what is not told wholly", () => {
    const fields = [
      field("integer", { name: "n", value: "3", shown: "3" }),
      field("secret", { name: "key", shown: '"**********"', is_required: true }),
      field("secret", { name: "token", shown: '"**********"', is_required: true, default: '"**********"' }),
      field("json", { name: "login", shown: '{"user":"ada","password":"**********"}', is_required: true }),
      field("json", { name: "table", shown: '"DataFrame, 3 rows"', is_required: true }),
      field("text", { name: "never given" }),
    ];
    expect(fieldsToGiveAgain(fields).map(({ name, is_required }) => [name, is_required])).toEqual([
      ["key", true],
      ["token", false],
      ["login", true],
      ["table", false],
    ]);
  });

  it("reads choices without the quotes of texts", () => {
    expect(['"EUR"', "3", "null", '""'].map(choiceLabel)).toEqual(["EUR", "3", "null", '""']);
  });
});
