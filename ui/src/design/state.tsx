// A state as it is shown everywhere: its sign in its colour, and its name.

import type { JSX } from "preact";

import type { StateType } from "../data/task_store";
import { visible } from "../text/visible";
import "./state.css";

interface StateSignProps {
  type: StateType;
  /** The state's own name, such as `Cached`; that of its type where it has none. */
  name?: string | undefined;
}

export function StateSign({ type, name }: StateSignProps): JSX.Element {
  return (
    <span class="state">
      <StateIcon type={type} />
      <span>{visible(name ?? stateLabel(type))}</span>
    </span>
  );
}

/** The type as a word: `Failed`. */
export function stateLabel(type: StateType): string {
  return type.charAt(0) + type.slice(1).toLowerCase();
}

/** The colour of a type, for a style. */
export function stateColour(type: StateType): string {
  return `var(--state-${type.toLowerCase()})`;
}

export function StateIcon({ type }: { type: StateType }): JSX.Element {
  return (
    <svg class={`state-icon is-${type.toLowerCase()}`} style={{ color: stateColour(type) }} viewBox="0 0 16 16" aria-hidden="true">
      {MARKS[type]}
    </svg>
  );
}

const DISC = <circle cx="8" cy="8" r="7.5" fill="currentColor" />;
const RING = <circle cx="8" cy="8" r="6.5" fill="none" stroke="currentColor" stroke-width="2" />;

const MARKS: Readonly<Record<StateType, JSX.Element>> = {
  SCHEDULED: (
    <>
      {RING}
      <path class="state-line" d="M8 4.8V8l2.2 1.6" />
    </>
  ),
  PENDING: <circle cx="8" cy="8" r="6.5" fill="none" stroke="currentColor" stroke-width="2" stroke-dasharray="2.6 2.5" />,
  RUNNING: (
    <>
      <circle cx="8" cy="8" r="6.5" fill="none" stroke="currentColor" stroke-width="2" opacity="0.3" />
      <path class="state-arc" d="M8 1.5A6.5 6.5 0 0 1 14.5 8" />
      <path d="M6.4 5.2v5.6L11 8z" fill="currentColor" />
    </>
  ),
  PAUSED: (
    <>
      {DISC}
      <path class="state-cut" d="M6.2 5v6M9.8 5v6" />
    </>
  ),
  CANCELLING: (
    <>
      {RING}
      <path class="state-line" d="M4 12L12 4" />
    </>
  ),
  COMPLETED: (
    <>
      {DISC}
      <path class="state-cut" d="M4.8 8.2l2.2 2.2 4.2-4.6" />
    </>
  ),
  FAILED: (
    <>
      {DISC}
      <path class="state-cut" d="M5.4 5.4l5.2 5.2M10.6 5.4l-5.2 5.2" />
    </>
  ),
  CRASHED: (
    <>
      <path d="M8 .6l7.6 14H.4z" fill="currentColor" />
      <path class="state-cut" d="M8 5.6v4M8 12v.1" />
    </>
  ),
  CANCELLED: (
    <>
      {DISC}
      <path class="state-cut" d="M4.8 8h6.4" />
    </>
  ),
};

interface StateCountProps {
  type: StateType;
  count: number;
  /** So many of those that are FAILED did not start, for an upstream did not complete: they are told apart. */
  upstreamFailed: number;
}

/** A type of states with how many are in it. */
export function StateCount({ type, count, upstreamFailed }: StateCountProps): JSX.Element {
  const notStarted = type === "FAILED" ? upstreamFailed : 0;
  const others = count - notStarted;
  return (
    <span title={notStarted === 0 ? undefined : `${notStarted.toLocaleString()} did not start, for an upstream did not complete`}>
      <StateSign type={type} name={others === 0 ? "UpstreamFailed" : undefined} />{" "}
      <span class="tab-count">
        {(others === 0 ? notStarted : others).toLocaleString()}
        {others > 0 && notStarted > 0 && ` + ${notStarted.toLocaleString()} upstream`}
      </span>
    </span>
  );
}
