// Which layer each node of a graph belongs to: one behind the last of those it waited for. Pure, on numbers: nodes are
// 0 .. count - 1, an edge goes from the node that is waited for to the one that waits.

export type Edge = readonly [from: number, to: number];

/** The edges with those turned round that close a circle: groups of task runs can wait for each other. Loops are left out. */
export function withoutCircles(count: number, edges: readonly Edge[]): Edge[] {
  const outgoing = neighbours(count, edges, 0);
  const state = new Uint8Array(count); // 0: not seen, 1: on the way from a root to here, 2: done
  const straight: Edge[] = [];
  const next = new Int32Array(count);
  for (let root = 0; root < count; root++) {
    if (state[root] !== 0) continue;
    const way = [root];
    state[root] = 1;
    while (way.length > 0) {
      const node = way[way.length - 1]!;
      const to = outgoing[node]![next[node]!++];
      if (to === undefined) {
        state[node] = 2;
        way.pop();
      } else if (to !== node) {
        straight.push(state[to] === 1 ? [to, node] : [node, to]);
        if (state[to] === 0) {
          state[to] = 1;
          way.push(to);
        }
      }
    }
  }
  return straight;
}

/** The layer of every node: the length of the longest way to it. What waits for nothing moves up to what waits for it. */
export function layersOf(count: number, edges: readonly Edge[]): Int32Array {
  const outgoing = neighbours(count, edges, 0);
  const waitsFor = new Int32Array(count);
  for (const [, to] of edges) waitsFor[to]!++;
  const sources = Array.from({ length: count }, (_, node) => node).filter((node) => waitsFor[node] === 0);
  const layer = new Int32Array(count);
  const ready = [...sources];
  for (let at = 0; at < ready.length; at++) {
    const node = ready[at]!;
    for (const to of outgoing[node]!) {
      layer[to] = Math.max(layer[to]!, layer[node]! + 1);
      if (--waitsFor[to]! === 0) ready.push(to);
    }
  }
  for (const source of sources) {
    const first = outgoing[source]!.reduce((least, to) => Math.min(least, layer[to]!), Infinity);
    if (first !== Infinity) layer[source] = first - 1;
  }
  return layer;
}

/** The other ends of the edges of each node: of those that start there (0), or end there (1). */
export function neighbours(count: number, edges: readonly Edge[], end: 0 | 1): number[][] {
  const lists: number[][] = Array.from({ length: count }, () => []);
  for (const edge of edges) lists[edge[end]]!.push(edge[end === 0 ? 1 : 0]);
  return lists;
}
