// The page that compares two runs of a flow: what changed in state, duration, parameters, and in each task.

import { useSignal } from "@preact/signals";
import type { ComponentChildren, JSX } from "preact";
import { useEffect } from "preact/hooks";

import type { Get } from "../../data/task_feed";
import type { Comparison, Counts, RunRow, TaskSum } from "../../data/views";
import { StateSign } from "../../design/state";
import { messageOf } from "../../run/launch/post";
import { Moment } from "../../run/Moment";
import { spanLabel } from "../../run/spans";
import { showMood } from "../../shell/mood";
import { laidOut } from "../../text/json_text";
import { PlainText } from "../../text/PlainText";
import { visible } from "../../text/visible";
import "./compare.css";
import { byDifference, type Difference, durationDifference, durationOf, hasNotRun, hasSameCounts, timeOf } from "./differences";

interface CompareProps {
  a: string;
  b: string;
  get: Get;
}

export function Compare({ a, b, get }: CompareProps): JSX.Element {
  const shown = useSignal<Comparison | null>(null);
  const error = useSignal<unknown>(null);
  useEffect(() => {
    let isWanted = true;
    shown.value = error.value = null;
    get<Comparison>("/api/runs/compare", { a, b }).then(
      (answer) => isWanted && (shown.value = answer),
      (reason: unknown) => isWanted && (error.value = reason),
    );
    return () => {
      isWanted = false;
    };
  }, [a, b, get]);
  return (
    <main class="compare">
      <h1>Compare two runs</h1>
      {error.value !== null && <p role="alert">The runs could not be compared: {visible(messageOf(error.value))}</p>}
      {error.value === null && shown.value === null && <p>Reading…</p>}
      {shown.value !== null && <Differences comparison={shown.value} />}
    </main>
  );
}

function Differences({ comparison }: { comparison: Comparison }): JSX.Element {
  const [a, b] = comparison.runs;
  useEffect(() => showMood(`${visible(a.name)} and ${visible(b.name)}`, "calm"), [a.name, b.name]);
  const changed = comparison.parameters.filter(({ is_same }) => !is_same);
  const sameCount = comparison.parameters.length - changed.length;
  return (
    <>
      {a.flow === b.flow ? (
        <p class="compare-note">
          of <PlainText text={a.flow} />
        </p>
      ) : (
        <p role="note">These are runs of two flows.</p>
      )}
      <Table label="Runs" head={["", "A", "B", "Difference"]}>
        <tr>
          <th scope="row">Run</th>
          <td>
            <RunLink run={a} />
          </td>
          <td>
            <RunLink run={b} />
          </td>
          <td />
        </tr>
        <tr>
          <th scope="row">State</th>
          <td>
            <StateSign type={a.state_type} name={a.state} />
          </td>
          <td>
            <StateSign type={b.state_type} name={b.state} />
          </td>
          <td>{a.state === b.state ? "the same" : "changed"}</td>
        </tr>
        {(a.reason ?? b.reason) !== null && (
          <tr>
            <th scope="row">Why</th>
            <td>{a.reason !== null && <PlainText text={a.reason} />}</td>
            <td>{b.reason !== null && <PlainText text={b.reason} />}</td>
            <td />
          </tr>
        )}
        <tr>
          <th scope="row">Started</th>
          <td>{a.started_us !== null && <Moment us={a.started_us} />}</td>
          <td>{b.started_us !== null && <Moment us={b.started_us} />}</td>
          <td />
        </tr>
        <tr>
          <th scope="row">Duration</th>
          <td>{spanOf(durationOf(a))}</td>
          <td>{spanOf(durationOf(b))}</td>
          <td>
            <Told difference={durationDifference(durationOf(a), durationOf(b), a.state_type === b.state_type)} />
          </td>
        </tr>
      </Table>
      <h2>Parameters</h2>
      {changed.length > 0 && (
        <Table label="Parameters that differ" head={["Parameter", "A", "B"]}>
          {changed.map(({ name, a, b }) => (
            <tr key={name}>
              <th scope="row">
                <PlainText text={name} />
              </th>
              <td>
                <Value json={a} />
              </td>
              <td>
                <Value json={b} />
              </td>
            </tr>
          ))}
        </Table>
      )}
      <p class="compare-note">{sameLabel(changed.length, sameCount)}</p>
      <h2>Tasks</h2>
      {comparison.tasks.length === 0 ? (
        <p class="compare-note">Neither run called a task.</p>
      ) : (
        <Tasks tasks={byDifference(comparison.tasks)} />
      )}
    </>
  );
}

function Tasks({ tasks }: { tasks: Comparison["tasks"] }): JSX.Element {
  return (
    <Table label="Tasks" head={["Task", "Runs in A", "Runs in B", "Time in A", "Time in B", "Difference", "Median"]}>
      {tasks.map(({ task, a, b }) => (
        <tr key={task}>
          <th scope="row">
            <PlainText text={task} />
          </th>
          <td>
            <CountsOf sum={a} />
          </td>
          <td>
            <CountsOf sum={b} />
          </td>
          <td>
            <Time sum={a} />
          </td>
          <td>
            <Time sum={b} />
          </td>
          <td>
            <Told difference={durationDifference(timeOf(a), timeOf(b), hasSameCounts(a, b))} />
          </td>
          <td>
            {spanOf(a?.median_us ?? null)} → {spanOf(b?.median_us ?? null)}
          </td>
        </tr>
      ))}
    </Table>
  );
}

/** Scrolls in a box of its own where it is too wide. */
function Table({ label, head, children }: { label: string; head: readonly string[]; children: ComponentChildren }): JSX.Element {
  return (
    <div class="compare-box" tabIndex={0} role="region" aria-label={label}>
      <table class="compare-table" aria-label={label}>
        <thead>
          <tr>{head.map((title) => (title === "" ? <td /> : <th scope="col">{title}</th>))}</tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  );
}

function RunLink({ run }: { run: RunRow }): JSX.Element {
  return (
    <a href={`/runs/${run.id}`}>
      <PlainText text={run.name} />
    </a>
  );
}

function CountsOf({ sum }: { sum: TaskSum | null }): JSX.Element {
  if (sum === null) return <span class="compare-note">none</span>;
  return (
    <span class="compare-counts">
      {(Object.entries(sum.counts) as [keyof Counts, number][]).map(([type, count]) => (
        <span key={type}>
          <StateSign type={type} /> {count.toLocaleString()}
        </span>
      ))}
    </span>
  );
}

function Time({ sum }: { sum: TaskSum | null }): JSX.Element {
  if (hasNotRun(sum)) return <span class="compare-note">did not run</span>;
  return <>{spanOf(timeOf(sum))}</>;
}

function Value({ json }: { json: string | null }): JSX.Element {
  if (json === null) return <span class="compare-note">not given</span>;
  return <pre class="compare-value told">{visible(laidOut(json))}</pre>;
}

function Told({ difference }: { difference: Difference }): JSX.Element {
  return <span class={`compare-${difference.tone}`}>{difference.text}</span>;
}

function spanOf(us: number | null): string {
  return us === null ? "–" : spanLabel(us);
}

function sameLabel(changedCount: number, sameCount: number): string {
  if (changedCount + sameCount === 0) return "Neither run took parameters.";
  if (changedCount === 0) return sameCount === 1 ? "The one parameter is the same." : `All ${sameCount} parameters are the same.`;
  return sameCount === 0 ? "" : sameCount === 1 ? "One other is the same." : `${sameCount} others are the same.`;
}
