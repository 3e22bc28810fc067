// The Logs tab: the lines of a flow run or of one task run, live. It opens at the newest line and follows; who scrolls up
// stays where they read, and is told how much came since.

import { type ReadonlySignal, useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useLayoutEffect, useMemo, useRef } from "preact/hooks";

import type { Get } from "../../data/task_feed";
import { type Scroller, VirtualRows } from "../../design/VirtualRows";
import { messageOf } from "../launch/post";
import { useAnswers } from "../pace";
import { isSameDay } from "../timeline/ticks";
import type { ViewState } from "../view_state";
import { LogBook, type Wanted } from "./log_book";
import { LogLineRow } from "./LogLineRow";
import { LogRows } from "./log_rows";
import { LogTools } from "./LogTools";
import "./logs.css";

const ROW_HEIGHT = 20;
/** So near to the beginning earlier lines are asked for. */
const NEAR_PX = 400;
/**
 * How rows are laid out in boxes of at least so many pixels, how many of those stand round the message, and how many more where
 * times have their day; as in logs.css.
 */
const LAYOUTS = [
  { name: "wide", least: 760, round: 370, day: 64 },
  { name: "narrow", least: 480, round: 130, day: 64 },
  { name: "slim", least: 0, round: 100, day: 60 },
] as const;

interface LogsProps {
  run: string;
  /** The name of the run, for files. */
  name: string;
  /** Only the lines of this task run. */
  taskRun?: number;
  /** When it started, which is told elsewhere: lines of the same day need not tell their day. */
  startedUs: number;
  get: Get;
  /** Moves on with each change of the run. */
  changes: ReadonlySignal<number>;
  isLive: boolean;
  view: ViewState;
  onOpen: (taskRun: number) => void;
}

export function Logs({ run, name, taskRun, startedUs, get, changes, isLive, view, onOpen }: LogsProps): JSX.Element {
  const minLevel = Number(view.get("level") ?? 0);
  const text = view.get("find") ?? "";
  const wanted = useMemo<Wanted>(() => ({ taskRun: taskRun ?? null, minLevel, text }), [taskRun, minLevel, text]);
  const book = useMemo(() => new LogBook(run, wanted, get), [run, wanted, get]);
  const box = useRef<HTMLDivElement>(null);
  const scroller = useSignal<Scroller | null>(null);
  const isFollowing = useSignal(true);
  const hasDays = useMemo(() => isOverDays(book, startedUs), [book, book.version.value, startedUs]);
  const room = useRoom(box, hasDays);
  const { columns, layout } = room.value;
  const rows = useMemo(() => new LogRows(book.lines, columns), [book, columns]);
  // Counted again for other columns too, not only for other lines: a number of the old rows may be none of the new ones.
  const count = useMemo(() => {
    rows.recount();
    return rows.length;
  }, [rows, book.version.value]);
  const seenKey = useSignal<number | null>(null);

  useEffect(() => {
    isFollowing.value = true;
    seenKey.value = null;
  }, [book]);
  useAnswers(changes, () => book.refresh(), [book]);
  useKeptPlace(book, rows, scroller, isFollowing);

  const lines = book.lines;
  const lastKey = lines[lines.length - 1]?.key ?? null;
  if (isFollowing.value && seenKey.peek() !== lastKey) seenKey.value = lastKey;
  const newLines = isFollowing.value ? 0 : countAfter(book, seenKey.value);
  return (
    <div class="logs" ref={box}>
      <LogTools
        book={book}
        name={name}
        minLevel={minLevel}
        text={text}
        view={view}
        isLive={isLive}
        isFollowing={isFollowing}
        hasTaskRuns={taskRun === undefined}
      />
      <div class="logs-stage">
        <VirtualRows
          class={`logs-lines is-${layout} ${hasDays ? "has-days" : ""}`}
          role="log"
          aria-live="off"
          aria-label={taskRun === undefined ? "Log of the run" : "Log of the task run"}
          tabIndex={0}
          count={count}
          rowHeight={ROW_HEIGHT}
          scroller={scroller}
          onScrolled={({ element, isAtEnd }) => {
            isFollowing.value = book.isFollowed = isAtEnd();
            if (element.scrollTop < NEAR_PX) void book.readEarlier();
          }}
          row={(at) => (
            <LogLineRow
              key={at}
              row={rows.at(at)}
              wanted={text}
              hasTaskRun={taskRun === undefined}
              knownDayUs={startedUs}
              onOpen={onOpen}
            />
          )}
        />
        {book.isLoaded.value && lines.length === 0 && <p class="logs-none">{reasonForNone(wanted, isLive)}</p>}
        {book.error.value !== null && <p class="logs-none">The log could not be read: {messageOf(book.error.value)}</p>}
        {!isFollowing.value && lines.length > 0 && (
          <button type="button" class="logs-latest" onClick={() => scroller.value?.toEnd()}>
            ↓ {newLines > 0 ? `${newLines.toLocaleString()} new ${newLines === 1 ? "line" : "lines"}` : "Jump to latest"}
          </button>
        )}
      </div>
    </div>
  );
}

/** Whether any line that has been read is of another day: they are in the order of time. */
function isOverDays({ lines }: LogBook, startedUs: number): boolean {
  return [...lines.slice(0, 1), ...lines.slice(-1)].some(({ at_us }) => !isSameDay(at_us, startedUs));
}

/** How many columns of text a row has, by the width of the box. */
function useRoom(box: { current: HTMLDivElement | null }, hasDays: boolean): ReadonlySignal<{ columns: number; layout: string }> {
  const room = useSignal({ columns: 120, layout: "wide" });
  useLayoutEffect(() => {
    const probe = box.current!.querySelector<HTMLElement>(".logs-lines")!;
    const measure = (): void => {
      const width = probe.clientWidth;
      const { name: layout, round, day } = LAYOUTS.find(({ least }) => width >= least)!;
      const columns = Math.max(16, Math.floor((width - round - (hasDays ? day : 0)) / characterWidth(probe)));
      const now = room.peek();
      if (now.columns !== columns || now.layout !== layout) room.value = { columns, layout };
    };
    const observer = new ResizeObserver(measure);
    observer.observe(probe);
    return () => observer.disconnect();
  }, [hasDays]);
  return room;
}

function characterWidth(element: HTMLElement): number {
  const context = document.createElement("canvas").getContext("2d");
  if (context === null) return 8;
  context.font = `12px ${getComputedStyle(element).fontFamily}`;
  return context.measureText("0".repeat(100)).width / 100 || 8;
}

/** Follows the end, or keeps what is read where it is when lines came before it. */
function useKeptPlace(book: LogBook, rows: LogRows, scroller: { value: Scroller | null }, isFollowing: { value: boolean }): void {
  const before = useRef({ book, rows, shift: 0 });
  useLayoutEffect(() => {
    const last = before.current;
    const box = scroller.value;
    if (box !== null) {
      if (isFollowing.value) box.toEnd();
      else if (last.book === book && last.rows === rows && book.shift !== last.shift) {
        box.element.scrollTop += rows.startOf(book.shift - last.shift) * ROW_HEIGHT;
      }
    }
    before.current = { book, rows, shift: book.shift };
  });
}

function countAfter(book: LogBook, key: number | null): number {
  let at = book.lines.length;
  while (at > 0 && book.lines[at - 1]!.key > (key ?? Infinity)) at--;
  return book.lines.length - at;
}

function reasonForNone({ minLevel, text }: Wanted, isLive: boolean): string {
  if (minLevel > 0 || text !== "") return "No line of the log is like that.";
  return isLive
    ? "Nothing has been logged yet. What is logged or, with log_prints=True, printed appears here at once."
    : "Nothing was logged. Use headrace.get_run_logger(), or log_prints=True to keep what is printed.";
}
