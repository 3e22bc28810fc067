import { describe, expect, it } from "vitest";

import { type Edge, layersOf, neighbours, withoutCircles } from "./layers";
import { type GraphShape, type Layout, layOutInLayers } from "./layout";
import { crossings, ordered } from "./ordering";

function shape(count: number, edges: readonly Edge[], size: readonly [number, number] = [100, 30]): GraphShape {
  return { sizes: Array.from({ length: count }, () => size), edges };
}

/** A graph in which each node waits for some of the nodes before it. */
function someGraph(count: number, perNode: number, seed: number): GraphShape {
  let state = seed;
  const random = (below: number): number => {
    state = (state * 16807) % 2147483647;
    return state % below;
  };
  const edges: Edge[] = [];
  for (let node = 1; node < count; node++)
    for (let at = 0; at < perNode; at++) edges.push([Math.max(0, node - 1 - random(Math.min(node, 12))), node]);
  return {
    sizes: Array.from({ length: count }, () => [60 + random(140), 24 + random(60)] as const),
    edges,
  };
}

function expectNoOverlap({ sizes }: GraphShape, { x, y, width, height }: Layout): void {
  for (let a = 0; a < sizes.length; a++) {
    expect(Math.min(x[a]!, y[a]!)).toBeGreaterThanOrEqual(-1e-6);
    expect(x[a]! + sizes[a]![0]).toBeLessThanOrEqual(width + 1e-6);
    expect(y[a]! + sizes[a]![1]).toBeLessThanOrEqual(height + 1e-6);
    for (let b = a + 1; b < sizes.length; b++) {
      const isApart =
        x[a]! + sizes[a]![0] <= x[b]! + 1e-6 ||
        x[b]! + sizes[b]![0] <= x[a]! + 1e-6 ||
        y[a]! + sizes[a]![1] <= y[b]! + 1e-6 ||
        y[b]! + sizes[b]![1] <= y[a]! + 1e-6;
      if (!isApart) expect.fail(`nodes ${a} and ${b} overlap`);
    }
  }
}

describe("the layout", () => {
  it.each([
    ["nothing", shape(0, [])],
    ["one node", shape(1, [])],
    [
      "a chain",
      shape(4, [
        [0, 1],
        [1, 2],
        [2, 3],
      ]),
    ],
    [
      "a map between two tasks",
      shape(
        22,
        Array.from({ length: 20 }, (_, at): Edge[] => [
          [0, at + 2],
          [at + 2, 1],
        ]).flat(),
      ),
    ],
    [
      "edges over many layers",
      shape(5, [
        [0, 1],
        [1, 2],
        [2, 3],
        [3, 4],
        [0, 4],
        [0, 3],
        [1, 4],
      ]),
    ],
    ["nodes without edges", shape(30, [[0, 1]])],
    ["many nodes", someGraph(150, 2, 7)],
    ["other ones", someGraph(90, 3, 11)],
  ])("of %s has no overlaps, and edges go forward", (_, graph) => {
    const layout = layOutInLayers(graph);

    expectNoOverlap(graph, layout);
    graph.edges.forEach(([from, to], edge) => {
      const way = layout.ways[edge]!;
      expect(layout.x[from]! + graph.sizes[from]![0]).toBeLessThan(layout.x[to]!);
      expect(way[0]).toBeCloseTo(layout.x[from]! + graph.sizes[from]![0]);
      expect(way[way.length - 2]).toBeCloseTo(layout.x[to]!);
      for (let at = 2; at < way.length; at += 2) expect(way[at]).toBeGreaterThanOrEqual(way[at - 2]!);
    });
  });

  it("is the same each time", () => {
    expect(layOutInLayers(someGraph(100, 2, 3))).toEqual(layOutInLayers(someGraph(100, 2, 3)));
  });

  it("lays a chain out in a straight line", () => {
    const { y } = layOutInLayers(
      shape(5, [
        [0, 1],
        [1, 2],
        [2, 3],
        [3, 4],
      ]),
    );
    expect(new Set(y).size).toBe(1);
  });

  it("puts what is waited for by two beside their middle", () => {
    const { y } = layOutInLayers(
      shape(3, [
        [0, 1],
        [0, 2],
      ]),
    );
    expect(y[0]).toBeCloseTo((y[1]! + y[2]!) / 2);
  });

  it("takes circles and loops, with all edges drawn but the loops", () => {
    const graph = shape(3, [
      [0, 1],
      [1, 2],
      [2, 0],
      [1, 1],
    ]);
    const layout = layOutInLayers(graph);

    expectNoOverlap(graph, layout);
    expect(layout.ways.map((way) => way.length > 0)).toEqual([true, true, true, false]);
    expect(layout.ways[2]![0]).toBeGreaterThan(layout.ways[2]![2]!); // it runs back
  });

  it("does not let an edge that passes many nodes pull its ends away from the others", () => {
    const between = Array.from({ length: 40 }, (_, at) => at + 3);
    const edges: Edge[] = [
      ...between.flatMap((node): Edge[] => [
        [0, node],
        [node, 1],
      ]),
      [0, 1],
      [1, 2],
      [0, 2],
    ];
    const { y, height } = layOutInLayers(shape(43, edges));

    for (const node of [0, 1, 2]) expect(Math.abs(y[node]! + 15 - height / 2)).toBeLessThan(80);
  });

  it("puts nodes without edges below the others", () => {
    const graph = shape(6, [[0, 1]]);
    const { y } = layOutInLayers(graph);
    for (const lonely of [2, 3, 4, 5]) expect(y[lonely]).toBeGreaterThan(Math.max(y[0]!, y[1]!) + 30);
  });

  it("leads an edge between the nodes that it passes", () => {
    const graph = shape(3, [
      [0, 1],
      [1, 2],
      [0, 2],
    ]);
    const { y, ways } = layOutInLayers(graph);
    const passing = ways[2]![3]!;

    expect(passing < y[1]! || passing > y[1]! + 30).toBe(true);
  });

  it("lays two thousand nodes out in the time that somebody waits for", () => {
    const layout = layOutInLayers(someGraph(2000, 2, 5));
    expect(layout.x).toHaveLength(2000);
  });
});

describe("layers", () => {
  it("lie one behind the longest way", () => {
    expect([
      ...layersOf(4, [
        [0, 1],
        [1, 2],
        [0, 2],
        [3, 2],
      ]),
    ]).toEqual([0, 1, 2, 1]);
  });

  it("have a circle opened where it closes", () => {
    expect(
      withoutCircles(3, [
        [0, 1],
        [1, 2],
        [2, 0],
        [2, 2],
      ]),
    ).toEqual([
      [0, 1],
      [1, 2],
      [0, 2],
    ]);
  });
});

describe("the order in the layers", () => {
  it("has no crossing where none is needed", () => {
    const edges: Edge[] = [
      [0, 5],
      [1, 4],
      [2, 3],
    ];
    const layers = ordered(Int32Array.of(0, 0, 0, 1, 1, 1), edges);
    expect(crossings(layers, neighbours(6, edges, 0))).toBe(0);
  });

  it("counts crossings", () => {
    const edges: Edge[] = [
      [0, 3],
      [1, 2],
    ];
    const after = neighbours(4, edges, 0);
    expect(
      crossings(
        [
          [0, 1],
          [2, 3],
        ],
        after,
      ),
    ).toBe(1);
    expect(
      crossings(
        [
          [0, 1],
          [3, 2],
        ],
        after,
      ),
    ).toBe(0);
  });
});
