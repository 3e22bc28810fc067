// What a person typed into a form, read into the parameters of a flow. Pure: texts in, JSON values or what is wrong with them
// out. A field that is left alone gives nothing, so that its default counts.

import type { Field } from "../../data/views";

/** What a secret reads in the place of its value, as JSON: `MASK` of headrace/previews.py. */
const MASK = '"**********"';

export type Reading = { readonly json: string | null } | { readonly error: string };

/** What stands in a field at first. */
export function textAtFirst(field: Field): string {
  const json = field.value;
  if (json === null) return "";
  switch (field.kind) {
    case "text":
    case "secret": {
      const value: unknown = JSON.parse(json);
      return typeof value === "string" ? value : json;
    }
    default:
      return json;
  }
}

/** The JSON that a text in a field means; null: nothing was given, and nothing is needed. */
export function readField(field: Field, text: string): Reading {
  // A text may be empty on purpose: it is, where the run had an empty one.
  const isLeftOut = text.trim() === "" && !(field.kind === "text" && field.value !== null);
  if (isLeftOut) return field.is_required ? { error: "A value is needed" } : { json: null };
  if (field.value !== null && text === textAtFirst(field)) return { json: field.value };
  switch (field.kind) {
    case "text":
    case "secret":
      return { json: JSON.stringify(text) };
    case "integer":
      return /^\s*[+-]?\d+\s*$/.test(text)
        ? {
            json: text
              .trim()
              .replace(/^\+/, "")
              .replace(/^(-?)0+(?=\d)/, "$1"),
          }
        : { error: "A whole number is needed, such as 42" };
    case "number":
      return text.trim() !== "" && Number.isFinite(Number(text))
        ? { json: numberJson(text.trim()) }
        : { error: "A number is needed, such as 0.5" };
    case "boolean":
    case "choice":
    case "json":
      return readJson(text);
  }
}

/** Digits as they were typed, if they are JSON: JavaScript would round those that are many. */
function numberJson(text: string): string {
  return /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/.test(text) ? text : String(Number(text));
}

function readJson(text: string): Reading {
  try {
    JSON.parse(text);
    return { json: text };
  } catch (error) {
    return { error: `This is no JSON: ${error instanceof Error ? error.message : String(error)}` };
  }
}

/** The parameters as one JSON object, or what is wrong by the names of the fields. */
export function readForm(
  fields: readonly Field[],
  texts: Readonly<Record<string, string>>,
): { json: string } | { errors: Record<string, string> } {
  const errors: Record<string, string> = {};
  const members: string[] = [];
  for (const field of fields) {
    const reading = readField(field, texts[field.name] ?? "");
    if ("error" in reading) errors[field.name] = reading.error;
    else if (reading.json !== null) members.push(`${JSON.stringify(field.name)}:${reading.json}`);
  }
  return Object.keys(errors).length > 0 ? { errors } : { json: `{${members.join(",")}}` };
}

/** What a resume may have to be given again: parameters that the history does not tell wholly, of which secrets are not kept. */
export function fieldsToGiveAgain(fields: readonly Field[]): Field[] {
  return fields
    .filter(({ shown, value }) => shown !== null && value === null)
    .map((field) => ({ ...field, is_required: field.shown!.includes(MASK) && field.default === null }));
}

/** A choice as a person reads it: texts without their quotes. */
export function choiceLabel(json: string): string {
  const choice: unknown = JSON.parse(json);
  return typeof choice === "string" && choice !== "" ? choice : json;
}
