// The drawer of one task run, beside the tab it was opened from: what became of it and why, what it waited for, what it was
// given, and its log. It holds no focus; Escape closes it from anywhere, and the arrow keys go to the neighbours while it has
// the focus.

import { type ReadonlySignal, useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";

import type { Get } from "../../data/task_feed";
import type { TaskRun } from "../../data/views";
import { StateSign } from "../../design/state";
import { PlainText } from "../../text/PlainText";
import { Preview } from "../../text/Preview";
import { visible } from "../../text/visible";
import { messageOf } from "../launch/post";
import { Logs } from "../logs/Logs";
import { useOwnView } from "../own_view";
import { useAnswers } from "../pace";
import { Attempts } from "./Attempts";
import { DrawerFacts } from "./DrawerFacts";
import "./drawer.css";
import { References, Subflows } from "./References";
import { Section } from "./Section";
import { TracebackView } from "./TracebackView";
import { WaitingBar } from "./WaitingBar";

export interface DrawerProps {
  run: string;
  taskRun: number;
  get: Get;
  /** Moves on with each change of the run. */
  changes: ReadonlySignal<number>;
  isLive: boolean;
  /** Whether there is no server: the page was exported. */
  isExported: boolean;
  onOpen: (taskRun: number) => void;
  onClose: () => void;
  /** Opens the neighbour before (-1) or after (1). */
  onStep: (by: number) => void;
  /** Resumes the run from this task run on; null where that cannot be done. */
  onResume: ((task: TaskRun) => void) | null;
}

export function Drawer(props: DrawerProps): JSX.Element {
  const { run, taskRun, get, changes, onClose, onStep } = props;
  const shown = useSignal<TaskRun | null>(null);
  const error = useSignal<unknown>(null);
  const panel = useRef<HTMLElement>(null);
  const opener = useRef<Element | null>(document.activeElement);

  useAnswers(
    changes,
    (isWanted) =>
      get<TaskRun>(`/api/runs/${run}/task-runs/${taskRun}`).then(
        (answer) => isWanted() && ((shown.value = answer), (error.value = null)),
        (reason: unknown) => isWanted() && (error.value = reason),
      ),
    [run, taskRun, get],
  );
  useLayoutEffect(() => {
    panel.current!.focus({ preventScroll: true });
    const from = opener.current;
    return () => {
      if (from instanceof HTMLElement && from.isConnected) from.focus({ preventScroll: true });
    };
  }, []);
  useLayoutEffect(() => {
    panel.current!.scrollTop = 0;
  }, [taskRun]);
  useEffect(() => {
    const closeByKey = (event: KeyboardEvent): void => {
      if (event.key === "Escape" && !event.defaultPrevented && !isMeantFor(event.target)) onClose();
    };
    addEventListener("keydown", closeByKey);
    return () => removeEventListener("keydown", closeByKey);
  }, [onClose]);

  const task = shown.value?.id === taskRun ? shown.value : null;
  return (
    <aside
      ref={panel}
      class="drawer"
      tabIndex={-1}
      aria-label={task === null ? "Task run" : `Task run ${visible(task.name)}`}
      onKeyDown={(event) => {
        if (isTyping(event.target)) return;
        else if (event.key === "ArrowRight" || event.key === "ArrowDown") onStep(1);
        else if (event.key === "ArrowLeft" || event.key === "ArrowUp") onStep(-1);
        else return;
        event.preventDefault();
        event.stopPropagation();
      }}
    >
      <header class="drawer-head">
        <h2>{task === null ? "Task run" : <PlainText text={task.name} />}</h2>
        <button type="button" class="button" aria-label="Previous task run" title="Previous (←)" onClick={() => onStep(-1)}>
          ‹
        </button>
        <button type="button" class="button" aria-label="Next task run" title="Next (→)" onClick={() => onStep(1)}>
          ›
        </button>
        <button type="button" class="button" aria-label="Close" title="Close (Esc)" onClick={onClose}>
          ✕
        </button>
      </header>
      {task !== null && <Details {...props} task={task} />}
      {task === null && error.value !== null && (
        <p class="drawer-note">
          {props.isExported
            ? "This exported file does not have the details of this task run. They are in the history that it was exported from."
            : `This task run could not be read: ${messageOf(error.value)}`}
        </p>
      )}
      {task === null && error.value === null && <p class="drawer-note">Reading…</p>}
    </aside>
  );
}

function Details(props: DrawerProps & { task: TaskRun }): JSX.Element {
  const { task, run, get, changes, isLive, isExported, onOpen, onResume } = props;
  const view = useOwnView();
  const reason = task.states.at(-1)?.message ?? null;
  return (
    <>
      <div class="drawer-state">
        <StateSign type={task.state_type} name={task.state} />
        {reason !== null && task.failure === null && (
          <span class="drawer-reason">
            <PlainText text={reason} />
          </span>
        )}
        {onResume !== null && (
          <button type="button" class="button" onClick={() => onResume(task)}>
            Resume from here
          </button>
        )}
      </div>
      {task.failure !== null && <TracebackView failure={task.failure} />}
      <WaitingBar task={task} />
      <DrawerFacts task={task} />
      <Attempts attempts={task.attempts} count={task.attempt_count} />
      {task.parameters !== null && (
        <Section title="Parameters">
          <Preview text={task.parameters} label="Parameters" />
        </Section>
      )}
      {(task.result_preview !== null || task.result_note !== null) && (
        <Section title="Result">
          {task.result_preview !== null && <Preview text={task.result_preview} label="Result" />}
          {task.result_note !== null && (
            <p class="drawer-note">
              <PlainText text={task.result_note} />
            </p>
          )}
        </Section>
      )}
      <References title="Waited for" refs={task.upstreams} count={task.upstream_count} onOpen={onOpen} />
      <References title="Waited for by" refs={task.downstreams} count={task.downstream_count} onOpen={onOpen} />
      <Subflows runs={task.subflows} />
      {!isExported && (
        <Section title="Log">
          <div class="drawer-log">
            <Logs
              run={run}
              name={task.name}
              taskRun={task.id}
              startedUs={task.started_us ?? task.submitted_us}
              get={get}
              changes={changes}
              isLive={isLive && task.ended_us === null}
              view={view}
              onOpen={onOpen}
            />
          </div>
        </Section>
      )}
    </>
  );
}

/** Whether Escape does something else where it was pressed: in a dialog, or in a field of the page beside the drawer. */
function isMeantFor(target: EventTarget | null): boolean {
  if (!(target instanceof Element)) return false;
  return target.closest("dialog") !== null || (target.closest("input, select, textarea") !== null && target.closest(".drawer") === null);
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest("input, select, textarea, pre, dl, .virtual") !== null;
}
