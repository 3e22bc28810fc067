import { describe, expect, it } from "vitest";

import { STATE_TYPES } from "../../data/task_store";
import { Columns, Fills } from "./columns";

const COMPLETED = STATE_TYPES.indexOf("COMPLETED");
const FAILED = STATE_TYPES.indexOf("FAILED");

/** What is painted of some columns: the colour, the opacity and the rectangle of each. */
function painted(add: (columns: Columns) => void): unknown[] {
  const fills = new Fills();
  const columns = new Columns(fills);
  columns.begin(0, 10);
  add(columns);
  columns.end();
  const calls: unknown[] = [];
  const pen = {
    fillStyle: "",
    globalAlpha: 1,
    fillRect: (...box: number[]) => calls.push([pen.fillStyle, pen.globalAlpha, ...box]),
  };
  fills.paint(pen as unknown as CanvasRenderingContext2D, [...STATE_TYPES, "DIMMED"]);
  return calls;
}

describe("columns", () => {
  it("that are equal become one rectangle", () => {
    const calls = painted((columns) => {
      for (let x = 3; x < 8; x++) columns.add(x + 0.2, x + 1, 1, COMPLETED, 0);
    });
    expect(calls).toEqual([["COMPLETED", 1, 3, 0, 5, 10]]);
  });

  it("are the fainter the less there is in them", () => {
    const calls = painted((columns) => {
      columns.add(0, 0.5, 1, COMPLETED, 0);
      columns.add(1, 1.5, 0.1, COMPLETED, 0);
    });
    expect(calls).toEqual([
      ["COMPLETED", 0.4, 1, 0, 1, 10],
      ["COMPLETED", 1, 0, 0, 1, 10],
    ]);
  });

  it("show what failed from below, by its share", () => {
    const calls = painted((columns) => columns.add(0, 1, 1, FAILED, 0.5));
    expect(calls).toEqual([
      ["COMPLETED", 1, 0, 0, 1, 5],
      ["FAILED", 1, 0, 5, 1, 5],
    ]);
  });

  it("keep the most urgent mark of what lies in the same pixel", () => {
    const calls = painted((columns) => {
      columns.add(0.1, 0.2, 1, FAILED, 1);
      columns.add(0.3, 0.4, 1, COMPLETED, 0);
    });
    expect(calls).toEqual([["FAILED", 1, 0, 0, 1, 10]]);
  });
});
