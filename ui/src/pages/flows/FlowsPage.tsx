// A row for each flow: how its last runs went, how often it succeeds, how long it takes, and whether that changes.

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";

import { get } from "../../data/get";
import { listen } from "../../data/live";
import { Empty } from "../../design/Empty";
import { stateColour } from "../../design/state";
import { messageOf } from "../../run/launch/post";
import { Pace } from "../../run/pace";
import { spanLabel } from "../../run/spans";
import { showMood } from "../../shell/mood";
import { visible } from "../../text/visible";
import { type Bar, barsOf, type FlowRow, trendOf } from "./bars";
import "./flows.css";

const REST_MS = 1_000;

export function FlowsPage(): JSX.Element {
  const flows = useSignal<readonly FlowRow[] | null>(null);
  const error = useSignal<unknown>(null);
  useEffect(() => {
    showMood("Flows", "calm");
    const reads = Pace.ofQuestions(
      () =>
        get<{ items: FlowRow[] }>("/api/flows").then(
          ({ items }) => ((flows.value = items), (error.value = null)),
          (reason: unknown) => (error.value = reason),
        ),
      REST_MS,
    );
    reads.ask();
    const stop = listen(null, { onChange: () => reads.ask(), onReset: () => reads.ask() });
    return () => {
      stop();
      reads.close();
    };
  }, []);
  return (
    <main class="flows">
      <h1>Flows</h1>
      {flows.value === null && error.value !== null && (
        <Empty title="The flows cannot be shown">
          <p role="alert">{visible(messageOf(error.value))}</p>
        </Empty>
      )}
      {flows.value?.length === 0 && (
        <Empty title="No flows yet" sample={"@flow\ndef hello() -> str:\n    return 'hello'\n\nhello()\n"}>
          <p>A function with @flow appears here once it has run.</p>
        </Empty>
      )}
      {flows.value !== null && flows.value.length > 0 && <FlowTable flows={flows.value} />}
    </main>
  );
}

function FlowTable({ flows }: { flows: readonly FlowRow[] }): JSX.Element {
  return (
    <table class="flows-table">
      <thead>
        <tr>
          <th scope="col">Flow</th>
          <th scope="col">Last runs</th>
          <th scope="col" class="is-number">
            Success
          </th>
          <th scope="col" class="is-number">
            Median
          </th>
          <th scope="col" class="is-number" title="95 % of the runs that completed took no longer">
            p95
          </th>
          <th scope="col" class="is-number">
            Trend
          </th>
          <th scope="col" class="is-number">
            Runs
          </th>
        </tr>
      </thead>
      <tbody>
        {flows.map((flow) => (
          <Flow key={flow.flow} flow={flow} />
        ))}
      </tbody>
    </table>
  );
}

function Flow({ flow }: { flow: FlowRow }): JSX.Element {
  const trend = trendOf(flow.trend);
  return (
    <tr>
      <th scope="row" class="told">
        <a href={`/runs?flow=${encodeURIComponent(flow.flow)}`}>{visible(flow.flow)}</a>
      </th>
      <td class="flows-last">
        <span class="flow-bars">
          {barsOf(flow.last).map((bar) => (
            <LastRunBar key={bar.run.id} bar={bar} />
          ))}
        </span>
      </td>
      <td class="is-number" data-label="Success">
        <Success rate={flow.success_rate} />
      </td>
      <td class="is-number" data-label="Median">
        {flow.median_us === null ? "–" : spanLabel(flow.median_us)}
      </td>
      <td class="is-number" data-label="p95">
        {flow.p95_us === null ? "–" : spanLabel(flow.p95_us)}
      </td>
      <td class="is-number" data-label="Trend">
        <span class={trend.isSlower ? "is-slower" : ""} title="The median of the last ten runs against the ten before">
          {trend.label}
        </span>
      </td>
      <td class="is-number" data-label="Runs">
        {flow.runs.toLocaleString()}
      </td>
    </tr>
  );
}

function LastRunBar({ bar: { run, height, isCut } }: { bar: Bar }): JSX.Element {
  const lasted = run.duration_us === null ? "" : `, ${spanLabel(run.duration_us)}`;
  const told = visible(`${run.name}: ${run.state}${lasted}${isCut ? ", longer than its bar" : ""}`);
  return (
    <a class={`flow-bar ${isCut ? "is-cut" : ""}`} href={`/runs/${run.id}`} aria-label={told} title={told}>
      <span class={`is-${run.state_type.toLowerCase()}`} style={{ height: `${height * 100}%`, background: stateColour(run.state_type) }} />
    </a>
  );
}

function Success({ rate }: { rate: number | null }): JSX.Element {
  if (rate === null) return <>–</>;
  return <span class={rate < 0.9 ? "is-slower" : ""}>{(rate * 100).toFixed(rate === 1 || rate === 0 ? 0 : 1)} %</span>;
}
