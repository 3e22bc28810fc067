// Where the nodes of a graph stand and how its edges run: layers from left to right, each node behind all that it waited
// for. Pure and deterministic: the same graph always looks the same. It runs in a worker, or wherever it is called.

import { heightsOf } from "./heights";
import { type Edge, layersOf, withoutCircles } from "./layers";
import { ordered } from "./ordering";

export interface GraphShape {
  /** The width and height of each node. */
  readonly sizes: readonly (readonly [width: number, height: number])[];
  readonly edges: readonly Edge[];
}

export interface Layout {
  readonly width: number;
  readonly height: number;
  /** The left upper corner of each node. */
  readonly x: Float64Array;
  readonly y: Float64Array;
  /** For each edge the points that it runs through, x and y in turn, from its upstream to its downstream; none for a loop. */
  readonly ways: readonly Float64Array[];
}

const LAYER_GAP = 56;
const NODE_GAP = 14;
/** The room that an edge takes where it passes a layer. */
const WAY_HEIGHT = 6;
/** Edges over many layers are led between the nodes as long as that does not make more of them than this. */
const MOST_WAYPOINTS = 20_000;

export function layOutGraph({ sizes, edges }: GraphShape): Layout {
  const count = sizes.length;
  const layerOf = layersOf(count, withoutCircles(count, edges));
  placeLonely(layerOf, edges, sizes);
  const { layers, steps, heights, waysOf } = withWaypoints(layerOf, edges, sizes);
  const middle = heightsOf(ordered(layers, steps), steps, heights, NODE_GAP);
  const columns = columnsOf(layerOf, sizes);

  const x = new Float64Array(count);
  const y = new Float64Array(count);
  let top = Infinity;
  let bottom = -Infinity;
  for (let node = 0; node < count; node++) {
    const [width, height] = sizes[node]!;
    x[node] = columns.left[layerOf[node]!]! + (columns.width[layerOf[node]!]! - width) / 2;
    y[node] = middle[node]! - height / 2;
    top = Math.min(top, y[node]!);
    bottom = Math.max(bottom, y[node]! + height);
  }
  for (let at = 0; at < middle.length; at++) {
    top = Math.min(top, middle[at]! - heights[at]! / 2);
    bottom = Math.max(bottom, middle[at]! + heights[at]! / 2);
  }
  if (count === 0) return { width: 0, height: 0, x, y, ways: [] };
  for (let node = 0; node < count; node++) y[node]! -= top;
  const ways = edges.map(([from, to], edge) => {
    if (from === to) return new Float64Array(0);
    const isForward = layerOf[from]! < layerOf[to]!;
    const [left, right] = isForward ? [from, to] : [to, from];
    const points = [x[left]! + sizes[left]![0], middle[left]! - top];
    for (const waypoint of waysOf[edge]!) {
      const layer = layers[waypoint]!;
      const height = middle[waypoint]! - top;
      points.push(columns.left[layer]!, height, columns.left[layer]! + columns.width[layer]!, height);
    }
    points.push(x[right]!, middle[right]! - top);
    return Float64Array.from(isForward ? points : backwards(points));
  });
  return { width: columns.total, height: bottom - top, x, y, ways };
}

/** Nodes without edges would make one tall column: they are spread over the layers, so that the whole is not too tall. */
function placeLonely(layerOf: Int32Array, edges: readonly Edge[], sizes: GraphShape["sizes"]): void {
  const hasEdge = new Uint8Array(layerOf.length);
  for (const [from, to] of edges) if (from !== to) hasEdge[from] = hasEdge[to] = 1;
  const lonely = sizes.map((_, node) => node).filter((node) => hasEdge[node] === 0);
  const layerCount = layerOf.reduce((most, layer) => Math.max(most, layer + 1), 1);
  const columns = Math.max(layerCount, Math.ceil(Math.sqrt(lonely.length / 3)));
  lonely.forEach((node, at) => (layerOf[node] = at % columns));
}

interface Led {
  /** The layer of every node, and behind these of every waypoint. */
  layers: Int32Array;
  /** Edges from each layer to the next one. */
  steps: Edge[];
  heights: Float64Array;
  /** The waypoints of each edge from left to right. */
  waysOf: number[][];
}

/** An edge over several layers gets a waypoint in each between, which takes part in ordering and heights. */
function withWaypoints(layerOf: Int32Array, edges: readonly Edge[], sizes: GraphShape["sizes"]): Led {
  const spans = edges.reduce((sum, [from, to]) => sum + Math.max(0, Math.abs(layerOf[to]! - layerOf[from]!) - 1), 0);
  const layers = [...layerOf];
  const heights = sizes.map(([, height]) => height);
  const steps: Edge[] = [];
  const waysOf = edges.map(([from, to]) => {
    const [left, right] = layerOf[from]! < layerOf[to]! ? [from, to] : [to, from];
    const way: number[] = [];
    if (layerOf[left] === layerOf[right] || (spans > MOST_WAYPOINTS && layerOf[right]! - layerOf[left]! > 1)) return way;
    let last = left;
    for (let layer = layerOf[left]! + 1; layer < layerOf[right]!; layer++) {
      const waypoint = layers.length;
      layers.push(layer);
      heights.push(WAY_HEIGHT);
      steps.push([last, waypoint]);
      way.push(waypoint);
      last = waypoint;
    }
    steps.push([last, right]);
    return way;
  });
  return { layers: Int32Array.from(layers), steps, heights: Float64Array.from(heights), waysOf };
}

function columnsOf(layerOf: Int32Array, sizes: GraphShape["sizes"]): { left: number[]; width: number[]; total: number } {
  const width: number[] = Array.from({ length: layerOf.reduce((most, layer) => Math.max(most, layer + 1), 0) }, () => 0);
  layerOf.forEach((layer, node) => (width[layer] = Math.max(width[layer]!, sizes[node]![0])));
  const left: number[] = [];
  let x = 0;
  for (const column of width) {
    left.push(x);
    x += column + LAYER_GAP;
  }
  return { left, width, total: Math.max(0, x - LAYER_GAP) };
}

function backwards(points: readonly number[]): number[] {
  const turned: number[] = [];
  for (let at = points.length - 2; at >= 0; at -= 2) turned.push(points[at]!, points[at + 1]!);
  return turned;
}
