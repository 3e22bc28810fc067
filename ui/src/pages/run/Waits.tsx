// What a run waits for that others hold: its limits, who of it waits for them, and who has their slots.

import type { JSX } from "preact";

import type { LimitWait, Party, Run } from "../../data/views";
import { PlainText } from "../../text/PlainText";

export function Waits({ run }: { run: Run }): JSX.Element | null {
  if (run.waits.length === 0) return null;
  return (
    <section class="run-trouble" aria-label="Waits for limits">
      <ul class="run-waits">
        {run.waits.map((wait) => (
          <li key={`${nameOf(wait.who[0])} ${wait.limits.join(" ")}`}>
            <OneWait wait={wait} run={run.id} />
          </li>
        ))}
      </ul>
    </section>
  );
}

function OneWait({ wait, run }: { wait: LimitWait; run: string }): JSX.Element {
  return (
    <>
      <Parties parties={wait.who} count={wait.who_count} shown={run} /> {wait.who_count > 1 ? "wait" : "waits"} for limit{" "}
      <b>
        <PlainText text={wait.limits.join(", ")} />
      </b>
      {wait.held_by_count > 0 && (
        <span class="run-note">
          , held by <Parties parties={wait.held_by} count={wait.held_by_count} shown={run} />
        </span>
      )}
    </>
  );
}

function Parties({ parties, count, shown }: { parties: readonly Party[]; count: number; shown: string }): JSX.Element {
  return (
    <>
      {parties.map((party, index) => (
        <span key={nameOf(party)}>
          {index > 0 && ", "}
          <OneParty party={party} shown={shown} />
        </span>
      ))}
      {count > parties.length && ` and ${(count - parties.length).toLocaleString()} more`}
    </>
  );
}

/** A link, unless it is the run that is shown. */
function OneParty({ party, shown }: { party: Party; shown: string }): JSX.Element {
  const name = <PlainText text={party.name} />;
  if (party.run === null || (party.run === shown && party.task_run === null)) return name;
  return <a href={party.task_run === null ? `/runs/${party.run}` : `/runs/${party.run}?task_run=${party.task_run}`}>{name}</a>;
}

const nameOf = (party: Party | undefined): string => `${party?.name} ${party?.run} ${party?.task_run}`;
