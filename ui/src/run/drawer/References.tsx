// The task runs and subflows that one task run is tied to, as links.

import type { JSX } from "preact";

import type { RunRow, TaskRef } from "../../data/views";
import { StateSign } from "../../design/state";
import { PlainText } from "../../text/PlainText";
import { Section } from "./Section";

interface ReferencesProps {
  title: string;
  refs: readonly TaskRef[];
  /** How many there are; `refs` are the first. */
  count: number;
  onOpen: (taskRun: number) => void;
}

export function References({ title, refs, count, onOpen }: ReferencesProps): JSX.Element | null {
  if (count === 0) return null;
  return (
    <Section title={`${title} ${count.toLocaleString()}`}>
      <ul class="references">
        {refs.map((ref) => (
          <li key={ref.id}>
            {ref.state_type !== null && <StateSign type={ref.state_type} name={ref.state ?? ""} />}
            <Reference reference={ref} onOpen={onOpen} />
          </li>
        ))}
      </ul>
      {count > refs.length && <p class="drawer-note">and {(count - refs.length).toLocaleString()} more</p>}
    </Section>
  );
}

function Reference({ reference, onOpen }: { reference: TaskRef; onOpen: (taskRun: number) => void }): JSX.Element {
  const { id, name, run } = reference;
  if (run !== null)
    return (
      <a href={`/runs/${encodeURIComponent(run)}`}>
        <PlainText text={name} />
      </a>
    );
  if (typeof id === "string") return <PlainText text={name} />;
  return (
    <button type="button" class="link" onClick={() => onOpen(id)}>
      <PlainText text={name} />
    </button>
  );
}

export function Subflows({ runs }: { runs: readonly RunRow[] }): JSX.Element | null {
  if (runs.length === 0) return null;
  return (
    <Section title={`Subflows ${runs.length.toLocaleString()}`}>
      <ul class="references">
        {runs.map((run) => (
          <li key={run.id}>
            <StateSign type={run.state_type} name={run.state} />
            <a href={`/runs/${run.id}`}>
              <PlainText text={run.name} />
            </a>
          </li>
        ))}
      </ul>
    </Section>
  );
}
