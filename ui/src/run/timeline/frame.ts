// One picture of the timeline: how large it is, what part of the time line it shows, and what is marked in it.

import type { Spot } from "./scene";
import { spanOf, type TimeWindow } from "./window";

/** The height of the time axis, above the lanes. */
export const AXIS_HEIGHT = 28;
export const LABEL_FONT_SIZE = 11;
/** About how wide a character of the labels is: measuring each text in each frame would cost more than the bars. */
export const CHARACTER_WIDTH = 6.2;

export interface Frame {
  readonly width: number;
  readonly height: number;
  /** Device pixels to one of CSS. */
  readonly scale: number;
  /** Where the lanes begin: left of it are their names. */
  readonly left: number;
  readonly window: TimeWindow;
  readonly scrollY: number;
  readonly nowUs: number;
  /** When the run began, for the time of day on the axis; null for the time since then. */
  readonly clockFromUs: number | null;
  readonly pointerX: number | null;
  readonly hovered: Spot | null;
  readonly selected: Spot | null;
  /** The task runs of the critical path in order of time; none when it is not shown. */
  readonly critical: readonly number[];
}

export function usPerPixel(frame: Frame): number {
  return spanOf(frame.window) / (frame.width - frame.left);
}

/** Where a time of the scene is, in CSS pixels. */
export function xOf(frame: Frame, us: number): number {
  return frame.left + (us - frame.window.from) / usPerPixel(frame);
}

/** Where a height of the scene is. */
export function yOf(frame: Frame, sceneY: number): number {
  return AXIS_HEIGHT + sceneY - frame.scrollY;
}
