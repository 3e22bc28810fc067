// The strip above the timeline: the whole run at a glance, and the window on it. The density is painted once and kept; a
// frame copies it and draws the window over it.

import { STATE_TYPES } from "../../data/task_store";
import type { Theme } from "../theme";
import { densityOf } from "./density";
import type { Scene } from "./scene";
import { spanOf, type TimeWindow } from "./window";

export const OVERVIEW_HEIGHT = 44;
const MARGIN_TOP = 4;
const HANDLE_REACH = 6;

export class Overview {
  private readonly kept = document.createElement("canvas");
  private keptFor: { scene: Scene; theme: Theme; width: number } | null = null;

  constructor(private readonly context: CanvasRenderingContext2D) {}

  paint(scene: Scene, window: TimeWindow, theme: Theme, width: number, left: number, scale: number): void {
    if (this.keptFor?.scene !== scene || this.keptFor.theme !== theme || this.keptFor.width !== width) {
      this.keep(scene, theme, width - left, scale);
      this.keptFor = { scene, theme, width };
    }
    const { context } = this;
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.fillStyle = theme.sunken;
    context.fillRect(0, 0, width, OVERVIEW_HEIGHT);
    context.drawImage(this.kept, left, 0, width - left, OVERVIEW_HEIGHT);
    this.paintWindow(scene, window, theme, width, left);
  }

  private paintWindow(scene: Scene, window: TimeWindow, theme: Theme, width: number, left: number): void {
    const { context } = this;
    const { from, to } = edgesOf(scene.whole, window, width, left);
    context.globalAlpha = 0.7;
    context.fillStyle = theme.sunken;
    context.fillRect(left, 0, from - left, OVERVIEW_HEIGHT);
    context.fillRect(to, 0, width - to, OVERVIEW_HEIGHT);
    context.globalAlpha = 1;
    context.strokeStyle = theme.accent;
    context.lineWidth = 1;
    context.strokeRect(from + 0.5, 0.5, Math.max(2, to - from - 1), OVERVIEW_HEIGHT - 1);
    context.fillStyle = theme.accent;
    for (const x of [from, to - 3]) context.fillRect(x, OVERVIEW_HEIGHT / 2 - 8, 3, 16);
  }

  private keep(scene: Scene, theme: Theme, width: number, scale: number): void {
    const { kept } = this;
    kept.width = Math.max(1, Math.round(width * scale));
    kept.height = Math.round(OVERVIEW_HEIGHT * scale);
    const section = scene.sections[0];
    if (section === undefined) return;
    const columns = Math.max(1, Math.floor(width));
    const density = densityOf(section.store, section.marks, scene.whole, columns);
    const pen = kept.getContext("2d")!;
    pen.setTransform(scale, 0, 0, scale, 0, 0);
    const perRun = (OVERVIEW_HEIGHT - MARGIN_TOP) / Math.max(1e-9, density.most);
    const bottoms = new Float32Array(columns).fill(OVERVIEW_HEIGHT);
    const parts = [
      [density.bad, theme.marks[STATE_TYPES.indexOf("FAILED")]!],
      [density.good, theme.marks[STATE_TYPES.indexOf("COMPLETED")]!],
      [density.cancelled, theme.marks[STATE_TYPES.indexOf("CANCELLED")]!],
      [density.dimmed, theme.line],
    ] as const;
    for (const [values, colour] of parts) {
      pen.fillStyle = colour;
      for (let column = 0; column < columns; column++) {
        const value = values[column]!;
        if (value === 0) continue;
        const height = Math.max(values === density.bad ? 2 : 0.5, value * perRun);
        pen.fillRect(column, bottoms[column]! - height, 1, height);
        bottoms[column]! -= height;
      }
    }
  }
}

export type Grip = "from" | "to" | "inside" | "outside";

/** What of the window is at an x of the strip. */
export function gripAt(whole: TimeWindow, window: TimeWindow, width: number, left: number, x: number): Grip {
  const { from, to } = edgesOf(whole, window, width, left);
  if (Math.abs(x - from) <= HANDLE_REACH) return "from";
  if (Math.abs(x - to) <= HANDLE_REACH) return "to";
  return x > from && x < to ? "inside" : "outside";
}

export function usAt(whole: TimeWindow, width: number, left: number, x: number): number {
  return whole.from + ((x - left) / (width - left)) * spanOf(whole);
}

function edgesOf(whole: TimeWindow, window: TimeWindow, width: number, left: number): TimeWindow {
  const x = (us: number): number => left + ((us - whole.from) / Math.max(1, spanOf(whole))) * (width - left);
  const clamped = (value: number): number => Math.max(left, Math.min(width, value));
  const from = clamped(x(window.from));
  return { from, to: Math.max(from + 4, clamped(x(window.to))) };
}
