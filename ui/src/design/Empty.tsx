// What stands where there is nothing to show: what that means, and what to do next, with a text to copy.

import { useSignal } from "@preact/signals";
import type { ComponentChildren, JSX } from "preact";

import "./empty.css";
import { Icon } from "./Icon";

interface EmptyProps {
  title: string;
  children?: ComponentChildren;
  sample?: string;
}

export function Empty({ title, children, sample }: EmptyProps): JSX.Element {
  return (
    <div class="empty">
      <h2>{title}</h2>
      {children}
      {sample !== undefined && <Sample text={sample} />}
    </div>
  );
}

function Sample({ text }: { text: string }): JSX.Element {
  const isCopied = useSignal(false);
  return (
    <div class="sample">
      <pre tabIndex={0}>{text}</pre>
      <button type="button" class="button" onClick={() => void navigator.clipboard.writeText(text).then(() => (isCopied.value = true))}>
        <Icon name="copy" /> {isCopied.value ? "Copied" : "Copy"}
      </button>
    </div>
  );
}
