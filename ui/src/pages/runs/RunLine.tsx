// One run as a row of the table; in a narrow window, as a card.

import type { JSX } from "preact";

import { STATE_TYPES } from "../../data/task_store";
import type { Counts, RunRow } from "../../data/views";
import { StateSign, stateColour, stateLabel } from "../../design/state";
import { Moment } from "../../run/Moment";
import { spanLabel } from "../../run/spans";
import { visible } from "../../text/visible";

interface RunLineProps {
  run: RunRow;
  row: number;
  nowUs: number;
  isCurrent: boolean;
  isSelected: boolean;
  onSelect: () => void;
}

export function RunLine({ run, row, nowUs, isCurrent, isSelected, onSelect }: RunLineProps): JSX.Element {
  const isBad = run.state_type === "FAILED" || run.state_type === "CRASHED";
  return (
    <div
      role="row"
      class={`runs-row ${isCurrent ? "is-current" : ""} ${isBad ? "is-bad" : ""}`}
      aria-rowindex={row + 2}
      aria-selected={isSelected}
    >
      <span role="cell" class="runs-select">
        <input type="checkbox" aria-label={`Select ${visible(run.name)}`} checked={isSelected} onChange={onSelect} />
      </span>
      <span role="cell" class="runs-state">
        <StateSign type={run.state_type} name={run.state} />
      </span>
      <span role="cell" class="runs-name">
        <a href={`/runs/${run.id}`}>{visible(run.name)}</a>
        {(isBad || run.state_type === "PAUSED" || run.state_type === "CANCELLED") && run.reason !== null && (
          <span class="runs-reason told">{visible(run.reason)}</span>
        )}
      </span>
      <span role="cell" class="runs-flow told" title={visible(run.flow)}>
        <span>{visible(run.flow)}</span>
        {run.tags.map((tag) => (
          <span key={tag} class="tag">
            {visible(tag)}
          </span>
        ))}
      </span>
      <span role="cell" class="runs-tasks">
        <TaskRuns counts={run.task_runs} />
      </span>
      <span role="cell" class="runs-duration">
        {run.started_us !== null && spanLabel((run.ended_us ?? Math.max(nowUs, run.started_us)) - run.started_us)}
      </span>
      <span role="cell" class="runs-start">
        <Moment us={run.started_us ?? run.created_us} />
      </span>
    </div>
  );
}

/** A bar by states, and what it says in words. */
function TaskRuns({ counts }: { counts: Counts }): JSX.Element | null {
  const present = STATE_TYPES.filter((type) => (counts[type] ?? 0) > 0);
  const whole = present.reduce((sum, type) => sum + counts[type]!, 0);
  if (whole === 0) return null;
  const done = counts.COMPLETED ?? 0;
  const told = present.map((type) => `${counts[type]!.toLocaleString()} ${stateLabel(type).toLowerCase()}`).join(", ");
  return (
    <span class="task-bar" title={told}>
      <span class="task-bar-parts" role="img" aria-label={told}>
        {["COMPLETED" as const, ...present.filter((type) => type !== "COMPLETED")].map((type) => (
          <span key={type} style={{ flexGrow: (counts[type] ?? 0) / whole, background: stateColour(type) }} />
        ))}
      </span>
      <span class="task-bar-count" aria-hidden="true">
        {done === whole ? whole.toLocaleString() : `${done.toLocaleString()} / ${whole.toLocaleString()}`}
      </span>
    </span>
  );
}
