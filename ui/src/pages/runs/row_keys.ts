// The keys of the list of runs: j and k move, x selects, Enter opens.

import { isTyping } from "../../shell/commands";

export interface RowKeys {
  move: (by: number) => void;
  select: () => void;
  open: () => void;
  clear: () => void;
}

/** Listens until the function that is given back is called. */
export function followRowKeys(keys: RowKeys): () => void {
  const deeds: Readonly<Record<string, () => void>> = {
    j: () => keys.move(1),
    k: () => keys.move(-1),
    x: keys.select,
    Enter: keys.open,
    Escape: keys.clear,
  };
  const onKey = (event: KeyboardEvent): void => {
    const isOnControl = event.target instanceof Element && event.target.closest("a, button") !== null;
    if (event.metaKey || event.ctrlKey || event.altKey || isTyping(event) || (event.key === "Enter" && isOnControl)) return;
    deeds[event.key]?.();
  };
  addEventListener("keydown", onKey);
  return () => removeEventListener("keydown", onKey);
}
