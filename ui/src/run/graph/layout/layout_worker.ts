// Lays graphs out beside the page, which stays fluid meanwhile. See layouts.ts.

import { layOutGraph } from "./folding";
import type { GraphShape } from "./layout";

interface Order {
  number: number;
  shape: GraphShape;
}

self.onmessage = ({ data: { number, shape } }: MessageEvent<Order>): void => {
  self.postMessage({ number, layout: layOutGraph(shape) });
};
