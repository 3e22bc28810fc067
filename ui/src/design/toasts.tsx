// Short notes of what was done, which go by themselves; a screen reader says them.

import { signal } from "@preact/signals";
import type { JSX } from "preact";

import { visible } from "../text/visible";
import "./toasts.css";

const SHOWN_FOR_MS = 5_000;
const shown = signal<readonly { key: number; text: string }[]>([]);
let last = 0;

export function notify(text: string): void {
  const key = ++last;
  shown.value = [...shown.value, { key, text }];
  setTimeout(() => (shown.value = shown.value.filter((toast) => toast.key !== key)), SHOWN_FOR_MS);
}

export function Toasts(): JSX.Element {
  return (
    <div class="toasts" role="status">
      {shown.value.map(({ key, text }) => (
        <p key={key} class="toast">
          {visible(text)}
        </p>
      ))}
    </div>
  );
}
