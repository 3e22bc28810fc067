// Pieces of text cut into rows of so many columns, as a terminal would: every row has the same height, so a long log can be
// drawn without measuring it.

import type { Piece } from "./ansi";

const TAB = 8;

/** The rows of a text: a row a line, and more where a line is longer than the columns. At least one, which may be empty. */
export function wrap(pieces: readonly Piece[], columns: number): Piece[][] {
  const rows: Piece[][] = [[]];
  let used = 0;
  for (const { text, style } of pieces) {
    let part = "";
    const add = (): void => {
      if (part !== "") rows[rows.length - 1]!.push({ text: part, style });
      part = "";
    };
    const startRow = (): void => {
      add();
      rows.push([]);
      used = 0;
    };
    for (const character of text.replace(/\r\n/g, "\n")) {
      if (character === "\n") {
        startRow();
        continue;
      }
      const shown = character === "\t" ? " ".repeat(TAB - (used % TAB)) : character;
      const width = character === "\t" ? shown.length : widthOf(character);
      if (used + width > columns && used > 0) startRow();
      part += shown;
      used += width;
    }
    add();
  }
  return rows;
}

/** Whether it can only be one row: most are, and need no more thought. */
export function isShort(message: string, columns: number): boolean {
  // eslint-disable-next-line no-control-regex
  return message.length <= columns && /^[\x20-\x7e]*$/.test(message);
}

/** How many columns a character takes, generously: rather an empty column than a hidden end. */
function widthOf(character: string): number {
  const code = character.codePointAt(0)!;
  if (code < 0x20 || (code >= 0x7f && code < 0xa0)) return 8; // shown as a sign
  if (code < 0x300) return 1;
  if (code <= 0x36f) return 0; // accents that stand on the character before
  if (code >= 0x1100) return (code >= 0x2000 && code <= 0x20ff) || isHidden(code) ? signWidth(code) : 2;
  return 1;
}

function isHidden(code: number): boolean {
  return code === 0xfeff || code === 0x3164 || code === 0x180e || code >= 0xe0000;
}

/** General punctuation is narrow; what of it would not be seen is shown as ⟨U+…⟩. */
function signWidth(code: number): number {
  if (code >= 0x2010 && code <= 0x2027) return 1;
  if (code >= 0x2030 && code <= 0x205f) return 1;
  if (code >= 0x2070 && code <= 0x20ff) return 1;
  return 10;
}
