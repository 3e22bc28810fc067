import { describe, expect, it } from "vitest";

import { blocksOf, type Size } from "./blocks";
import { type FoldedLayout, layOutGraph } from "./folding";
import type { Edge } from "./layers";

const SIZE: Size = [176, 40];
const sizesOf = (count: number): Size[] => Array.from({ length: count }, () => SIZE);
const numbers = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, at) => from + at);

/** A task run (0) that `count` others waited for, one after the other in chains of `steps`; one (1) waited for all of these. */
function map(count: number, steps = 1): { sizes: Size[]; edges: Edge[] } {
  const edges = numbers(0, count).flatMap((member): Edge[] => {
    const chain = numbers(2 + member * steps, 2 + (member + 1) * steps);
    return [0, ...chain].map((node, at): Edge => [node, chain[at] ?? 1]);
  });
  return { sizes: sizesOf(2 + count * steps), edges };
}

function expectApart({ x, y }: FoldedLayout): void {
  for (let a = 0; a < x.length; a++)
    for (let b = a + 1; b < x.length; b++)
      if (Math.abs(x[a]! - x[b]!) < SIZE[0] && Math.abs(y[a]! - y[b]!) < SIZE[1]) expect.fail(`nodes ${a} and ${b} overlap`);
}

describe("the blocks of a graph", () => {
  it("are the runs of a map", () => {
    const { sizes, edges } = map(500);
    expect(blocksOf(sizes, edges)).toEqual([numbers(2, 502).map((node) => [node])]);
  });

  it("are the chains of maps over maps", () => {
    const { sizes, edges } = map(20, 3);
    const [block, ...others] = blocksOf(sizes, edges);
    expect(others).toEqual([]);
    expect(block!.slice(0, 2)).toEqual([
      [2, 3, 4],
      [5, 6, 7],
    ]);
  });

  it("have none that waits for something else, or has another size", () => {
    const { sizes, edges } = map(20);
    sizes[5] = [400, 200];
    expect(blocksOf(sizes, [...edges, [2, 3]])).toEqual([numbers(4, 22).flatMap((node) => (node === 5 ? [] : [[node]]))]);
  });

  it("are not made of a few, of nodes without edges, or of circles", () => {
    const few = map(5);
    expect(blocksOf(few.sizes, few.edges)).toEqual([]);
    expect(blocksOf(sizesOf(40), [[3, 3]])).toEqual([]);
    const circles = numbers(0, 20).flatMap((at): Edge[] => [
      [2 * at, 2 * at + 1],
      [2 * at + 1, 2 * at],
    ]);
    expect(blocksOf(sizesOf(40), circles)).toEqual([]);
  });
});

describe("a folded graph", () => {
  it.each([1, 2, 3])("of 500 chains of %d is a little wider than high, and all stand apart in the frame", (steps) => {
    const layout = layOutGraph(map(500, steps));
    const [frame] = layout.frames;

    expectApart(layout);
    expect(layout.width / layout.height).toBeGreaterThan(1);
    expect(layout.width / layout.height).toBeLessThan(2.5);
    for (const node of numbers(2, layout.x.length)) {
      expect(layout.x[node]).toBeGreaterThan(frame!.x);
      expect(layout.y[node]).toBeGreaterThan(frame!.y);
      expect(layout.x[node]! + SIZE[0]).toBeLessThan(frame!.x + frame!.width);
      expect(layout.y[node]! + SIZE[1]).toBeLessThan(frame!.y + frame!.height);
    }
  });

  it("reads row by row", () => {
    const { x, y } = layOutGraph(map(40));
    for (const node of numbers(2, 41)) expect(y[node + 1]! > y[node]! || x[node + 1]! > x[node]!).toBe(true);
    expect(new Set(x.slice(2)).size).toBeGreaterThan(2);
  });

  it("has its edges end at the frame, and those within from step to step", () => {
    const graph = map(20, 2);
    const { frames, ways, x, y } = layOutGraph(graph);
    const [{ x: left, width }] = frames as [(typeof frames)[number]];
    const wayOf = (from: number, to: number): Float64Array => ways[graph.edges.findIndex(([a, b]) => a === from && b === to)]!;

    expect(wayOf(0, 2).at(-2)).toBeCloseTo(left);
    expect(wayOf(3, 1)[0]).toBeCloseTo(left + width);
    expect([...wayOf(2, 3)]).toEqual([x[2]! + SIZE[0], y[2]! + SIZE[1] / 2, x[3], y[3]! + SIZE[1] / 2]);
  });

  it("is as it was without blocks", () => {
    const { frames, x } = layOutGraph(map(5));
    expect([frames, new Set(x).size]).toEqual([[], 3]);
  });
});
