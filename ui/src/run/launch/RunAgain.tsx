// The dialog that runs a flow again: a form of its parameters with the values that the run had. It follows the process until
// the new run is there, and shows what the process said if it ended without one.

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";

import { Dialog } from "../../design/Dialog";
import type { Get } from "../../data/task_feed";
import type { Form, Launch } from "../../data/views";
import { visible } from "../../text/visible";
import { Filling } from "./filling";
import { FormFields } from "./FormFields";
import { followLaunch, hasFailed } from "./launching";
import "./launch.css";
import { LaunchOutput } from "./LaunchOutput";
import { messageOf, type Post } from "./post";

interface RunAgainProps {
  run: string;
  flow: string;
  get: Get;
  post: Post;
  onClose: () => void;
  /** Goes to the new run. */
  onStarted: (run: string) => void;
}

export function RunAgain({ run, flow, get, post, onClose, onStarted }: RunAgainProps): JSX.Element {
  const form = useSignal<Form | null>(null);
  const filling = useSignal(new Filling([]));
  const trouble = useSignal<string | null>(null);
  const isStarting = useSignal(false);
  const failed = useSignal<Launch | null>(null);
  const isOpen = useRef(true);

  useEffect(() => {
    get<Form>(`/api/runs/${run}/form`).then(
      (answer) => {
        form.value = answer;
        filling.value = new Filling(answer.fields);
      },
      (error: unknown) => (trouble.value = messageOf(error)),
    );
    return () => {
      isOpen.current = false;
    };
  }, [run]);

  const start = async (): Promise<void> => {
    const parameters = filling.peek().read();
    if (parameters === null) return;
    isStarting.value = true;
    trouble.value = failed.value = null;
    try {
      const first = await post<Launch>(`/api/runs/${run}/run-again`, `{"parameters":${parameters}}`);
      const launch = await followLaunch(first, get, () => isOpen.current);
      if (!isOpen.current) return;
      if (await hasFailed(launch, get, null)) failed.value = launch;
      else if (launch.run !== null) onStarted(launch.run);
    } catch (error) {
      trouble.value = messageOf(error);
    } finally {
      isStarting.value = false;
    }
  };

  const shown = form.value;
  return (
    <Dialog title={`Run ${visible(flow)} again`} onClose={onClose}>
      <form
        class="launch"
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          void start();
        }}
      >
        {shown === null && trouble.value === null && <p>Reading the parameters…</p>}
        {shown?.can_run === false && <p role="alert">{visible(shown.why_not ?? "This flow cannot be run from here.")}</p>}
        {shown?.can_run === true && shown.fields.length === 0 && <p>This flow takes no parameters.</p>}
        {shown?.can_run === true && <FormFields filling={filling.value} />}
        {trouble.value !== null && (
          <p class="form-error" role="alert">
            {visible(trouble.value)}
          </p>
        )}
        {failed.value !== null && <LaunchOutput launch={failed.value} />}
        <div class="launch-buttons">
          <button type="button" class="button" onClick={onClose}>
            Close
          </button>
          {shown?.can_run === true && (
            <button type="submit" class="button is-primary" disabled={isStarting.value}>
              {isStarting.value ? "Starting…" : "Run again"}
            </button>
          )}
        </div>
      </form>
    </Dialog>
  );
}
