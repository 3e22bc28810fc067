// The attempts of a task run that was tried more than once: when each ran, how long, and why it failed.

import type { JSX } from "preact";

import type { TaskAttempt } from "../../data/views";
import { PlainText } from "../../text/PlainText";
import { Moment } from "../Moment";
import { spanLabel } from "../spans";
import { Section } from "./Section";
import { TracebackView } from "./TracebackView";

export function Attempts({ attempts, count }: { attempts: readonly TaskAttempt[]; count: number }): JSX.Element | null {
  if (attempts.length === 0 || count < 2) return null;
  return (
    <Section title={`Attempts ${count}`}>
      <ol class="attempts">
        {attempts.map((attempt) => (
          <li key={attempt.number}>
            <Attempt attempt={attempt} />
          </li>
        ))}
      </ol>
    </Section>
  );
}

function Attempt({ attempt }: { attempt: TaskAttempt }): JSX.Element {
  const { number, started_us, ended_us, worker, failure } = attempt;
  const line = (
    <>
      <b>{number}</b> <Moment us={started_us} /> · {spanLabel(ended_us - started_us)}
      {worker !== "" && (
        <>
          {" · "}
          <PlainText text={worker} />
        </>
      )}
    </>
  );
  if (failure === null) return <p class="attempt">{line}</p>;
  return (
    <details class="attempt">
      <summary>
        {line} · <PlainText text={`${failure.type}: ${failure.message}`} />
      </summary>
      <TracebackView failure={failure} />
    </details>
  );
}
