// Lays a graph out with its blocks folded: each block is one node in the layers, and a grid of its members inside. A map of
// 500 task runs fits into a window so, where a column of them would be forty windows high. Pure.

import { blocksOf, type Chain } from "./blocks";
import { type Grid, gridOf } from "./grid";
import type { Edge } from "./layers";
import { type GraphShape, type Layout, layOutInLayers } from "./layout";

/** The frame round a block. */
export interface Frame {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface FoldedLayout extends Layout {
  readonly frames: readonly Frame[];
}

/** Where all nodes stand and all edges run. An edge from or to a member of a block begins or ends at the block's frame. */
export function layOutGraph(shape: GraphShape): FoldedLayout {
  const blocks = blocksOf(shape.sizes, shape.edges);
  if (blocks.length === 0) return { ...layOutInLayers(shape), frames: [] };
  const grids = blocks.map((chains) => gridOf(chains, shape.sizes));
  const folded = fold(shape, blocks, grids);
  return unfold(shape, blocks, grids, folded, layOutInLayers(folded.shape));
}

interface Folded {
  readonly shape: GraphShape;
  /** The node of the folded graph for each node: itself or its block. */
  readonly nodeOf: Int32Array;
  /** The edge of the folded graph for each edge; -1 inside a block. */
  readonly edgeOf: Int32Array;
}

/** The blocks come first, then what is in none. */
function fold({ sizes, edges }: GraphShape, blocks: readonly Chain[][], grids: readonly Grid[]): Folded {
  const nodeOf = new Int32Array(sizes.length).fill(-1);
  const foldedSizes = grids.map(({ size }) => size);
  blocks.forEach((chains, block) => {
    for (const chain of chains) for (const node of chain) nodeOf[node] = block;
  });
  sizes.forEach((size, node) => {
    if (nodeOf[node] !== -1) return;
    nodeOf[node] = foldedSizes.length;
    foldedSizes.push(size);
  });
  const foldedEdges: Edge[] = [];
  const known = new Map<number, number>();
  const edgeOf = Int32Array.from(edges, ([from, to]) => {
    const [begin, end] = [nodeOf[from]!, nodeOf[to]!];
    if (begin === end && begin < blocks.length) return -1;
    const key = begin * foldedSizes.length + end;
    if (!known.has(key)) known.set(key, foldedEdges.push([begin, end]) - 1);
    return known.get(key)!;
  });
  return { shape: { sizes: foldedSizes, edges: foldedEdges }, nodeOf, edgeOf };
}

function unfold(
  { sizes, edges }: GraphShape,
  blocks: readonly Chain[][],
  grids: readonly Grid[],
  { nodeOf, edgeOf }: Folded,
  layout: Layout,
): FoldedLayout {
  const x = Float64Array.from(nodeOf, (node) => layout.x[node]!);
  const y = Float64Array.from(nodeOf, (node) => layout.y[node]!);
  blocks.forEach((chains, block) => {
    chains.forEach((chain, at) => {
      chain.forEach((node, step) => {
        const [left, top] = grids[block]!.places[at]![step]!;
        x[node]! += left;
        y[node]! += top;
      });
    });
  });
  const between = (from: number, to: number): Float64Array => {
    if (from === to) return new Float64Array(0);
    return Float64Array.of(x[from]! + sizes[from]![0], y[from]! + sizes[from]![1] / 2, x[to]!, y[to]! + sizes[to]![1] / 2);
  };
  return {
    width: layout.width,
    height: layout.height,
    x,
    y,
    ways: edges.map(([from, to], edge) => (edgeOf[edge] === -1 ? between(from, to) : layout.ways[edgeOf[edge]!]!)),
    frames: grids.map(({ size: [width, height] }, block) => ({ x: layout.x[block]!, y: layout.y[block]!, width, height })),
  };
}
