// The row above the timeline: how lanes are made, what is looked for, what is marked, and the zoom.

import { type Signal, useComputed } from "@preact/signals";
import type { JSX } from "preact";

import { StateSign } from "../../design/state";
import { STATE_TYPES, type StateType, type TaskStore } from "../../data/task_store";
import type { LaneMode } from "./lanes";
import type { Stage } from "./stage";

interface ToolsProps {
  store: TaskStore;
  stage: Stage | null;
  mode: LaneMode;
  onMode: (mode: LaneMode) => void;
  text: Signal<string>;
  types: Signal<readonly StateType[]>;
  isClock: Signal<boolean>;
  hasPath: Signal<boolean>;
}

const MODES: readonly (readonly [LaneMode, string])[] = [
  ["worker", "Workers"],
  ["task", "Tasks"],
  ["run", "Task runs"],
];

export function Tools({ store, stage, mode, onMode, text, types, isClock, hasPath }: ToolsProps): JSX.Element {
  const counts = useComputed(() => countsOf(store));
  return (
    <div class="timeline-tools" role="toolbar" aria-label="Timeline">
      <div class="segments" role="group" aria-label="A lane for each of the">
        {MODES.map(([choice, label]) => (
          <button type="button" aria-pressed={choice === mode} onClick={() => onMode(choice)}>
            {label}
          </button>
        ))}
      </div>
      <input
        type="search"
        placeholder="Highlight task runs"
        aria-label="Highlight task runs by name, task or worker"
        value={text.value}
        onInput={(event) => (text.value = event.currentTarget.value)}
      />
      <div class="timeline-legend" role="group" aria-label="Highlight by state">
        {counts.value.map(([type, count]) => (
          <button type="button" aria-pressed={types.value.includes(type)} onClick={() => (types.value = toggled(types.value, type))}>
            <StateSign type={type} /> <span class="timeline-count">{count.toLocaleString()}</span>
          </button>
        ))}
      </div>
      <span class="timeline-room" />
      <button type="button" aria-pressed={hasPath.value} onClick={() => (hasPath.value = !hasPath.value)}>
        Critical path
      </button>
      <button type="button" aria-pressed={isClock.value} onClick={() => (isClock.value = !isClock.value)}>
        Local time
      </button>
      <div class="segments" role="group" aria-label="Zoom">
        <button type="button" aria-label="Zoom out" title="Zoom out (−)" onClick={() => stage?.zoom(1.6, undefined, true)}>
          −
        </button>
        <button type="button" title="Show everything (0)" onClick={() => stage?.fit()}>
          Fit
        </button>
        <button type="button" aria-label="Zoom in" title="Zoom in (+)" onClick={() => stage?.zoom(1 / 1.6, undefined, true)}>
          +
        </button>
      </div>
    </div>
  );
}

/** How many task runs there are of each type, most urgent types first. */
function countsOf(store: TaskStore): (readonly [StateType, number])[] {
  void store.version.value;
  const counts = new Uint32Array(STATE_TYPES.length);
  for (let row = 0; row < store.length; row++) counts[store.type[row]!]!++;
  return LEGEND_ORDER.map((type) => [type, counts[STATE_TYPES.indexOf(type)]!] as const).filter(([, count]) => count > 0);
}

const LEGEND_ORDER: readonly StateType[] = [
  "FAILED",
  "CRASHED",
  "RUNNING",
  "CANCELLING",
  "PAUSED",
  "SCHEDULED",
  "PENDING",
  "CANCELLED",
  "COMPLETED",
];

function toggled(types: readonly StateType[], type: StateType): readonly StateType[] {
  return types.includes(type) ? types.filter((other) => other !== type) : [...types, type];
}
