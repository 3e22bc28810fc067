// Text with the escape sequences of terminals, as pieces of plain text and how each is styled. Colours and weights are taken;
// every other sequence (cursor moves, titles, links) is left out, so that none does anything. Pure: it never makes HTML.

/** One of the terminal's own 16 colours, or red, green and blue. */
export type Colour = number | readonly [red: number, green: number, blue: number];

export interface Style {
  readonly colour: Colour | null;
  readonly ground: Colour | null;
  readonly isBold: boolean;
  readonly isDim: boolean;
  readonly isItalic: boolean;
  readonly isUnderlined: boolean;
  readonly isStruck: boolean;
  readonly isInverse: boolean;
}

export interface Piece {
  readonly text: string;
  readonly style: Style;
}

export const PLAIN: Style = {
  colour: null,
  ground: null,
  isBold: false,
  isDim: false,
  isItalic: false,
  isUnderlined: false,
  isStruck: false,
  isInverse: false,
};

/** A command with its parameters; a string (title, link) to its end or that of the text; another short sequence. */
// eslint-disable-next-line no-control-regex
const SEQUENCE = /(?:\u001b\[|\u009b)([0-?]*)[ -/]*([@-~])|\u001b[\]P^_X][^\u0007\u001b]*(?:\u0007|\u001b\\|$)|\u001b[ -/]*[0-Z\\-~]/g;

/** The pieces of a text, none of them empty. */
export function parseAnsi(text: string): Piece[] {
  const pieces: Piece[] = [];
  let style = PLAIN;
  let from = 0;
  const add = (to: number): void => {
    if (to > from) pieces.push({ text: text.slice(from, to), style });
  };
  for (const sequence of text.matchAll(SEQUENCE)) {
    add(sequence.index);
    from = sequence.index + sequence[0].length;
    if (sequence[2] === "m") style = restyled(style, sequence[1] ?? "");
  }
  add(text.length);
  return pieces;
}

/** The text without its escape sequences. */
export function stripAnsi(text: string): string {
  return text.replace(SEQUENCE, "");
}

/** The style after "select graphic rendition" with these parameters. */
function restyled(style: Style, parameters: string): Style {
  let now = style;
  const codes = parameters.split(/[;:]/).map(Number);
  for (let at = 0; at < codes.length; at++) {
    const code = codes[at]!;
    if (code === 38 || code === 48) {
      const [colour, length] = extendedColour(codes, at + 1);
      if (colour !== null) now = { ...now, [code === 38 ? "colour" : "ground"]: colour };
      at += length;
    } else now = withCode(now, code);
  }
  return now;
}

function withCode(style: Style, code: number): Style {
  if (code >= 30 && code <= 37) return { ...style, colour: code - 30 };
  if (code >= 40 && code <= 47) return { ...style, ground: code - 40 };
  if (code >= 90 && code <= 97) return { ...style, colour: code - 90 + 8 };
  if (code >= 100 && code <= 107) return { ...style, ground: code - 100 + 8 };
  switch (code) {
    case 0:
      return PLAIN;
    case 1:
      return { ...style, isBold: true };
    case 2:
      return { ...style, isDim: true };
    case 3:
      return { ...style, isItalic: true };
    case 4:
      return { ...style, isUnderlined: true };
    case 7:
      return { ...style, isInverse: true };
    case 9:
      return { ...style, isStruck: true };
    case 22:
      return { ...style, isBold: false, isDim: false };
    case 23:
      return { ...style, isItalic: false };
    case 24:
      return { ...style, isUnderlined: false };
    case 27:
      return { ...style, isInverse: false };
    case 29:
      return { ...style, isStruck: false };
    case 39:
      return { ...style, colour: null };
    case 49:
      return { ...style, ground: null };
    default:
      return style;
  }
}

/** The colour that `5;n` or `2;r;g;b` mean, and how many codes that took. */
function extendedColour(codes: readonly number[], at: number): [Colour | null, number] {
  if (codes[at] === 5) return [paletteColour(codes[at + 1]), 2];
  if (codes[at] !== 2) return [null, 1];
  const [red, green, blue] = codes.slice(at + 1, at + 4);
  return isByte(red) && isByte(green) && isByte(blue) ? [[red, green, blue], 4] : [null, 4];
}

/** 16 colours of the terminal, a cube of 6 × 6 × 6, and 24 greys. */
function paletteColour(number: number | undefined): Colour | null {
  if (!isByte(number)) return null;
  if (number < 16) return number;
  if (number >= 232) {
    const grey = 8 + (number - 232) * 10;
    return [grey, grey, grey];
  }
  const level = (step: number): number => (step === 0 ? 0 : 55 + step * 40);
  const cube = number - 16;
  return [level(Math.floor(cube / 36)), level(Math.floor(cube / 6) % 6), level(cube % 6)];
}

function isByte(value: number | undefined): value is number {
  return value !== undefined && Number.isInteger(value) && value >= 0 && value <= 255;
}
