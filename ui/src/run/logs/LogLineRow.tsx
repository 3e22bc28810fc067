// One row of the log: when, how grave and by which task run on the first row of a line, and a part of its message.

import type { JSX } from "preact";

import { AnsiText } from "../../text/AnsiText";
import { PlainText } from "../../text/PlainText";
import { visible } from "../../text/visible";
import { exactLabel, momentLabel } from "../timeline/ticks";
import { levelName } from "./levels";
import type { LogRow } from "./log_rows";

const MILLISECOND_US = 1000;

interface LogLineRowProps {
  row: LogRow;
  wanted: string;
  hasTaskRun: boolean;
  /** A time of the day that needs not be told. */
  knownDayUs: number;
  onOpen: (taskRun: number) => void;
}

export function LogLineRow({ row, wanted, hasTaskRun, knownDayUs, onOpen }: LogLineRowProps): JSX.Element {
  const { line, pieces, isFirst } = row;
  const level = levelName(line.level);
  return (
    <div class={`logs-row is-${level.toLowerCase()} ${hasTaskRun ? "" : "is-own"}`}>
      <time class="logs-time" dateTime={isoOf(line.at_us)} title={exactLabel(line.at_us)}>
        {isFirst && <Clock us={line.at_us} knownDayUs={knownDayUs} />}
      </time>
      <span class="logs-level" title={visible(line.logger)}>
        {isFirst && level}
      </span>
      {hasTaskRun && <span class="logs-run">{isFirst && <RunOf line={line} onOpen={onOpen} />}</span>}
      <span class="logs-message told">
        <AnsiText pieces={pieces} wanted={wanted} />
      </span>
    </div>
  );
}

/** The part of a second is left out where there is little room. */
function Clock({ us, knownDayUs }: { us: number; knownDayUs: number }): JSX.Element {
  const label = momentLabel(us, MILLISECOND_US, knownDayUs);
  const point = label.lastIndexOf("."); // a day may have one too
  return (
    <>
      {label.slice(0, point)}
      <span class="logs-fraction">{label.slice(point)}</span>
    </>
  );
}

function RunOf({ line, onOpen }: { line: LogRow["line"]; onOpen: (taskRun: number) => void }): JSX.Element | null {
  const { task_run, task_run_name } = line;
  if (task_run === null) return null;
  return (
    <button type="button" class="link" title={task_run_name === null ? undefined : visible(task_run_name)} onClick={() => onOpen(task_run)}>
      <PlainText text={task_run_name ?? `task run ${task_run}`} />
    </button>
  );
}

export function isoOf(us: number): string {
  return new Date(us / 1000).toISOString();
}
