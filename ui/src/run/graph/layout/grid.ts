// A block of a graph as a grid: a chain beside the other, row by row, a little wider than high. Pure.

import type { Chain, Size } from "./blocks";

/** How much wider than high a grid is: as the window is that it should fill, with room for what stands before and behind it. */
const SHAPE = 1.6;
const PADDING = 14;
const GAP = 14;
/** Between the steps of a chain, for the edge from one to the next; chains of several steps stand twice as far apart. */
const STEP_GAP = 28;

export interface Grid {
  readonly size: Size;
  /** Where each node of each chain stands, from the left upper corner of the grid. */
  readonly places: readonly (readonly (readonly [x: number, y: number])[])[];
}

/** The grid of chains whose nodes have the same sizes, step by step. */
export function gridOf(chains: readonly Chain[], sizes: readonly Size[]): Grid {
  const steps = chains[0]!.map((node) => sizes[node]!);
  const width = steps.reduce((sum, [stepWidth]) => sum + stepWidth + STEP_GAP, -STEP_GAP);
  const height = Math.max(...steps.map(([, stepHeight]) => stepHeight));
  const [across, along] = [width + (steps.length > 1 ? 2 * STEP_GAP : GAP), height + GAP];
  const columns = Math.max(1, Math.round(Math.sqrt((chains.length * along * SHAPE) / across)));
  const rows = Math.ceil(chains.length / columns);
  return {
    size: [columns * across - (across - width) + 2 * PADDING, rows * along - GAP + 2 * PADDING],
    places: chains.map((_, at) => {
      let x = PADDING + (at % columns) * across;
      const top = PADDING + Math.floor(at / columns) * along;
      return steps.map(([stepWidth, stepHeight]) => {
        const place = [x, top + (height - stepHeight) / 2] as const;
        x += stepWidth + STEP_GAP;
        return place;
      });
    }),
  };
}
