import { describe, expect, it } from "vitest";

import type { LogLine } from "./log_book";
import { LogRows } from "./log_rows";

function line(key: number, message: string): LogLine {
  return { key, task_run: null, task_run_name: null, at_us: 0, level: 20, logger: "", message };
}

describe("rows of the log", () => {
  it("are found by their numbers, a line of several rows among them", () => {
    const lines = [line(1, "one"), line(2, "a\nb\n\u001b[31mc"), line(3, "abcdefgh"), line(4, "end")];
    const rows = new LogRows(lines, 5);
    rows.recount();

    expect(rows.length).toBe(7);
    expect(Array.from({ length: 7 }, (_, row) => rows.at(row).line.key)).toEqual([1, 2, 2, 2, 3, 3, 4]);
    expect(
      Array.from({ length: 7 }, (_, row) =>
        rows
          .at(row)
          .pieces.map(({ text }) => text)
          .join(""),
      ),
    ).toEqual(
      ["one", "a", "b", "c", "abcde", "fgh", "end"], // prettier-ignore
    );
    expect(rows.at(2).isFirst).toBe(false);
    expect([rows.startOf(2), rows.startOf(99)]).toEqual([4, 7]);
  });

  it("are none without lines, and counted again when some came", () => {
    const lines: LogLine[] = [];
    const rows = new LogRows(lines, 5);
    rows.recount();
    expect(rows.length).toBe(0);
    lines.push(line(1, ""));
    rows.recount();
    expect([rows.length, rows.at(0).pieces]).toEqual([1, []]);
  });
});
