// At which height each node stands: as near to the middle of its neighbours as the nodes above and below it allow. Pure.

import { type Edge, neighbours } from "./layers";

const SWEEPS = 6;
/** How much a waypoint counts beside a node: an edge that passes many others should not pull what it comes from there. */
const WEIGHT_OF_WAYPOINT = 0.05;

/**
 * The middle of every node. Those of a layer keep their order and lie `gap` apart at least. From `firstWaypoint` on they
 * are waypoints of edges.
 */
export function heightsOf(
  layers: readonly number[][],
  edges: readonly Edge[],
  sizes: Float64Array,
  firstWaypoint: number,
  gap: number,
): Float64Array {
  const before = neighbours(sizes.length, edges, 1);
  const after = neighbours(sizes.length, edges, 0);
  const middle = new Float64Array(sizes.length);
  for (const layer of layers) stack(layer, sizes, gap, middle);
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    const isForward = sweep % 2 === 0;
    for (let step = 0; step < layers.length; step++) {
      const layer = layers[isForward ? step : layers.length - 1 - step]!;
      const beside = isForward ? before : after;
      const wanted = layer.map((node) => meanOf(beside[node]!, middle, firstWaypoint, middle[node]!));
      settle(layer, wanted, sizes, gap, middle);
    }
  }
  return middle;
}

/** One below the other, round zero. */
function stack(layer: readonly number[], sizes: Float64Array, gap: number, middle: Float64Array): void {
  const height = layer.reduce((sum, node) => sum + sizes[node]! + gap, -gap);
  let y = -height / 2;
  for (const node of layer) {
    middle[node] = y + sizes[node]! / 2;
    y += sizes[node]! + gap;
  }
}

function meanOf(nodes: readonly number[], middle: Float64Array, firstWaypoint: number, otherwise: number): number {
  let sum = 0;
  let weights = 0;
  for (const node of nodes) {
    const weight = node < firstWaypoint ? 1 : WEIGHT_OF_WAYPOINT;
    sum += weight * middle[node]!;
    weights += weight;
  }
  return weights === 0 ? otherwise : sum / weights;
}

interface Block {
  /** How far up its first node would be, on average, for each of its nodes to be where that wants. */
  sum: number;
  count: number;
}

/**
 * Puts the nodes of a layer where the squares of their distances from what they want are least in sum. Where two would
 * overlap they become a block that moves as one, as do blocks (pool adjacent violators).
 */
function settle(layer: readonly number[], wanted: readonly number[], sizes: Float64Array, gap: number, middle: Float64Array): void {
  const offsets: number[] = [];
  let offset = 0;
  layer.forEach((node, at) => {
    if (at > 0) offset += (sizes[layer[at - 1]!]! + sizes[node]!) / 2 + gap;
    offsets.push(offset);
  });
  const blocks: Block[] = [];
  layer.forEach((_, at) => {
    let block: Block = { sum: wanted[at]! - offsets[at]!, count: 1 };
    let above = blocks[blocks.length - 1];
    while (above !== undefined && above.sum / above.count > block.sum / block.count) {
      blocks.pop();
      block = { sum: above.sum + block.sum, count: above.count + block.count };
      above = blocks[blocks.length - 1];
    }
    blocks.push(block);
  });
  let at = 0;
  for (const { sum, count } of blocks) for (let left = count; left > 0; left--, at++) middle[layer[at]!] = sum / count + offsets[at]!;
}
