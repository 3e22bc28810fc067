// What the palette can find, and what matches. Pure.

import type { StateType } from "../data/task_store";

export interface Entry {
  readonly key: string;
  readonly group: string;
  readonly label: string;
  readonly state?: StateType;
  readonly act: () => void;
}

/** Those of which the label has every typed word. */
export function matching(entries: readonly Entry[], text: string): Entry[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  return entries.filter(({ label }) => words.every((word) => label.toLowerCase().includes(word)));
}
