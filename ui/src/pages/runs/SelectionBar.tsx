// What can be done with the selected runs at once. Both ask first.

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";

import { post } from "../../data/get";
import { Dialog } from "../../design/Dialog";
import { notify } from "../../design/toasts";
import { messageOf } from "../../run/launch/post";
import { visible } from "../../text/visible";

type Deed = "cancel" | "delete";

export function SelectionBar({ ids, onClear }: { ids: readonly string[]; onClear: () => void }): JSX.Element | null {
  const asked = useSignal<Deed | null>(null);
  if (ids.length === 0) return null;
  const runs = ids.length === 1 ? "1 run" : `${ids.length.toLocaleString()} runs`;
  return (
    <div class="runs-selection" role="toolbar" aria-label="Selected runs">
      <strong>{runs} selected</strong>
      {ids.length === 2 && (
        <a class="button" href={`/compare?a=${ids[1]}&b=${ids[0]}`}>
          Compare
        </a>
      )}
      <button type="button" class="button" onClick={() => (asked.value = "cancel")}>
        Cancel…
      </button>
      <button type="button" class="button" onClick={() => (asked.value = "delete")}>
        Delete…
      </button>
      <button type="button" class="link" onClick={onClear}>
        Clear
      </button>
      {asked.value !== null && <Confirm deed={asked.value} ids={ids} runs={runs} onClose={() => (asked.value = null)} onDone={onClear} />}
    </div>
  );
}

interface ConfirmProps {
  deed: Deed;
  ids: readonly string[];
  runs: string;
  onClose: () => void;
  onDone: () => void;
}

function Confirm({ deed, ids, runs, onClose, onDone }: ConfirmProps): JSX.Element {
  const error = useSignal<string | null>(null);
  const isActing = useSignal(false);
  const act = async (): Promise<void> => {
    isActing.value = true;
    try {
      notify(await DEEDS[deed](ids));
      onClose();
      onDone();
    } catch (reason) {
      error.value = messageOf(reason);
      isActing.value = false;
    }
  };
  return (
    <Dialog title={deed === "cancel" ? `Cancel ${runs}?` : `Delete ${runs}?`} onClose={onClose}>
      <p>
        {deed === "cancel"
          ? "Task runs that are under way are interrupted, and no more are started. The runs can be resumed later."
          : "The runs go from the history with their task runs, logs, results and subflows. This cannot be taken back. Runs that have not ended stay."}
      </p>
      {error.value !== null && <p role="alert">{visible(error.value)}</p>}
      <div class="launch-buttons">
        <button type="button" class="button" onClick={onClose}>
          Close
        </button>
        <button
          type="button"
          class={`button ${deed === "delete" ? "is-danger" : "is-primary"}`}
          disabled={isActing.value}
          onClick={() => void act()}
        >
          {deed === "cancel" ? `Cancel ${runs}` : `Delete ${runs}`}
        </button>
      </div>
    </Dialog>
  );
}

/** Each does it, and gives what to say of it. */
const DEEDS: Readonly<Record<Deed, (ids: readonly string[]) => Promise<string>>> = {
  cancel: async (ids) => {
    const { asked, ended } = await post<{ asked: string[]; ended: string[] }>("/api/runs/cancel", JSON.stringify({ ids, reason: null }));
    return `${asked.length.toLocaleString()} asked to stop${ended.length > 0 ? `; ${ended.length.toLocaleString()} had ended already` : ""}.`;
  },
  delete: async (ids) => {
    const body = JSON.stringify({ ids, include_unfinished: false });
    const { deleted, unfinished } = await post<{ deleted: string[]; unfinished: string[] }>("/api/runs/delete", body);
    return `${deleted.length.toLocaleString()} deleted${unfinished.length > 0 ? `; ${unfinished.length.toLocaleString()} have not ended: cancel them first` : ""}.`;
  },
};
