// What stands round the bars: the grid, bands and names of the lanes, the time axis, the line of now, the scroll bar.

import { cutInside } from "../../text/cut";
import type { Theme } from "../theme";
import { AXIS_HEIGHT, CHARACTER_WIDTH, type Frame, LABEL_FONT_SIZE, usPerPixel, xOf, yOf } from "./frame";
import { KeptTexts } from "./kept_texts";
import { type Lanes, labelOf } from "./lanes";
import type { Scene, Section } from "./scene";
import { clockLabel, midnightBefore, relativeLabel, type Ticks, ticksOf } from "./ticks";

const INDENT = 14;
export const SCROLL_BAR_WIDTH = 8;

export function paintGrid(context: CanvasRenderingContext2D, frame: Frame, theme: Theme): void {
  const { first, stepUs } = ticksIn(frame);
  context.fillStyle = theme.line;
  for (let us = first; us <= frame.window.to; us += stepUs)
    context.fillRect(Math.round(xOf(frame, us)), AXIS_HEIGHT, 1, frame.height - AXIS_HEIGHT);
}

/** Every other lane on a darker ground. */
export function paintBands(context: CanvasRenderingContext2D, scene: Scene, frame: Frame, theme: Theme): void {
  context.fillStyle = theme.sunken;
  forLanesInSight(scene, frame, (_section, lane, y, height) => {
    if (lane % 2 === 1) context.fillRect(0, y, frame.width, height);
  });
}

export function paintNames(context: CanvasRenderingContext2D, scene: Scene, frame: Frame, theme: Theme): void {
  context.fillStyle = theme.line;
  context.fillRect(frame.left - 1, AXIS_HEIGHT, 1, frame.height - AXIS_HEIGHT);
  context.font = `${LABEL_FONT_SIZE}px ${theme.font}`;
  context.textBaseline = "middle";
  forLanesInSight(scene, frame, (section, lane, y, height) => {
    const left = 10 + section.depth * INDENT + (section.kind === "subflow" ? 12 : 0);
    const middle = y + Math.min(height / 2, 17);
    const waiting = section.lanes.waiting[lane]!;
    let right = frame.left - 8;
    if (waiting > 0 && frame.left > 120) {
      const text = `${waiting.toLocaleString()} wait`;
      context.fillStyle = theme.muted;
      context.textAlign = "right";
      context.fillText(text, right, middle);
      right -= text.length * CHARACTER_WIDTH;
    }
    context.textAlign = "left";
    if (section.kind === "subflow") {
      context.fillStyle = theme.muted;
      paintTriangle(context, left - 8, middle, section.isOpen);
    }
    context.fillStyle = section.kind === "subflow" ? theme.accent : theme.text;
    context.fillText(fitting(nameOf(section, lane), right - left), left, middle);
  });
}

export function paintAxis(context: CanvasRenderingContext2D, frame: Frame, theme: Theme): void {
  context.fillStyle = theme.surface;
  context.fillRect(0, 0, frame.width, AXIS_HEIGHT);
  context.fillStyle = theme.line;
  context.fillRect(0, AXIS_HEIGHT - 1, frame.width, 1);
  context.font = `${LABEL_FONT_SIZE}px ${theme.font}`;
  context.textBaseline = "middle";
  context.textAlign = "center";
  context.fillStyle = theme.muted;
  const { first, stepUs } = ticksIn(frame);
  for (let us = first; us <= frame.window.to; us += stepUs) {
    const x = xOf(frame, us);
    if (x < frame.left || x > frame.width - 24) continue;
    context.textAlign = x < frame.left + 12 ? "left" : "center";
    context.fillText(labelAt(frame, us, stepUs), x, AXIS_HEIGHT / 2);
  }
  context.textAlign = "center";
  if (frame.pointerX !== null && frame.pointerX > frame.left) paintPointer(context, frame, theme, frame.pointerX);
}

/** The line that says until when is known, while the run goes on. */
export function paintNow(context: CanvasRenderingContext2D, frame: Frame, theme: Theme): void {
  context.globalAlpha = 0.7;
  context.fillStyle = theme.accent;
  context.fillRect(Math.round(xOf(frame, frame.nowUs)), AXIS_HEIGHT, 1, frame.height - AXIS_HEIGHT);
  context.globalAlpha = 1;
}

export function paintScrollBar(context: CanvasRenderingContext2D, scene: Scene, frame: Frame, theme: Theme): void {
  const room = frame.height - AXIS_HEIGHT;
  if (scene.height <= room) return;
  const length = Math.max(24, (room * room) / scene.height);
  const y = AXIS_HEIGHT + ((room - length) * frame.scrollY) / (scene.height - room);
  context.globalAlpha = 0.35;
  context.fillStyle = theme.muted;
  context.fillRect(frame.width - SCROLL_BAR_WIDTH + 2, y, SCROLL_BAR_WIDTH - 4, length);
  context.globalAlpha = 1;
}

/** A hair line at the pointer, and the time there. */
function paintPointer(context: CanvasRenderingContext2D, frame: Frame, theme: Theme, x: number): void {
  const us = frame.window.from + (x - frame.left) * usPerPixel(frame);
  const text = labelAt(frame, us, usPerPixel(frame));
  const width = text.length * CHARACTER_WIDTH + 12;
  const left = Math.min(Math.max(frame.left, x - width / 2), frame.width - width);
  context.globalAlpha = 0.35;
  context.fillStyle = theme.text;
  context.fillRect(Math.round(x), AXIS_HEIGHT, 1, frame.height - AXIS_HEIGHT);
  context.globalAlpha = 1;
  context.fillRect(left, 5, width, AXIS_HEIGHT - 10);
  context.fillStyle = theme.surface;
  context.fillText(text, left + width / 2, AXIS_HEIGHT / 2);
}

function ticksIn(frame: Frame): Ticks {
  const atMost = Math.floor((frame.width - frame.left) / 96);
  const { from, to } = frame.window;
  if (frame.clockFromUs === null) return ticksOf(from, to, atMost);
  return ticksOf(from, to, atMost, midnightBefore(frame.clockFromUs) - frame.clockFromUs);
}

function labelAt(frame: Frame, us: number, stepUs: number): string {
  return frame.clockFromUs === null ? relativeLabel(us, stepUs) : clockLabel(frame.clockFromUs + us, stepUs);
}

function forLanesInSight(scene: Scene, frame: Frame, tell: (section: Section, lane: number, y: number, height: number) => void): void {
  for (const section of scene.sections) {
    const { lanes } = section;
    if (yOf(frame, section.top) > frame.height || yOf(frame, section.top + lanes.height) < AXIS_HEIGHT) continue;
    for (let lane = firstLaneFrom(section, frame.scrollY - section.top); lane < lanes.count; lane++) {
      const y = yOf(frame, section.top + lanes.top[lane]!);
      if (y > frame.height) break;
      tell(section, lane, y, lanes.top[lane + 1]! - lanes.top[lane]!);
    }
  }
}

function firstLaneFrom(section: Section, y: number): number {
  let low = 0;
  let high = section.lanes.count;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (section.lanes.top[middle + 1]! < y) low = middle + 1;
    else high = middle;
  }
  return low;
}

const names = new KeptTexts<Lanes>();

function nameOf({ store, lanes }: Section, lane: number): string {
  return names.of(lanes, lane, () => labelOf(store, lanes, lane));
}

function fitting(text: string, width: number): string {
  return cutInside(text, Math.max(2, Math.floor(width / CHARACTER_WIDTH)));
}

function paintTriangle(context: CanvasRenderingContext2D, x: number, y: number, isOpen: boolean): void {
  context.beginPath();
  if (isOpen) {
    context.moveTo(x - 4, y - 2);
    context.lineTo(x + 4, y - 2);
    context.lineTo(x, y + 4);
  } else {
    context.moveTo(x - 2, y - 4);
    context.lineTo(x + 4, y);
    context.lineTo(x - 2, y + 4);
  }
  context.fill();
}
