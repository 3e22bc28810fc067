// A text that others wrote, on one's own page: isolated from its neighbours, and with signs for what could not be seen.

import type { JSX } from "preact";

import { stretchesOf } from "./hits";
import "./text.css";
import { visible } from "./visible";

interface PlainTextProps {
  text: string;
  /** What is looked for in it, and marked. */
  wanted?: string;
}

export function PlainText({ text, wanted = "" }: PlainTextProps): JSX.Element {
  return (
    <bdi class="told">
      <Marked text={text} wanted={wanted} />
    </bdi>
  );
}

/** The text with its hits marked. */
export function Marked({ text, wanted }: { text: string; wanted: string }): JSX.Element {
  if (wanted === "") return <>{visible(text)}</>;
  return <>{stretchesOf(text, wanted).map(({ text, isHit }) => (isHit ? <mark>{visible(text)}</mark> : visible(text)))}</>;
}
