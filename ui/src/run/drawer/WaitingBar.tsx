// Where the time of a task run went: waiting for its upstreams, for a slot, between its attempts, running.

import type { JSX } from "preact";

import type { TaskRun } from "../../data/views";
import { spanLabel } from "../spans";

/** How long it waited for the next attempt, in all. */
export function betweenAttempts({ attempts }: Pick<TaskRun, "attempts">): number {
  return attempts.slice(1).reduce((sum, { started_us }, at) => sum + Math.max(0, started_us - attempts[at]!.ended_us), 0);
}

export function WaitingBar({ task }: { task: TaskRun }): JSX.Element | null {
  const { upstreams_us, slot_us, ran_us } = task.waited;
  const between_us = betweenAttempts(task);
  const whole = upstreams_us + slot_us + between_us + ran_us;
  if (whole <= 0) return null;
  const parts = [
    ["upstreams", "Waited for upstreams", upstreams_us],
    ["slot", "Waited for a slot", slot_us],
    ...(between_us > 0 ? ([["between", "Waited between attempts", between_us]] as const) : []),
    ["ran", task.ended_us === null && task.started_us !== null ? "Running for" : "Ran", ran_us],
  ] as const;
  return (
    <div class="waiting">
      <div class="waiting-bar" aria-hidden="true">
        {parts.map(([kind, , us]) => us > 0 && <span class={`waiting-${kind}`} style={{ flexGrow: us / whole }} />)}
      </div>
      <ul class="waiting-parts">
        {parts.map(([kind, label, us]) => (
          <li>
            <span class={`waiting-key waiting-${kind}`} aria-hidden="true" />
            {label} <b>{spanLabel(us)}</b>
          </li>
        ))}
      </ul>
    </div>
  );
}
