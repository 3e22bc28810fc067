// Where layouts are made: small ones at once, large ones in a worker. An exported page has no worker to load, and makes
// all of them itself.

import { type FoldedLayout, layOutGraph } from "./folding";
import type { GraphShape } from "./layout";

/** A graph up to that size is laid out within a frame. */
const SMALL = 150;

let worker: Worker | null | undefined;
let orders = 0;
const waiting = new Map<number, { shape: GraphShape; give: (layout: FoldedLayout) => void }>();

export function layOutAside(shape: GraphShape): Promise<FoldedLayout> {
  if (shape.sizes.length + shape.edges.length <= SMALL) return Promise.resolve(layOutGraph(shape));
  worker ??= openWorker();
  if (worker === null) return Promise.resolve(layOutGraph(shape));
  const number = ++orders;
  worker.postMessage({ number, shape });
  return new Promise((give) => waiting.set(number, { shape, give }));
}

function openWorker(): Worker | null {
  if (location.protocol === "file:") return null;
  const opened = new Worker(new URL("./layout_worker.ts", import.meta.url), {
    type: "module",
    name: "layout-worker",
  });
  opened.onmessage = ({ data: { number, layout } }: MessageEvent<{ number: number; layout: FoldedLayout }>) => {
    waiting.get(number)?.give(layout);
    waiting.delete(number);
  };
  opened.onerror = () => {
    worker = null; // it could not be loaded: what it was asked for is made here
    for (const { shape, give } of waiting.values()) give(layOutGraph(shape));
    waiting.clear();
  };
  return opened;
}
