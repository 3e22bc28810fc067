// The log as rows of one height: a line of the log is as many rows as its message needs. Rows are numbered from the first line
// that has been read; what was cut and parsed for a line is kept as long as the columns stay.

import { parseAnsi, type Piece } from "../../text/ansi";
import { isShort, wrap } from "../../text/wrap";
import type { LogLine } from "./log_book";

export interface LogRow {
  readonly line: LogLine;
  readonly pieces: readonly Piece[];
  /** Whether it is the first row of its line. */
  readonly isFirst: boolean;
}

export class LogRows {
  private readonly cut = new WeakMap<LogLine, readonly (readonly Piece[])[]>();
  /** The number of the first row of each line, and how many rows there are in all. */
  private starts = new Int32Array(1);

  constructor(
    private readonly lines: readonly LogLine[],
    private readonly columns: number,
  ) {}

  /** Counts again, after lines came or went. */
  recount(): void {
    this.starts = new Int32Array(this.lines.length + 1);
    for (let at = 0; at < this.lines.length; at++) this.starts[at + 1] = this.starts[at]! + this.heightOf(this.lines[at]!);
  }

  get length(): number {
    return this.starts[this.starts.length - 1]!;
  }

  /** The number of the first row of a line. */
  startOf(line: number): number {
    return this.starts[Math.max(0, Math.min(line, this.starts.length - 1))]!;
  }

  /** The line that a row belongs to. */
  lineAt(row: number): number {
    let low = 0;
    let high = this.starts.length - 2;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.starts[middle]! <= row) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  at(row: number): LogRow {
    const at = this.lineAt(row);
    const line = this.lines[at]!;
    const part = row - this.starts[at]!;
    return { line, pieces: this.partsOf(line)[part]!, isFirst: part === 0 };
  }

  private heightOf(line: LogLine): number {
    return isShort(line.message, this.columns) ? 1 : this.partsOf(line).length;
  }

  private partsOf(line: LogLine): readonly (readonly Piece[])[] {
    let parts = this.cut.get(line);
    if (parts === undefined) {
      parts = wrap(parseAnsi(line.message.replace(/\n+$/, "")), this.columns);
      this.cut.set(line, parts);
    }
    return parts;
  }
}
