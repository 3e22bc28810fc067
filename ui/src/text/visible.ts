// Text that others wrote, as it is shown: what would be invisible, or would change how its neighbours read, becomes a sign.
// New lines and tabs stay. Whatever shows such a text also isolates it (see `.told` in text.css).

/** Controls, marks of direction, and characters without width: they can make a text read as another one. */
// eslint-disable-next-line no-control-regex
const HIDDEN =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u115f\u1160\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\u3164\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]/gu;

/** The text with a sign in the place of each character that could not be seen. */
export function visible(text: string): string {
  return text.replace(HIDDEN, signOf);
}

function signOf(character: string): string {
  const code = character.codePointAt(0)!;
  if (code < 0x20) return String.fromCodePoint(0x2400 + code);
  if (code === 0x7f) return "\u2421";
  return `⟨U+${code.toString(16).toUpperCase().padStart(4, "0")}⟩`;
}
