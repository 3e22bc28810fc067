import { describe, expect, it } from "vitest";

import { STATE_TYPES } from "../../data/task_store";
import { layOut } from "./lanes";
import { marksOf } from "./marks";
import { Pyramid, type Sink } from "./pyramid";
import { type Row, storeOf } from "./rows.fixture";

interface Group {
  from: number;
  to: number;
  busy: number;
  mark: number;
  badShare: number;
}

class Notes implements Sink {
  bars: number[] = [];
  groups: Group[] = [];

  bar(place: number): void {
    this.bars.push(place);
  }

  group(from: number, to: number, busy: number, mark: number, badShare: number): void {
    this.groups.push({ from, to, busy, mark, badShare });
  }
}

const COUNT = 1000;
/** A thousand runs one after another, half busy; one of them failed. */
const ROWS = Array.from({ length: COUNT }, (_, at): Row => ["t", "w", at * 10, at * 10, at * 10 + 5, at === 700 ? "Failed" : "Completed"]);

function walked(rows: readonly Row[], from: number, to: number, widest: number): Notes {
  const store = storeOf(rows);
  const lanes = layOut(store, "worker");
  const notes = new Notes();
  new Pyramid(store, lanes, marksOf(store, { text: "", types: [] })).walk(0, from, to, widest, notes);
  return notes;
}

describe("the pyramid", () => {
  it("gives every bar in sight where each is wide enough", () => {
    expect(walked(ROWS, 100, 140, 1)).toMatchObject({
      bars: [10, 11, 12, 13, 14],
      groups: [],
    });
  });

  it("gives groups where bars are too narrow, which cover all that is in sight", () => {
    const { bars, groups } = walked(ROWS, 0, COUNT * 10, 200);

    expect(bars).toEqual([]);
    expect(groups.length).toBeLessThan(COUNT / 10);
    expect(groups[0]!.from).toBe(0);
    expect(groups[groups.length - 1]!.to).toBe(COUNT * 10 - 5);
    expect(groups.every(({ from, to }) => to - from <= 200)).toBe(true);
    expect(groups.reduce((sum, { busy }) => sum + busy, 0)).toBe(COUNT * 5);
  });

  it("costs by what is to be seen, not by how many runs there are", () => {
    const { groups } = walked(ROWS, 0, COUNT * 10, COUNT * 10);
    expect(groups).toHaveLength(1);
  });

  it("never loses a failure in a group, and says how large its share is", () => {
    const { groups } = walked(ROWS, 0, COUNT * 10, 170);
    const failed = groups.filter(({ mark }) => STATE_TYPES[mark] === "FAILED");

    expect(failed).toHaveLength(1);
    expect(failed[0]!.from).toBeLessThanOrEqual(7000);
    expect(failed[0]!.to).toBeGreaterThan(7000);
    expect(failed[0]!.badShare).toBeCloseTo(1 / 16);
  });

  it("finds what has begun long before and still runs", () => {
    const rows: Row[] = [["t", "w", 0, 0, null], ...ROWS.slice(1)];
    const store = storeOf(rows);
    const lanes = layOut(store, "worker");
    const notes = new Notes();
    const track = lanes.trackOf[0]!;
    new Pyramid(store, lanes, marksOf(store, { text: "", types: [] })).walk(track, 5000, 5010, 1000, notes);

    expect(notes.bars.map((place) => lanes.rows[place])).toContain(0);
  });
});
