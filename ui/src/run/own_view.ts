// A view state that is not in the address: for what is shown inside of something else.

import { useSignal } from "@preact/signals";
import { useMemo } from "preact/hooks";

import type { ViewState } from "./view_state";

export function useOwnView(): ViewState {
  const names = useSignal<Readonly<Record<string, string | null>>>({});
  return useMemo(
    () => ({
      get: (name) => names.value[name] ?? null,
      set: (changes) => (names.value = { ...names.peek(), ...changes }),
    }),
    [],
  );
}
