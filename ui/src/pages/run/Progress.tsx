// How the task runs of a run stand: a bar, and a count for each type of state that shows those task runs.

import type { JSX } from "preact";

import { STATE_TYPES, type StateType } from "../../data/task_store";
import type { Counts } from "../../data/views";
import { StateCount } from "../../design/state";

interface ProgressProps {
  counts: Counts;
  /** So many of those that are FAILED did not start. */
  upstreamFailed: number;
  onShowTasks: (types: string) => void;
}

/** What is done stands left, what is to come right. */
const FROM_LEFT: readonly StateType[] = [
  "COMPLETED",
  "FAILED",
  "CRASHED",
  "CANCELLED",
  "CANCELLING",
  "RUNNING",
  "PAUSED",
  "PENDING",
  "SCHEDULED",
];

export function Progress({ counts, upstreamFailed, onShowTasks }: ProgressProps): JSX.Element | null {
  const whole = STATE_TYPES.reduce((sum, type) => sum + (counts[type] ?? 0), 0);
  if (whole === 0) return null;
  const present = FROM_LEFT.filter((type) => (counts[type] ?? 0) > 0);
  return (
    <div class="run-progress">
      <div class="run-bar" aria-hidden="true">
        {present.map((type) => (
          <span key={type} style={{ flexGrow: counts[type]! / whole, background: `var(--state-${type.toLowerCase()})` }} />
        ))}
      </div>
      <div class="run-counts">
        {present.map((type) => (
          <button key={type} type="button" class="link" onClick={() => onShowTasks(type)}>
            <StateCount type={type} count={counts[type]!} upstreamFailed={upstreamFailed} />
          </button>
        ))}
      </div>
    </div>
  );
}
