// The table of runs: only the rows in sight exist, and further pages are read before one gets to them.

import { type Signal, useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";

import { type Scroller, VirtualRows } from "../../design/VirtualRows";
import { RunLine } from "./RunLine";
import type { RunList } from "./run_list";

const ROW = 40;
const CARD = 96;
const HEAD = 32;
const NARROW = matchMedia("(max-width: 760px)");
const READ_AHEAD_ROWS = 40;

interface RunTableProps {
  list: RunList;
  selected: Signal<ReadonlySet<string>>;
  current: Signal<number>;
  scroller: Signal<Scroller | null>;
  onToggle: (id: string) => void;
}

export function RunTable({ list, selected, current, scroller, onToggle }: RunTableProps): JSX.Element {
  const rows = list.rows.value;
  const isNarrow = useIsNarrow();
  const nowUs = useNow(rows.some((run) => run.ended_us === null));
  const rowHeight = isNarrow ? CARD : ROW;
  const waiting = list.waiting.value.length;
  return (
    <div class="runs-table">
      {waiting > 0 && (
        <button
          type="button"
          class="button is-primary runs-new"
          onClick={() => {
            list.showWaiting();
            scroller.peek()?.element.scrollTo({ top: 0 });
          }}
        >
          {waiting === 1 ? "1 new run" : `${waiting} new runs`}
        </button>
      )}
      <VirtualRows
        class="runs-rows"
        role="table"
        aria-label="Runs"
        aria-rowcount={list.hasMore.value ? -1 : rows.length + 1}
        aria-busy={!list.isLoaded.value}
        tabIndex={0}
        count={rows.length}
        rowHeight={rowHeight}
        headHeight={isNarrow ? 0 : HEAD}
        head={<Head />}
        scroller={scroller}
        onScrolled={({ element }) => {
          if (element.scrollTop + element.clientHeight > (rows.length - READ_AHEAD_ROWS) * rowHeight) void list.readMore();
        }}
        row={(at) => {
          const run = rows[at]!;
          return (
            <RunLine
              key={run.id}
              run={run}
              row={at}
              nowUs={nowUs}
              isCurrent={at === current.value}
              isSelected={selected.value.has(run.id)}
              onSelect={() => onToggle(run.id)}
            />
          );
        }}
      />
    </div>
  );
}

function Head(): JSX.Element {
  return (
    <div role="row" class="runs-row runs-head" aria-rowindex={1}>
      <span role="columnheader">
        <span class="unseen">Selected</span>
      </span>
      {["State", "Run", "Flow", "Task runs", "Duration", "Started"].map((name) => (
        <span key={name} role="columnheader" class={name === "Duration" ? "runs-duration" : ""}>
          {name}
        </span>
      ))}
    </div>
  );
}

function useIsNarrow(): boolean {
  const isNarrow = useSignal(NARROW.matches);
  useEffect(() => {
    const look = (): void => {
      isNarrow.value = NARROW.matches;
    };
    NARROW.addEventListener("change", look);
    return () => NARROW.removeEventListener("change", look);
  }, []);
  return isNarrow.value;
}

/** Now, which moves on each second while something runs. */
function useNow(isRunning: boolean): number {
  const now = useSignal(Date.now() * 1000);
  useEffect(() => {
    if (!isRunning) return;
    const timer = setInterval(() => {
      if (!document.hidden) now.value = Date.now() * 1000;
    }, 1000);
    return () => clearInterval(timer);
  }, [isRunning]);
  return now.value;
}
