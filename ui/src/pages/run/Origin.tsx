// What is known of a run beyond how it stands: its parameters and result, and what ran it, where, from which code.

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";

import type { Run } from "../../data/views";
import { type Fact, Facts } from "../../text/Facts";
import { withLetters } from "../../text/json_text";
import { PlainText } from "../../text/PlainText";
import { Preview } from "../../text/Preview";
import { visible } from "../../text/visible";
import { told } from "./summary";

const GLIMPSE = 200;

export function Origin({ run }: { run: Run }): JSX.Element {
  const isOpen = useSignal(false);
  const hasParameters = run.parameters !== null && run.parameters !== "{}";
  return (
    <details class="run-origin" open={isOpen.value} onToggle={(event) => (isOpen.value = event.currentTarget.open)}>
      <summary>
        Details
        {!isOpen.value && hasParameters && <Glimpse text={run.parameters!} />}
        {!isOpen.value && run.result_preview !== null && <Glimpse text={run.result_preview} before=" → " />}
      </summary>
      <div class="run-values">
        <section>
          <h2>Parameters</h2>
          {hasParameters ? <Preview text={run.parameters!} label="Parameters" /> : <p class="run-note">None</p>}
        </section>
        <section>
          <h2>Result</h2>
          {run.result_preview !== null && <Preview text={run.result_preview} label="Result" />}
          {run.result_note !== null && (
            <p class="run-note">
              <PlainText text={run.result_note} />
            </p>
          )}
          {run.result_preview === null && run.result_note === null && <p class="run-note">{run.ended_us === null ? "Not yet" : "None"}</p>}
        </section>
      </div>
      <Facts facts={factsOf(run)} />
    </details>
  );
}

/** The beginning of a value, on one line with others. */
function Glimpse({ text, before = "" }: { text: string; before?: string }): JSX.Element {
  const letters = withLetters(text);
  return (
    <span class="run-glimpse">
      {before}
      <PlainText text={letters.length <= GLIMPSE ? letters : `${letters.slice(0, GLIMPSE)}…`} />
    </span>
  );
}

function factsOf(run: Run): Fact[] {
  const from = (name: string): string | null => told(run.provenance, name);
  const text = (value: string | null): JSX.Element | null => (value === null ? null : <PlainText text={value} />);
  const commit = from("commit");
  const isDirty = run.provenance["dirty"] === true;
  const command = run.provenance["arguments"];
  return [
    ["Id", <code>{run.id}</code>],
    ["Task runner", text(run.task_runner)],
    ["Dashboard", run.dashboard_url !== null && <DashboardLink url={run.dashboard_url} />],
    ["Host", text(from("host"))],
    ["Process", text(from("pid"))],
    ["User", text(from("user"))],
    ["Python", text(from("python"))],
    ["Interpreter", text(from("interpreter"))],
    ["Entry point", text(from("entry_point"))],
    [
      "Commit",
      commit !== null && <code title={visible(commit)}>{visible(`${commit.slice(0, 10)}${isDirty ? ", with changes" : ""}`)}</code>,
    ],
    ["Command", Array.isArray(command) && <PlainText text={command.map(String).join(" ")} />],
    ["Folder", text(from("folder"))],
    ["Epochs", run.epoch > 1 && `${run.epoch}`],
  ];
}

/** Another page, which learns nothing of this one. */
export function DashboardLink({ url, children }: { url: string; children?: string }): JSX.Element {
  if (!/^https?:\/\//.test(url)) return <PlainText text={url} />;
  return (
    <a href={url} target="_blank" rel="noopener noreferrer">
      {children ?? <PlainText text={url} />}
    </a>
  );
}
