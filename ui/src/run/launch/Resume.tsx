// The dialog before a run is resumed: which task runs will run, which keep their values, and what has to be given again, such as
// secrets. Resuming starts a process; what that said is shown if it ended before the run went on.

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";

import type { Get } from "../../data/task_feed";
import type { Form, Launch, Run } from "../../data/views";
import { Dialog } from "../../design/Dialog";
import { visible } from "../../text/visible";
import { Filling } from "./filling";
import { FormFields } from "./FormFields";
import { fieldsToGiveAgain } from "./form_values";
import { followLaunch, hasFailed } from "./launching";
import "./launch.css";
import { LaunchOutput } from "./LaunchOutput";
import { messageOf, type Post } from "./post";
import { askedWith, buttonOf, planOf, type ResumeKind, titleOf } from "./resuming";

interface ResumeProps {
  run: Run;
  kind: ResumeKind;
  get: Get;
  post: Post;
  onClose: () => void;
  onResumed: () => void;
}

export function Resume({ run, kind, get, post, onClose, onResumed }: ResumeProps): JSX.Element {
  const filling = useSignal<Filling | null>(null);
  const isStarting = useSignal(false);
  const takesOver = useSignal(false);
  const trouble = useSignal<string | null>(null);
  const failed = useSignal<Launch | null>(null);
  const isOpen = useRef(true);
  useEffect(() => {
    get<Form>(`/api/runs/${run.id}/form`).then(
      (form) => {
        filling.value = new Filling(fieldsToGiveAgain(form.fields));
        trouble.value = form.why_not;
      },
      (error: unknown) => {
        trouble.value = messageOf(error);
        filling.value = new Filling([]);
      },
    );
    return () => {
      isOpen.current = false;
    };
  }, [run.id]);

  const start = async (): Promise<void> => {
    const parameters = filling.peek()?.read() ?? null;
    if (parameters === null) return;
    isStarting.value = true;
    trouble.value = failed.value = null;
    try {
      const { path, json } = askedWith(run.id, kind, parameters, takesOver.value);
      const launch = await followLaunch(await post<Launch>(path, json), get, () => isOpen.current);
      if (!isOpen.current) return;
      if (await hasFailed(launch, get, run.epoch)) failed.value = launch;
      else onResumed();
    } catch (error) {
      trouble.value = messageOf(error);
    } finally {
      isStarting.value = false;
    }
  };

  return (
    <Dialog title={titleOf(kind)} onClose={onClose}>
      <form
        class="launch"
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          void start();
        }}
      >
        <ul class="launch-plan">
          {planOf(run, kind).map((line) => (
            <li>{line}</li>
          ))}
        </ul>
        {filling.value !== null && <FormFields filling={filling.value} />}
        {run.state_type === "CRASHED" && kind.from !== "failed" && (
          <label class="launch-choice">
            <input type="checkbox" checked={takesOver.value} onChange={(event) => (takesOver.value = event.currentTarget.checked)} />
            Take the run over, even if its process is still there but silent
          </label>
        )}
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
          <button type="submit" class="button is-primary" disabled={isStarting.value || filling.value === null}>
            {isStarting.value ? "Starting…" : buttonOf(kind)}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
