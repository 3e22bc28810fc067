import { describe, expect, it } from "vitest";

import { defaultMode, type Lanes, labelOf, laneAt, layOut, trackAt } from "./lanes";
import { type Row, storeOf } from "./rows.fixture";

/** The rows along each track, lane by lane. */
function tracksOf(lanes: Lanes): number[][][] {
  return Array.from({ length: lanes.count }, (_, lane) => {
    const tracks: number[][] = [];
    for (let track = lanes.firstTrack[lane]!; track < lanes.firstTrack[lane + 1]!; track++)
      tracks.push([...lanes.rows.subarray(lanes.firstPlace[track], lanes.firstPlace[track + 1])]);
    return tracks;
  });
}

describe("lanes", () => {
  const rows: Row[] = [
    ["load", "b", 0, 10, 20],
    ["load", "a", 0, 5, 30],
    ["save", "a", 0, 30, 40],
    ["load", "a", 0, 10, 15],
  ];

  it("stand for workers, in the order in which they began, and overlapping runs lie on tracks of their own", () => {
    const store = storeOf(rows);
    const lanes = layOut(store, "worker");

    expect(tracksOf(lanes)).toEqual([[[1, 2], [3]], [[0]]]);
    expect([0, 1].map((lane) => labelOf(store, lanes, lane))).toEqual(["a", "b"]);
  });

  it("stand for tasks", () => {
    const store = storeOf(rows);
    const lanes = layOut(store, "task");

    expect(tracksOf(lanes)).toEqual([[[1], [0], [3]], [[2]]]);
    expect([0, 1].map((lane) => labelOf(store, lanes, lane))).toEqual(["load", "save"]);
  });

  it("stand for task runs, in the order of submission", () => {
    const lanes = layOut(storeOf(rows), "run");

    expect(tracksOf(lanes)).toEqual([[[0]], [[1]], [[2]], [[3]]]);
    expect([...lanes.waitFrom]).toEqual([0, 0, 0, 0]);
  });

  it("show waiting from when the track was left to the run", () => {
    const lanes = layOut(
      storeOf([
        ["t", "a", 0, 0, 10],
        ["t", "a", 2, 15, 20],
      ]),
      "worker",
    );

    expect([...lanes.waitFrom]).toEqual([0, 10]);
  });

  it("keep what only waits on one line, where the first stands for all", () => {
    const store = storeOf([
      ["t", null, 1, null, null],
      ["t", null, 2, null, null],
      ["t", "a", 0, 3, 4],
    ]);
    const lanes = layOut(store, "worker");

    expect(tracksOf(lanes)).toEqual([[[2]], [[0]]]);
    expect(lanes.waiting[1]).toBe(2);
    expect(labelOf(store, lanes, 1)).toBe("waiting");
    expect(lanes.trackOf[1]).toBe(lanes.trackOf[0]);
  });

  it("show a run that ended without having started as a point", () => {
    const store = storeOf([["t", null, 1, null, 5, "Cached"]]);
    const lanes = layOut(store, "worker");

    expect(tracksOf(lanes)).toEqual([[[0]]]);
    expect(labelOf(store, lanes, 0)).toBe("no worker");
  });

  it("take what still runs to go on for ever", () => {
    const lanes = layOut(
      storeOf([
        ["t", "a", 0, 1, null],
        ["t", "a", 0, 900, 901],
      ]),
      "worker",
    );

    expect(tracksOf(lanes)).toEqual([[[0], [1]]]);
  });

  it("never overlap on a track as long as there are tracks left, in any mode", () => {
    let seed = 1;
    const random = (): number => {
      seed = (seed * 16807) % 2147483647;
      return seed / 2147483647;
    };
    const many = Array.from({ length: 500 }, (_, at): Row => {
      const start = Math.floor(random() * 1000);
      return [`t${at % 3}`, `w${at % 5}`, start, start, start + Math.floor(random() * 50)];
    });
    const store = storeOf(many);
    for (const mode of ["worker", "task", "run"] as const) {
      const tracks = tracksOf(layOut(store, mode)).flat();
      expect(tracks.flat().sort((a, b) => a - b)).toEqual(many.map((_, row) => row));
      for (const track of tracks)
        for (let at = 1; at < track.length; at++)
          expect(store.started[track[at]!]).toBeGreaterThanOrEqual(store.ended[track[at - 1]!]! - 1);
    }
  });

  it("are found by their height", () => {
    const lanes = layOut(storeOf(rows), "worker");

    expect(laneAt(lanes, 0)).toBe(0);
    expect(laneAt(lanes, lanes.top[1]!)).toBe(1);
    expect(laneAt(lanes, lanes.height)).toBe(-1);
    expect(trackAt(lanes, lanes.trackTop[2]! + 1)).toBe(2);
    expect(trackAt(lanes, 1)).toBe(-1); // above the first track is room
  });

  it("are a task run each where these are few, workers where those are", () => {
    const many = (workers: number): Row[] => Array.from({ length: 100 }, (_, at) => ["t", `w${at % workers}`, 0, 1, 2] as const);
    expect(defaultMode(storeOf(rows))).toBe("run");
    expect(defaultMode(storeOf(many(8)))).toBe("worker");
    expect(defaultMode(storeOf(many(100)))).toBe("task");
  });
});
