// What can be done with a run now: the likeliest as buttons, with a dialog before what cannot be taken back.

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";

import type { Run } from "../../data/views";
import { Dialog } from "../../design/Dialog";
import { messageOf } from "../../run/launch/post";
import { Resume } from "../../run/launch/Resume";
import type { ResumeKind } from "../../run/launch/resuming";
import { RunAgain } from "../../run/launch/RunAgain";
import { visible } from "../../text/visible";
import { CompareWith } from "./CompareWith";
import type { RunHeaderProps } from "./RunHeader";
import { canRerun, troubled } from "./summary";

type Open = "cancel" | "delete" | "run_again" | "compare" | "export" | ResumeKind;

export function Actions(props: RunHeaderProps): JSX.Element {
  const { run, get, post, notify, onGo } = props;
  const open = useSignal<Open | null>(null);
  const show = (what: Open) => (): void => {
    open.value = what;
  };
  const close = (): void => {
    open.value = null;
  };
  const can = (action: Run["actions"][number]): boolean => run.actions.includes(action);
  const hasFailures = troubled(run.task_runs) > 0;
  return (
    <div class="run-actions" role="group" aria-label="Actions">
      {can("cancel") && <Button onClick={show("cancel")}>Cancel</Button>}
      {canRerun(run) && hasFailures && <Button onClick={show({ from: "failed" })}>Retry failed</Button>}
      {can("resume") && <Button onClick={show({ from: "where_it_stopped" })}>Resume</Button>}
      {can("run_again") && <Button onClick={show("run_again")}>Run again</Button>}
      {run.kind === "flow" && <Button onClick={show("compare")}>Compare</Button>}
      <Button onClick={show("export")}>Export</Button>
      {can("delete") && <Button onClick={show("delete")}>Delete</Button>}
      {open.value === "cancel" && <Cancel run={run} post={post} notify={notify} onClose={close} />}
      {open.value === "delete" && <Delete run={run} post={post} notify={notify} onClose={close} onDeleted={() => onGo("/runs")} />}
      {open.value === "compare" && <CompareWith run={run} get={get} onClose={close} />}
      {open.value === "export" && <Export run={run} onClose={close} />}
      {open.value === "run_again" && (
        <RunAgain
          run={run.id}
          flow={run.flow}
          get={get}
          post={post}
          onClose={close}
          onStarted={(started) => {
            close();
            notify(`${run.flow} runs again.`);
            onGo(`/runs/${started}`);
          }}
        />
      )}
      {typeof open.value === "object" && open.value !== null && (
        <Resume
          run={run}
          kind={open.value}
          get={get}
          post={post}
          onClose={close}
          onResumed={() => {
            close();
            notify(`${run.name} goes on.`);
          }}
        />
      )}
    </div>
  );
}

function Button({ onClick, children }: { onClick: () => void; children: string }): JSX.Element {
  return (
    <button type="button" class="button" onClick={onClick}>
      {children}
    </button>
  );
}

interface ConfirmProps {
  title: string;
  text: string;
  label: string;
  isDangerous?: boolean;
  onClose: () => void;
  /** Does it; what it throws is shown. */
  act: () => Promise<void>;
}

function Confirm({ title, text, label, isDangerous = false, onClose, act }: ConfirmProps): JSX.Element {
  const error = useSignal<string | null>(null);
  const isActing = useSignal(false);
  const confirm = async (): Promise<void> => {
    isActing.value = true;
    try {
      await act();
    } catch (reason) {
      error.value = messageOf(reason);
      isActing.value = false;
    }
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <p>{text}</p>
      {error.value !== null && (
        <p class="form-error" role="alert">
          {visible(error.value)}
        </p>
      )}
      <div class="launch-buttons">
        <button type="button" class="button" onClick={onClose}>
          Close
        </button>
        <button
          type="button"
          class={`button ${isDangerous ? "is-danger" : "is-primary"}`}
          disabled={isActing.value}
          onClick={() => void confirm()}
        >
          {label}
        </button>
      </div>
    </Dialog>
  );
}

type OneRunProps = Pick<RunHeaderProps, "run" | "post" | "notify"> & { onClose: () => void };

function Cancel({ run, post, notify, onClose }: OneRunProps): JSX.Element {
  return (
    <Confirm
      title={`Cancel ${visible(run.name)}?`}
      text="Task runs that are under way are interrupted, and no more are started. The run can be resumed later."
      label="Cancel the run"
      onClose={onClose}
      act={async () => {
        const { ended } = await post<{ ended: string[] }>("/api/runs/cancel", JSON.stringify({ ids: [run.id], reason: null }));
        onClose();
        notify(ended.length > 0 ? "The run had ended already." : "The run was asked to stop.");
      }}
    />
  );
}

function Delete({ run, post, notify, onClose, onDeleted }: OneRunProps & { onDeleted: () => void }): JSX.Element {
  return (
    <Confirm
      title={`Delete ${visible(run.name)}?`}
      text="The run goes from the history with its task runs, logs, results and subflows. This cannot be taken back."
      label="Delete the run"
      isDangerous
      onClose={onClose}
      act={async () => {
        const body = JSON.stringify({ ids: [run.id], include_unfinished: false });
        const { unfinished } = await post<{ unfinished: string[] }>("/api/runs/delete", body);
        if (unfinished.length > 0) throw new Error("The run has not ended: cancel it first.");
        onClose();
        notify(`${run.name} is deleted.`);
        onDeleted();
      }}
    />
  );
}

function Export({ run, onClose }: { run: Run; onClose: () => void }): JSX.Element {
  return (
    <Dialog title="Export this run" onClose={onClose}>
      <p>One command writes this page with its timeline, graph and log into a single file that opens in any browser:</p>
      <pre class="json-text" tabIndex={0}>
        headrace runs export {run.id}
      </pre>
      <div class="launch-buttons">
        <button type="button" class="button" onClick={onClose}>
          Close
        </button>
      </div>
    </Dialog>
  );
}
