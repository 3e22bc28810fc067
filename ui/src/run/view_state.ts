// What a tab shows, as far as it belongs into the address of the page: texts by name. Reading in a component subscribes it.

export interface ViewState {
  get: (name: string) => string | null;
  /** Sets these names, and removes those that are null. */
  set: (changes: Readonly<Record<string, string | null>>) => void;
}
