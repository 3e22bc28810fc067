// A chip for each state that task runs are in, with their number: those that are pressed are what is looked for. They are
// in the address of the page, so that they hold for all tabs.

import { useComputed } from "@preact/signals";
import type { JSX } from "preact";

import { STATE_TYPES, type StateType, type TaskStore } from "../data/task_store";
import { StateCount } from "../design/state";
import type { ViewState } from "./view_state";

interface StateChoicesProps {
  store: TaskStore;
  view: ViewState;
}

export function StateChoices({ store, view }: StateChoicesProps): JSX.Element {
  const counts = useComputed(() => countsOf(store));
  const upstreamFailed = useComputed(() => countOf(store, "UpstreamFailed"));
  const chosen = chosenTypes(view);
  return (
    <div class="tab-choices" role="group" aria-label="States">
      {counts.value.map(([type, number]) => (
        <button
          key={type}
          type="button"
          class="chip"
          aria-pressed={chosen.includes(type)}
          onClick={() => view.set({ state: toggled(chosen, type).join(",") || null })}
        >
          <StateCount type={type} count={number} upstreamFailed={upstreamFailed.value} />
        </button>
      ))}
    </div>
  );
}

/** The types of states that are looked for; none: all. */
export function chosenTypes(view: ViewState): StateType[] {
  return (view.get("state") ?? "").split(",").filter(isStateType);
}

function countsOf(store: TaskStore): [StateType, number][] {
  void store.version.value;
  const counts = new Map<StateType, number>();
  for (let row = 0; row < store.length; row++) counts.set(store.stateTypeOf(row), (counts.get(store.stateTypeOf(row)) ?? 0) + 1);
  return STATE_TYPES.filter((type) => counts.has(type)).map((type) => [type, counts.get(type)!]);
}

/** How many are in the state of that name. */
function countOf(store: TaskStore, name: string): number {
  void store.version.value;
  const code = store.states.indexOf(name);
  let count = 0;
  for (let row = 0; code !== -1 && row < store.length; row++) if (store.state[row] === code) count++;
  return count;
}

function toggled(types: readonly StateType[], type: StateType): StateType[] {
  return types.includes(type) ? types.filter((other) => other !== type) : [...types, type];
}

function isStateType(text: string): text is StateType {
  return (STATE_TYPES as readonly string[]).includes(text);
}
