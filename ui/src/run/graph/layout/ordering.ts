// In which order the nodes of each layer stand, so that edges cross little: each goes to the middle of its neighbours in
// the layer beside, to and fro, and the best order that was seen is kept. Pure.

import { type Edge, neighbours } from "./layers";

const SWEEPS = 8;

/** The layers as lists of nodes from top to bottom. Every edge goes from a layer to the next one. */
export function ordered(layerOf: Int32Array, edges: readonly Edge[]): number[][] {
  const count = layerOf.length;
  const before = neighbours(count, edges, 1);
  const after = neighbours(count, edges, 0);
  let layers = inFirstOrder(layerOf, after);
  let best = layers;
  let fewest = crossings(layers, after);
  for (let sweep = 0; sweep < SWEEPS && fewest > 0; sweep++) {
    layers = swept(layers, sweep % 2 === 0 ? before : after, sweep % 2 === 0);
    const found = crossings(layers, after);
    if (found < fewest) {
      best = layers;
      fewest = found;
    }
  }
  return best;
}

/** In the order in which they are met on the ways from the first node on: what belongs together is met together. */
function inFirstOrder(layerOf: Int32Array, after: readonly number[][]): number[][] {
  const layers: number[][] = Array.from({ length: layerOf.reduce((most, layer) => Math.max(most, layer + 1), 0) }, () => []);
  const isMet = new Uint8Array(layerOf.length);
  for (let root = 0; root < layerOf.length; root++) {
    const way = [root];
    while (way.length > 0) {
      const node = way.pop()!;
      if (isMet[node] === 1) continue;
      isMet[node] = 1;
      layers[layerOf[node]!]!.push(node);
      for (let at = after[node]!.length - 1; at >= 0; at--) way.push(after[node]![at]!);
    }
  }
  return layers;
}

function swept(layers: readonly number[][], beside: readonly number[][], isForward: boolean): number[][] {
  const place = placesOf(layers, beside.length);
  const moved = layers.map((layer) => [...layer]);
  for (let step = 1; step < moved.length; step++) {
    const layer = moved[isForward ? step : moved.length - 1 - step]!;
    const middle = new Map(layer.map((node) => [node, middleOf(beside[node]!, place, place[node]!)]));
    layer.sort((a, b) => middle.get(a)! - middle.get(b)! || place[a]! - place[b]!);
    setPlaces(layer, place);
  }
  return moved;
}

function middleOf(nodes: readonly number[], place: Int32Array, otherwise: number): number {
  if (nodes.length === 0) return otherwise;
  return nodes.reduce((sum, node) => sum + place[node]!, 0) / nodes.length;
}

function placesOf(layers: readonly number[][], count: number): Int32Array {
  const place = new Int32Array(count);
  for (const layer of layers) setPlaces(layer, place);
  return place;
}

function setPlaces(layer: readonly number[], place: Int32Array): void {
  for (let at = 0; at < layer.length; at++) place[layer[at]!] = at;
}

/** How often edges cross. Between two layers: how many pairs of edges end in the other order than they start in. */
export function crossings(layers: readonly number[][], after: readonly number[][]): number {
  const place = placesOf(layers, after.length);
  let sum = 0;
  for (let at = 0; at + 1 < layers.length; at++) {
    const ends = layers[at]!.flatMap((node) => after[node]!.map((to) => place[to]!).sort((a, b) => a - b));
    sum += inversions(ends, layers[at + 1]!.length);
  }
  return sum;
}

/** How many pairs stand in the wrong order, by a tree of counts: each value asks how many greater ones came before. */
function inversions(values: readonly number[], limit: number): number {
  const tree = new Int32Array(limit + 1);
  let sum = 0;
  values.forEach((value, seen) => {
    let notGreater = 0;
    for (let at = value + 1; at > 0; at -= at & -at) notGreater += tree[at]!;
    sum += seen - notGreater;
    for (let at = value + 1; at <= limit; at += at & -at) tree[at]!++;
  });
  return sum;
}
