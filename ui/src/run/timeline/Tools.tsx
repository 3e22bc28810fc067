// The row above the timeline: how lanes are made, what is looked for, what is marked, and the zoom.

import type { JSX } from "preact";

import type { TaskStore } from "../../data/task_store";
import { StateChoices } from "../StateChoices";
import type { ViewState } from "../view_state";
import { ZoomButtons } from "../ZoomButtons";
import type { LaneMode } from "./lanes";
import type { Stage } from "./stage";

interface ToolsProps {
  store: TaskStore;
  stage: Stage | null;
  view: ViewState;
  mode: LaneMode;
}

const MODES: readonly (readonly [LaneMode, string])[] = [
  ["worker", "Workers"],
  ["task", "Tasks"],
  ["run", "Task runs"],
];
const KEY_ZOOM = 1.6;

export function Tools({ store, stage, view, mode }: ToolsProps): JSX.Element {
  const isClock = view.get("clock") !== null;
  const hasPath = view.get("path") === null;
  return (
    <div class="tab-tools" role="toolbar" aria-label="Timeline">
      <div class="segments" role="group" aria-label="A lane for each of the">
        {MODES.map(([choice, label]) => (
          <button key={choice} type="button" class="button" aria-pressed={choice === mode} onClick={() => view.set({ lanes: choice })}>
            {label}
          </button>
        ))}
      </div>
      <input
        type="search"
        placeholder="Find task runs"
        aria-label="Find task runs by name, task or worker; the others become faint"
        value={view.get("text") ?? ""}
        onInput={(event) => view.set({ text: event.currentTarget.value || null })}
      />
      <StateChoices store={store} view={view} />
      <span class="tab-room" />
      <button
        type="button"
        class="chip"
        aria-pressed={hasPath}
        title="The task runs that the end of the run waited for"
        onClick={() => view.set({ path: hasPath ? "hidden" : null })}
      >
        Critical path
      </button>
      <button type="button" class="chip" aria-pressed={isClock} onClick={() => view.set({ clock: isClock ? null : "local" })}>
        Local time
      </button>
      <ZoomButtons
        onCloser={() => stage?.zoom(1 / KEY_ZOOM, undefined, true)}
        onFarther={() => stage?.zoom(KEY_ZOOM, undefined, true)}
        onFit={() => stage?.fit()}
      />
    </div>
  );
}
