// All runs, the newest first, as they happen: filters, a histogram over time, and a table of any length.

import { type ReadonlySignal, useComputed, useSignal, useSignalEffect } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useMemo, useRef } from "preact/hooks";

import { listen } from "../../data/live";
import { get } from "../../data/get";
import type { RunRow } from "../../data/views";
import { Empty } from "../../design/Empty";
import type { Scroller } from "../../design/VirtualRows";
import { addressView, go } from "../../router";
import { messageOf } from "../../run/launch/post";
import { useAnswers } from "../../run/pace";
import { type Mood, moodOf, showMood } from "../../shell/mood";
import { visible } from "../../text/visible";
import { FilterBar } from "./FilterBar";
import { type Filters, filtersOf, hasFilters, NO_FILTERS, queryOf, withoutTimes } from "./filters";
import { Histogram } from "./Histogram";
import { type Hit, Hits } from "./Hits";
import { followRowKeys } from "./row_keys";
import { RunList } from "./run_list";
import { RunTable } from "./RunTable";
import "./runs.css";
import { SelectionBar } from "./SelectionBar";
import type { Buckets } from "./stacks";

const HISTOGRAM_REST_MS = 2_000;
const FIRST_FLOW = `from headrace import flow, task

@task
def double(number: int) -> int:
    return 2 * number

@flow
def hello() -> list[int]:
    return [double(number).result() for number in range(10)]

hello()
`;

export function RunsPage(): JSX.Element {
  const filters = filtersOf(addressView);
  const key = JSON.stringify(filters);
  return (
    <main class="runs">
      <h1 class="unseen">Runs</h1>
      <FilterBar filters={filters} view={addressView} />
      <FilteredRuns key={key} filters={filters} />
    </main>
  );
}

/** The runs of filters that never change: those of other filters are another one. */
function FilteredRuns({ filters: given }: { filters: Filters }): JSX.Element {
  const filters = useMemo(() => given, []);
  const scroller = useSignal<Scroller | null>(null);
  const selected = useSignal<ReadonlySet<string>>(new Set());
  const current = useSignal(-1);
  const list = useMemo(() => new RunList(filters, () => (scroller.peek()?.element.scrollTop ?? 0) < 4), [filters]);
  const changes = useSignal(0);
  const hits = useSignal<readonly Hit[]>([]);

  useSignalEffect(() => showMood("Runs", moodOfRuns(list.rows.value)));
  useEffect(() => {
    const stop = listen(null, {
      onChange: (change) => {
        list.take(change);
        changes.value++;
      },
      onReset: () => {
        void list.readAnew();
        changes.value++;
      },
    });
    return () => {
      stop();
      list.close();
    };
  }, [list]);

  const toggle = (id: string): void => {
    const next = new Set(selected.peek());
    if (!next.delete(id)) next.add(id);
    selected.value = next;
  };
  const keys = useRef({ move: (_: number) => {}, select: () => {}, open: () => {}, clear: () => {} });
  keys.current = {
    move: (by) => {
      current.value = Math.max(0, Math.min(list.rows.peek().length - 1, current.peek() + by));
      scroller.peek()?.reveal(current.peek());
    },
    select: () => withCurrent((id) => toggle(id)),
    open: () => withCurrent((id) => go(`/runs/${id}`)),
    clear: () => (selected.value = new Set()),
  };
  const withCurrent = (act: (id: string) => void): void => {
    const run = list.rows.peek()[current.peek()];
    if (run !== undefined) act(run.id);
  };
  useEffect(
    () =>
      followRowKeys({
        move: (by) => keys.current.move(by),
        select: () => keys.current.select(),
        open: () => keys.current.open(),
        clear: () => keys.current.clear(),
      }),
    [],
  );
  const ids = useComputed(() => list.rows.value.filter((run) => selected.value.has(run.id)).map((run) => run.id));

  return (
    <>
      <RunsOverTime filters={filters} changes={changes} />
      {filters.text !== null && <Hits text={filters.text} hits={hits} />}
      <SelectionBar ids={ids.value} onClear={() => (selected.value = new Set())} />
      {list.error.value !== null && list.rows.value.length === 0 && (
        <Empty title="The runs cannot be shown">
          <p role="alert">{visible(messageOf(list.error.value))}</p>
        </Empty>
      )}
      {list.isLoaded.value && list.error.value === null && list.rows.value.length === 0 ? (
        <NoRuns isFiltered={hasFilters(filters)} hasHits={hits.value.length > 0} />
      ) : (
        <RunTable list={list} selected={selected} current={current} scroller={scroller} onToggle={toggle} />
      )}
    </>
  );
}

/** What runs now, else how the newest run stands. */
function moodOfRuns(rows: readonly RunRow[]): Mood {
  if (rows.some((run) => run.state_type === "RUNNING")) return "running";
  return rows[0] === undefined ? "calm" : moodOf(rows[0].state_type);
}

function RunsOverTime({ filters, changes }: { filters: Filters; changes: ReadonlySignal<number> }): JSX.Element | null {
  const buckets = useSignal<Buckets | null>(null);
  const query = { ...queryOf(filters.since_us === null ? withoutTimes(filters) : filters), buckets: 80 };
  useAnswers(
    changes,
    (isWanted) => get<Buckets>("/api/runs/histogram", query).then((answer) => isWanted() && (buckets.value = answer)),
    [filters],
    HISTOGRAM_REST_MS,
  );
  if (buckets.value?.buckets.every((counts) => Object.keys(counts).length === 0)) return null;
  if (buckets.value === null) return <div class="runs-histogram" />;
  return (
    <Histogram buckets={buckets.value} onTimes={(since, until) => addressView.set({ since_us: String(since), until_us: String(until) })} />
  );
}

function NoRuns({ isFiltered, hasHits }: { isFiltered: boolean; hasHits: boolean }): JSX.Element {
  if (hasHits) return <p class="runs-none">No run or flow has this in its name.</p>;
  if (isFiltered)
    return (
      <Empty title="No run matches">
        <p>
          <button type="button" class="link" onClick={() => addressView.set({ ...NO_FILTERS })}>
            Clear the filters
          </button>{" "}
          to see all runs.
        </p>
      </Empty>
    );
  return (
    <Empty title="No runs yet" sample={FIRST_FLOW}>
      <p>Run a flow, and it appears here while it runs. Save this as hello.py and run it with Python:</p>
    </Empty>
  );
}
