// JSON as a person reads it. Numbers stay as they were written: JavaScript would round those that are long.

const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g;
/** A list or object that fits into so many characters stays on one line. */
const LINE = 60;

/** An escape; of a letter beyond ASCII with its code, or with the two of a pair. */
const ESCAPE = /\\(?:u(d[89ab][0-9a-f]{2})\\u(d[c-f][0-9a-f]{2})|u([0-9a-ce-f][0-9a-f]{3}|d[0-7][0-9a-f]{2})|.)/gis;

/** JSON with the letters that were escaped for not being ASCII: nobody reads `\u00e4`. It may have been cut short. */
export function withLetters(text: string): string {
  return text.replace(ESCAPE, (written: string, ...codes: (string | undefined)[]) => {
    const units = codes.slice(0, 3).flatMap((code) => (code === undefined ? [] : [Number.parseInt(code, 16)]));
    return units.length > 0 && units[0]! > 0x7f ? String.fromCharCode(...units) : written;
  });
}

/** The JSON over as many lines as it needs; a text that is no JSON stays as it is. */
export function laidOut(text: string): string {
  return isJson(text) ? new Layout(text).value("") : withLetters(text);
}

/** The members of a JSON object, each with its JSON laid out; null if it is no whole object. */
export function membersOf(text: string): [name: string, json: string][] | null {
  if (!isJson(text) || !text.trimStart().startsWith("{")) return null;
  return new Layout(text).members().map(([name, json]) => [JSON.parse(name) as string, json]);
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** Goes through the tokens of a text that is known to be JSON. */
class Layout {
  private readonly tokens: readonly string[];
  private at = 0;

  constructor(text: string) {
    this.tokens = withLetters(text).match(TOKEN) ?? [];
  }

  value(indent: string): string {
    const token = this.tokens[this.at++]!;
    if (token !== "{" && token !== "[") return token;
    const [close, inner] = [token === "{" ? "}" : "]", `${indent}  `];
    const parts: string[] = [];
    for (; !this.takes(close); this.takes(",")) parts.push(token === "{" ? this.member(inner).join(": ") : this.value(inner));
    const line = `${token}${parts.join(", ")}${close}`;
    if (line.length <= LINE && !line.includes("\n")) return line;
    return `${token}\n${parts.map((part) => inner + part).join(",\n")}\n${indent}${close}`;
  }

  /** Those of an object that is the whole text. */
  members(): [name: string, value: string][] {
    const members: [string, string][] = [];
    for (this.takes("{"); !this.takes("}"); this.takes(",")) members.push(this.member(""));
    return members;
  }

  private member(indent: string): [name: string, value: string] {
    const name = this.tokens[this.at++]!;
    this.takes(":");
    return [name, this.value(indent)];
  }

  private takes(token: string): boolean {
    const isHere = this.tokens[this.at] === token;
    if (isHere) this.at++;
    return isHere;
  }
}
