// The whole picture of a graph, flat: every node with its place, every edge with its way, those of open subflows inside
// their boxes. Layouts are asked for through the function that is given; one whose shape is the same is taken over, so
// that a change of states moves nothing.

import type { GraphAnswer, GraphNode, GraphSource } from "./graph_source";
import type { FoldedLayout, Frame } from "./layout/folding";
import type { GraphShape } from "./layout/layout";

export interface Item {
  readonly key: string;
  readonly source: GraphSource;
  readonly node: GraphNode;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  /** Whether it is a box with the graph of a subflow in it. */
  readonly isBox: boolean;
}

export interface Way {
  /** Places of the items at its ends. */
  readonly from: number;
  readonly to: number;
  readonly points: Float64Array;
}

export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly items: readonly Item[];
  readonly ways: readonly Way[];
  /** What stands round the members of a block. */
  readonly frames: readonly Frame[];
}

export const EMPTY: Picture = { width: 0, height: 0, items: [], ways: [], frames: [] };

export const BOX_HEADER = 36;
const BOX_PADDING = 16;
const SIZES: Record<GraphNode["kind"], readonly [number, number]> = {
  group: [196, 56],
  task_run: [176, 40],
  subflow: [196, 44],
  outside: [168, 30],
};

export type LayOut = (shape: GraphShape) => Promise<FoldedLayout>;

export class PictureMaker {
  private readonly kept = new WeakMap<GraphSource, { shape: string; layout: FoldedLayout }>();

  constructor(private readonly layOut: LayOut) {}

  async make(source: GraphSource): Promise<Picture> {
    const answer = source.answer.peek();
    if (answer === null) return EMPTY;
    const inside = new Map<string, Picture>();
    for (const [run, opened] of source.opened.peek()) if (opened.answer.peek() !== null) inside.set(run, await this.make(opened));
    const sizes = answer.nodes.map((node) => sizeOf(node, inside.get(node.run ?? "")));
    const layout = await this.layoutOf(source, answer, sizes);
    return flattened(source, answer, sizes, layout, inside);
  }

  private async layoutOf(source: GraphSource, answer: GraphAnswer, sizes: GraphShape["sizes"]): Promise<FoldedLayout> {
    const placeOf = new Map(answer.nodes.map(({ id }, at) => [id, at]));
    const edges = answer.edges.map(([from, to]) => [placeOf.get(from)!, placeOf.get(to)!] as const);
    const shape = JSON.stringify([answer.nodes.map(({ id }) => id), sizes, edges]);
    const known = this.kept.get(source);
    if (known?.shape === shape) return known.layout;
    const layout = await this.layOut({ sizes, edges });
    this.kept.set(source, { shape, layout });
    return layout;
  }
}

function sizeOf(node: GraphNode, inside: Picture | undefined): readonly [number, number] {
  if (inside === undefined) return SIZES[node.kind];
  const [width] = SIZES[node.kind];
  return [Math.max(width, inside.width + 2 * BOX_PADDING), inside.height + BOX_HEADER + BOX_PADDING];
}

function flattened(
  source: GraphSource,
  answer: GraphAnswer,
  sizes: GraphShape["sizes"],
  layout: FoldedLayout,
  inside: ReadonlyMap<string, Picture>,
): Picture {
  const items: Item[] = answer.nodes.map((node, at) => ({
    key: `${source.run}/${node.id}`,
    source,
    node,
    x: layout.x[at]!,
    y: layout.y[at]!,
    width: sizes[at]![0],
    height: sizes[at]![1],
    isBox: inside.has(node.run ?? ""),
  }));
  const placeOf = new Map(answer.nodes.map(({ id }, at) => [id, at]));
  const ways: Way[] = answer.edges.map(([from, to], edge) => ({
    from: placeOf.get(from)!,
    to: placeOf.get(to)!,
    points: layout.ways[edge]!,
  }));
  const frames = [...layout.frames];
  for (const item of [...items]) {
    const picture = inside.get(item.node.run ?? "");
    if (picture === undefined) continue;
    const dx = item.x + (item.width - picture.width) / 2;
    const dy = item.y + BOX_HEADER;
    const first = items.length;
    for (const inner of picture.items) items.push({ ...inner, x: inner.x + dx, y: inner.y + dy });
    for (const frame of picture.frames) frames.push({ ...frame, x: frame.x + dx, y: frame.y + dy });
    for (const { from, to, points } of picture.ways)
      ways.push({
        from: from + first,
        to: to + first,
        points: points.map((value, at) => value + (at % 2 === 0 ? dx : dy)),
      });
  }
  return { width: layout.width, height: layout.height, items, ways, frames };
}

/** The item at a point of the picture: of boxes in boxes the innermost. */
export function itemAt(picture: Picture, x: number, y: number): Item | null {
  for (let at = picture.items.length - 1; at >= 0; at--) {
    const item = picture.items[at]!;
    if (x >= item.x && x <= item.x + item.width && y >= item.y && y <= item.y + item.height) return item;
  }
  return null;
}

/** Which items an item waited for, and which waited for it, near and far. */
export function relativesOf(picture: Picture, item: Item): { items: Uint8Array; ways: Uint8Array } {
  const items = new Uint8Array(picture.items.length);
  const ways = new Uint8Array(picture.ways.length);
  const start = picture.items.indexOf(item);
  follow(picture, start, "from", "to", items, ways);
  follow(picture, start, "to", "from", items, ways);
  if (item.isBox) takeIn(picture, item, items, ways);
  return { items, ways };
}

/** What is inside a box belongs to it. */
function takeIn(picture: Picture, box: Item, items: Uint8Array, ways: Uint8Array): void {
  const isInside = picture.items.map(({ x, y }) => x > box.x && y > box.y && x < box.x + box.width && y < box.y + box.height);
  isInside.forEach((is, at) => {
    if (is) items[at] = 1;
  });
  picture.ways.forEach(({ from, to }, at) => {
    if (isInside[from]! && isInside[to]!) ways[at] = 1;
  });
}

function follow(picture: Picture, start: number, near: "from" | "to", far: "from" | "to", items: Uint8Array, ways: Uint8Array): void {
  const waysOf = new Map<number, number[]>();
  picture.ways.forEach((way, at) => {
    const list = waysOf.get(way[near]);
    if (list === undefined) waysOf.set(way[near], [at]);
    else list.push(at);
  });
  const reached = new Uint8Array(items.length);
  const todo = [start];
  while (todo.length > 0) {
    const at = todo.pop()!;
    if (reached[at] === 1) continue;
    reached[at] = items[at] = 1;
    for (const way of waysOf.get(at) ?? []) {
      ways[way] = 1;
      todo.push(picture.ways[way]![far]);
    }
  }
}

export type Direction = "upstream" | "downstream" | "above" | "below";

/** The item to go to from another: along an edge, or to the next one above or below. */
export function neighbour(picture: Picture, item: Item, direction: Direction): Item | null {
  const at = picture.items.indexOf(item);
  const middle = (other: Item): number => other.y + other.height / 2;
  if (direction === "upstream" || direction === "downstream") {
    const [near, far] = direction === "downstream" ? (["from", "to"] as const) : (["to", "from"] as const);
    const others = picture.ways.filter((way) => way[near] === at).map((way) => picture.items[way[far]]!);
    return nearest(others, (other) => Math.abs(middle(other) - middle(item)));
  }
  const sign = direction === "below" ? 1 : -1;
  const others = picture.items.filter((other) => (middle(other) - middle(item)) * sign > 1);
  return nearest(others, (other) => Math.abs(other.x - item.x) * 4 + Math.abs(middle(other) - middle(item)));
}

function nearest(items: readonly Item[], distance: (item: Item) => number): Item | null {
  return items.reduce<Item | null>((best, item) => (best === null || distance(item) < distance(best) ? item : best), null);
}
