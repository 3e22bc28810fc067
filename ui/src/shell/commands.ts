// What lies over a page, and the keys that open it.

import { signal } from "@preact/signals";

import { go } from "../router";

export type Overlay = "palette" | "shortcuts";

export const overlay = signal<Overlay | null>(null);

/** Whether a key is meant for what has the focus, and not for the page. */
export function isTyping(event: KeyboardEvent): boolean {
  const target = event.target;
  if (!(target instanceof HTMLElement)) return false;
  return target.isContentEditable || target.closest("input:not([type=checkbox]), textarea, select, dialog, [role=tree], canvas") !== null;
}

/** Has the keys of the whole page work; see `SHORTCUTS` for what they are. */
export function followKeys(): () => void {
  let isAfterG = false;
  const onKey = (event: KeyboardEvent): void => {
    if ((event.metaKey || event.ctrlKey) && event.key.toLowerCase() === "k") {
      event.preventDefault();
      overlay.value = overlay.peek() === "palette" ? null : "palette";
      return;
    }
    if (event.metaKey || event.ctrlKey || event.altKey || isTyping(event)) return;
    const place = isAfterG ? { r: "/runs", f: "/flows" }[event.key] : undefined;
    isAfterG = event.key === "g";
    if (place !== undefined) go(place);
    else if (event.key === "?") overlay.value = "shortcuts";
    else if (event.key === "/") focusSearch(event);
  };
  addEventListener("keydown", onKey);
  return () => removeEventListener("keydown", onKey);
}

function focusSearch(event: KeyboardEvent): void {
  const field = document.querySelector<HTMLInputElement>("main input[type=search]");
  if (field === null) return;
  event.preventDefault();
  field.focus();
}

/** All keys of the page, by where they work. Keys with one space between are pressed one after the other or together. */
export const SHORTCUTS: readonly (readonly [where: string, keys: readonly (readonly [keys: string, what: string])[]])[] = [
  [
    "Everywhere",
    [
      ["Ctrl K", "Find a page, run, flow or action"],
      ["/", "Search on this page"],
      ["g r", "Go to the runs"],
      ["g f", "Go to the flows"],
      ["Esc", "Close what is open; clear the selection"],
      ["?", "Show these keys"],
    ],
  ],
  [
    "Runs",
    [
      ["j  k", "Next and previous run"],
      ["Enter", "Open the run"],
      ["x", "Select the run"],
    ],
  ],
  [
    "Timeline",
    [
      ["←  →  ↑  ↓", "Move the window"],
      ["+  −  0", "Zoom in, zoom out, show all"],
      ["Shift ←→↑↓", "From task run to task run"],
      ["Enter", "Open the task run, or the subflow in place"],
    ],
  ],
  [
    "Graph",
    [
      ["←  →  ↑  ↓", "From node to node"],
      ["Shift ←→↑↓", "Move the picture"],
      ["+  −  0", "Zoom in, zoom out, show all"],
      ["Enter", "Open the task run, map or subflow"],
    ],
  ],
  [
    "Tasks",
    [
      ["↑  ↓", "Next and previous task run"],
      ["Enter", "Open the task run"],
    ],
  ],
];
