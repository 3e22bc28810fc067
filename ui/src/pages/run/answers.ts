// What a question asks for, as the history has it, and how a typed answer is read. Pure.

export interface Asked {
  /** The answers to choose from; null where one is typed. */
  readonly choices: readonly { readonly label: string; readonly json: string }[] | null;
  readonly kind: string;
  readonly hint: string;
}

const HINTS: Record<string, string> = { int: "a whole number", float: "a number", str: "a text" };
const YES_OR_NO = [
  { label: "Yes", json: "true" },
  { label: "No", json: "false" },
];

/** Of a question that cannot be read, a text is asked for: the server says what is wrong with it. */
export function askedBy(question: string): Asked {
  const { type, choices } = parsed(question);
  const kind = typeof type === "string" ? type : "str";
  const hint = HINTS[kind] ?? "";
  if (Array.isArray(choices) && choices.length > 0)
    return { kind, hint, choices: choices.map((choice: unknown) => ({ label: labelOf(choice), json: JSON.stringify(choice) })) };
  return { kind, hint, choices: kind === "bool" ? YES_OR_NO : null };
}

export function readAnswer({ kind, hint }: Asked, text: string): { json: string } | { error: string } {
  if (kind === "str") return { json: JSON.stringify(text) };
  const isRight = kind === "int" ? /^\s*-?\d+\s*$/.test(text) : text.trim() !== "" && Number.isFinite(Number(text));
  return isRight ? { json: kind === "int" ? text.trim().replace(/^(-?)0+(?=\d)/, "$1") : String(Number(text)) } : { error: `Give ${hint}` };
}

function labelOf(choice: unknown): string {
  if (typeof choice === "boolean") return choice ? "yes" : "no";
  return typeof choice === "string" ? choice : JSON.stringify(choice);
}

function parsed(question: string): { type?: unknown; choices?: unknown } {
  try {
    const value: unknown = JSON.parse(question);
    return value !== null && typeof value === "object" ? value : {};
  } catch {
    return {};
  }
}
