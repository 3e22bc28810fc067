// What stands beside each other in a graph a great many times: task runs that waited for the same and are waited for by the
// same, as those of a map are, alone or as chains of a step after the other. Pure.

import { type Edge, neighbours } from "./layers";

export type Size = readonly [width: number, height: number];

/** Nodes one after the other, with nothing else between them. */
export type Chain = readonly number[];

/** Fewer than that are easier to read one below the other. */
const LEAST_IN_BLOCK = 13;

/** The blocks of a graph, each as the chains that are alike in it. */
export function blocksOf(sizes: readonly Size[], edges: readonly Edge[]): Chain[][] {
  const straight = edges.filter(([from, to]) => from !== to);
  const before = neighbours(sizes.length, straight, 1);
  const after = neighbours(sizes.length, straight, 0);
  const alike = new Map<string, Chain[]>();
  for (const chain of chainsOf(before, after)) {
    const outside = [before[chain[0]!]!, after[chain.at(-1)!]!];
    const isLonely = chain.length === 1 && outside.every((nodes) => nodes.length === 0);
    if (isLonely) continue;
    const key = JSON.stringify([...outside.map(sorted), chain.map((node) => sizes[node])]);
    const block = alike.get(key);
    if (block === undefined) alike.set(key, [chain]);
    else block.push(chain);
  }
  return [...alike.values()].filter((chains) => chains.length >= LEAST_IN_BLOCK);
}

/** Every node that is not on a circle, in the longest chain that it belongs to. */
function chainsOf(before: readonly number[][], after: readonly number[][]): Chain[] {
  const next = (node: number): number | undefined => {
    const [to] = after[node]!;
    return after[node]!.length === 1 && before[to!]!.length === 1 ? to : undefined;
  };
  const hasPrevious = new Uint8Array(after.length);
  for (let node = 0; node < after.length; node++) {
    const to = next(node);
    if (to !== undefined) hasPrevious[to] = 1;
  }
  const chains: Chain[] = [];
  for (let start = 0; start < after.length; start++) {
    if (hasPrevious[start] === 1) continue;
    const chain: number[] = [];
    for (let node: number | undefined = start; node !== undefined; node = next(node)) chain.push(node);
    chains.push(chain);
  }
  return chains;
}

function sorted(nodes: readonly number[]): number[] {
  return [...nodes].sort((a, b) => a - b);
}
