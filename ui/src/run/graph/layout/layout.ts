// Where the nodes of a graph stand and how its edges run: layers from left to right, each node behind all that it waited
// for. Pure and deterministic: the same graph always looks the same. Before, folding.ts makes one node of what is there many
// times.

import type { Size } from "./blocks";
import { heightsOf } from "./heights";
import { type Edge, layersOf, withoutCircles } from "./layers";
import { ordered } from "./ordering";

export interface GraphShape {
  /** The width and height of each node. */
  readonly sizes: readonly Size[];
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
/** How much wider than high the rows of nodes without edges are. */
const SHAPE_OF_ROWS = 1.8;

export function layOutInLayers({ sizes, edges }: GraphShape): Layout {
  const count = sizes.length;
  const hasEdge = new Uint8Array(count);
  for (const [from, to] of edges) if (from !== to) hasEdge[from] = hasEdge[to] = 1;
  const x = new Float64Array(count);
  const y = new Float64Array(count);
  const { width, height, ways } = layOutJoined(sizes, edges, hasEdge, x, y);
  const below = layOutLonely(sizes, hasEdge, width, height === 0 ? 0 : height + 2 * NODE_GAP, x, y);
  return {
    width: Math.max(width, below.width),
    height: Math.max(height, below.bottom),
    x,
    y,
    ways,
  };
}

type Sizes = GraphShape["sizes"];

/** Places the nodes that have edges, in layers. */
function layOutJoined(
  sizes: Sizes,
  edges: readonly Edge[],
  hasEdge: Uint8Array,
  x: Float64Array,
  y: Float64Array,
): Pick<Layout, "width" | "height" | "ways"> {
  const count = sizes.length;
  const joined = sizes.map((_, node) => node).filter((node) => hasEdge[node] === 1);
  if (joined.length === 0) return { width: 0, height: 0, ways: edges.map(() => new Float64Array(0)) };
  const layerOf = layersOf(count, withoutCircles(count, edges));
  const led = withWaypoints(layerOf, edges, sizes);
  const layers = ordered(led.layers, led.steps).map((layer) => layer.filter((node) => hasEdge[node] !== 0));
  const middle = heightsOf(layers, led.steps, led.heights, count, NODE_GAP);
  const columns = columnsOf(layerOf, sizes, joined);

  const placed = layers.flat();
  const top = placed.reduce((least, node) => Math.min(least, middle[node]! - led.heights[node]! / 2), Infinity);
  const bottom = placed.reduce((most, node) => Math.max(most, middle[node]! + led.heights[node]! / 2), -Infinity);
  for (const node of placed) middle[node]! -= top;
  for (const node of joined) {
    const layer = layerOf[node]!;
    x[node] = columns.left[layer]! + (columns.width[layer]! - sizes[node]![0]) / 2;
    y[node] = middle[node]! - sizes[node]![1] / 2;
  }
  const ways = edges.map(([from, to], edge) => {
    if (from === to) return new Float64Array(0);
    const isForward = layerOf[from]! < layerOf[to]!;
    const [left, right] = isForward ? [from, to] : [to, from];
    const points = [x[left]! + sizes[left]![0], middle[left]!];
    for (const waypoint of led.waysOf[edge]!) {
      const layer = led.layers[waypoint]!;
      const end = columns.left[layer]! + columns.width[layer]!;
      points.push(columns.left[layer]!, middle[waypoint]!, end, middle[waypoint]!);
    }
    points.push(x[right]!, middle[right]!);
    return Float64Array.from(isForward ? points : backwards(points));
  });
  return { width: columns.total, height: bottom - top, ways };
}

/** Places the nodes without edges below the others, in rows. */
function layOutLonely(
  sizes: Sizes,
  hasEdge: Uint8Array,
  width: number,
  top: number,
  x: Float64Array,
  y: Float64Array,
): { width: number; bottom: number } {
  const lonely = sizes.map((_, node) => node).filter((node) => hasEdge[node] === 0);
  const area = lonely.reduce((sum, node) => sum + (sizes[node]![0] + NODE_GAP) * (sizes[node]![1] + NODE_GAP), 0);
  const room = Math.max(width, Math.sqrt(area * SHAPE_OF_ROWS));
  let [left, rowTop, bottom, widest] = [0, top, 0, 0];
  for (const node of lonely) {
    const [nodeWidth, nodeHeight] = sizes[node]!;
    if (left > 0 && left + nodeWidth > room) {
      left = 0;
      rowTop = bottom + NODE_GAP;
    }
    x[node] = left;
    y[node] = rowTop;
    left += nodeWidth + NODE_GAP;
    widest = Math.max(widest, left - NODE_GAP);
    bottom = Math.max(bottom, rowTop + nodeHeight);
  }
  return { width: widest, bottom };
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
function withWaypoints(layerOf: Int32Array, edges: readonly Edge[], sizes: Sizes): Led {
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
  return {
    layers: Int32Array.from(layers),
    steps,
    heights: Float64Array.from(heights),
    waysOf,
  };
}

interface Columns {
  left: number[];
  width: number[];
  total: number;
}

function columnsOf(layerOf: Int32Array, sizes: Sizes, joined: readonly number[]): Columns {
  const width: number[] = Array.from(
    {
      length: joined.reduce((most, node) => Math.max(most, layerOf[node]! + 1), 0),
    },
    () => 0,
  );
  for (const node of joined) width[layerOf[node]!] = Math.max(width[layerOf[node]!]!, sizes[node]![0]);
  const left: number[] = [];
  let x = 0;
  for (const column of width) {
    left.push(x);
    x += column + LAYER_GAP;
  }
  return { left, width, total: x - LAYER_GAP };
}

function backwards(points: readonly number[]): number[] {
  const turned: number[] = [];
  for (let at = points.length - 2; at >= 0; at -= 2) turned.push(points[at]!, points[at + 1]!);
  return turned;
}
