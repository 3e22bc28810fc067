// Pieces of a text in the colours of terminals. The 16 named colours follow the theme; others are kept readable by it.

import type { CSSProperties, JSX } from "preact";

import { type Colour, type Piece, PLAIN, type Style } from "./ansi";
import "./ansi.css";
import { Marked } from "./PlainText";

export function AnsiText({ pieces, wanted }: { pieces: readonly Piece[]; wanted: string }): JSX.Element {
  return (
    <>
      {pieces.map(({ text, style }) =>
        style === PLAIN ? (
          <Marked text={text} wanted={wanted} />
        ) : (
          <span class={classesOf(style)} style={coloursOf(style)}>
            <Marked text={text} wanted={wanted} />
          </span>
        ),
      )}
    </>
  );
}

function classesOf(style: Style): string {
  const classes = ["ansi"];
  const { colour, ground } = inTurn(style);
  if (colour !== null) classes.push(typeof colour === "number" ? `ansi-${colour}` : "ansi-any");
  if (ground !== null) classes.push(typeof ground === "number" ? `ansi-on-${ground}` : "ansi-on-any");
  if (style.isInverse && colour === null && ground === null) classes.push("ansi-inverse");
  if (style.isBold) classes.push("ansi-bold");
  if (style.isDim) classes.push("ansi-dim");
  if (style.isItalic) classes.push("ansi-italic");
  if (style.isUnderlined) classes.push("ansi-underlined");
  if (style.isStruck) classes.push("ansi-struck");
  return classes.join(" ");
}

function coloursOf(style: Style): CSSProperties {
  const { colour, ground } = inTurn(style);
  return { ...named("--ansi-colour", colour), ...named("--ansi-ground", ground) };
}

function named(property: string, colour: Colour | null): Record<string, string> {
  return colour === null || typeof colour === "number" ? {} : { [property]: `rgb(${colour.join(" ")})` };
}

/** Colour and ground, which "inverse" exchanges. */
function inTurn({ colour, ground, isInverse }: Style): { colour: Colour | null; ground: Colour | null } {
  return isInverse ? { colour: ground, ground: colour } : { colour, ground };
}
