import { describe, expect, it } from "vitest";

import { type Row, storeOf } from "../timeline/rows.fixture";
import { type Column, type TableFilter, tableRows } from "./table_rows";

const ROWS: Row[] = [
  ["load", "b", 0, 10, 50],
  ["clean", "a", 5, 30, 40, "Failed"],
  ["load", null, 6, null, null, "Pending"],
  ["clean", "a", 7, 8, 100],
];
const ALL: TableFilter = { text: "", types: [], task: null };

function sorted(column: Column | null, isDescending = false): number[] {
  return [...tableRows(storeOf(ROWS), ALL, { column, isDescending })];
}

function filtered(filter: Partial<TableFilter>): number[] {
  return [...tableRows(storeOf(ROWS), { ...ALL, ...filter }, { column: null, isDescending: false })];
}

describe("the table of task runs", () => {
  it("is in the order of submission, or the other way round", () => {
    expect(sorted(null)).toEqual([0, 1, 2, 3]);
    expect(sorted(null, true)).toEqual([3, 2, 1, 0]);
  });

  it("sorted by state has failures first", () => {
    expect(sorted("state")).toEqual([1, 2, 0, 3]);
  });

  it("sorts by any column; what is equal keeps its order", () => {
    expect(sorted("task")).toEqual([1, 3, 0, 2]);
    expect(sorted("duration")).toEqual([1, 0, 3, 2]);
    expect(sorted("submitted", true)).toEqual([3, 2, 1, 0]);
    expect(sorted("attempts")).toEqual([0, 1, 2, 3]);
  });

  it("has what has no value last, whichever way it is sorted", () => {
    expect(sorted("worker")).toEqual([1, 3, 0, 2]);
    expect(sorted("worker", true)).toEqual([0, 1, 3, 2]);
    expect(sorted("duration", true)).toEqual([3, 0, 1, 2]);
  });

  it("sorts names by their numbers", () => {
    const rows = Array.from({ length: 12 }, (_, at): Row => ["t", "a", at, at, at + 1]);
    expect([...tableRows(storeOf(rows), ALL, { column: "name", isDescending: true })].slice(0, 3)).toEqual([11, 10, 9]);
  });

  it("leaves out what is not looked for", () => {
    expect(filtered({ types: ["FAILED"] })).toEqual([1]);
    expect(filtered({ task: "load" })).toEqual([0, 2]);
    expect(filtered({ text: "CLEAN" })).toEqual([1, 3]);
    expect(filtered({ text: "clean", task: "load" })).toEqual([]);
    expect(filtered({ task: "unknown" })).toEqual([]);
  });
});
