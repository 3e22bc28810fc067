// A preview of parameters or of a result: JSON laid out over lines if it is whole, and otherwise the text that was kept.

import type { JSX } from "preact";

import "./text.css";
import { laidOut } from "./json_text";
import { visible } from "./visible";

export function JsonText({ text, label }: { text: string; label: string }): JSX.Element {
  return (
    <pre class="json-text told" tabIndex={0} role="region" aria-label={label}>
      {visible(laidOut(text))}
    </pre>
  );
}
