// Draws a picture of a graph as a camera sees it. Only what is in sight is drawn, and from afar less of it: no small print
// when it could not be read, no text when that would be a smear, straight lines in the place of curves.

import { ENDED_TYPES, STATE_TYPES, type StateType } from "../../data/task_store";
import { SIGNS } from "../../design/signs";
import { cutInside } from "../../text/cut";
import { visible } from "../../text/visible";
import { spanLabel } from "../spans";
import type { Theme } from "../theme";
import type { Camera } from "./camera";
import type { Frame } from "./layout/folding";
import { BOX_HEADER, type Item, type Picture, type Way } from "./picture";

const SMALL_PRINT_FROM = 0.55;
const TEXT_FROM = 0.32;
const CURVES_FROM = 0.25;
const CHARACTER = 0.56; // of the size of its letters, on average
const RADIUS = 6;

export interface GraphFrame {
  readonly width: number;
  readonly height: number;
  readonly scale: number;
  readonly camera: Camera;
  readonly nowUs: number;
  readonly hovered: Item | null;
  readonly selected: string | null;
  /** What belongs to the item that is pointed at: the rest is faint. */
  readonly relatives: { items: Uint8Array; ways: Uint8Array } | null;
}

export class GraphPainter {
  private frame!: GraphFrame;
  private theme!: Theme;
  private sight = { left: 0, top: 0, right: 0, bottom: 0 };

  constructor(private readonly context: CanvasRenderingContext2D) {}

  paint(picture: Picture, frame: GraphFrame, theme: Theme): void {
    const { context } = this;
    const { camera, scale } = frame;
    this.frame = frame;
    this.theme = theme;
    this.sight = {
      left: -camera.x / camera.zoom,
      top: -camera.y / camera.zoom,
      right: (frame.width - camera.x) / camera.zoom,
      bottom: (frame.height - camera.y) / camera.zoom,
    };
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.fillStyle = theme.sunken;
    context.fillRect(0, 0, frame.width, frame.height);
    const size = camera.zoom * scale;
    context.setTransform(size, 0, 0, size, camera.x * scale, camera.y * scale);
    for (const item of picture.items) if (item.isBox && this.isInSight(item)) this.paintBox(item);
    for (const frame of picture.frames) if (this.isInSight(frame)) this.paintFrame(frame);
    this.paintWays(picture);
    picture.items.forEach((item, at) => {
      if (item.isBox || !this.isInSight(item)) return;
      context.globalAlpha = frame.relatives === null || frame.relatives.items[at] === 1 ? 1 : 0.28;
      this.paintItem(item);
    });
    context.globalAlpha = 1;
  }

  private isInSight({ x, y, width, height }: Frame): boolean {
    const { left, top, right, bottom } = this.sight;
    return x <= right && x + width >= left && y <= bottom && y + height >= top;
  }

  // Edges -----------------------------------------------------------------------------------------------------------

  private paintWays({ ways }: Picture): void {
    const { context, theme, frame } = this;
    const { relatives } = frame;
    context.lineWidth = Math.max(1.25, 0.8 / frame.camera.zoom);
    context.strokeStyle = context.fillStyle = theme.muted;
    context.globalAlpha = relatives === null ? 0.5 : 0.14;
    this.strokeWays(ways, (at) => relatives === null || relatives.ways[at] === 0);
    context.globalAlpha = 1;
    if (relatives === null) return;
    context.strokeStyle = context.fillStyle = theme.accent;
    context.lineWidth *= 1.3;
    this.strokeWays(ways, (at) => relatives.ways[at] === 1);
  }

  private strokeWays(ways: readonly Way[], isMeant: (at: number) => boolean): void {
    const { context } = this;
    const isCurved = this.frame.camera.zoom >= CURVES_FROM;
    const meant = new Set<Float64Array>(); // the edges of a block run the same way: drawn a hundred times it would be fat
    ways.forEach((way, at) => {
      if (isMeant(at) && this.passes(way)) meant.add(way.points);
    });
    context.beginPath();
    for (const points of meant) trace(context, points, isCurved);
    context.stroke();
    if (this.frame.camera.zoom < SMALL_PRINT_FROM) return;
    context.beginPath();
    for (const points of meant) traceHead(context, points);
    context.fill();
  }

  private passes({ points }: Way): boolean {
    const { left, top, right, bottom } = this.sight;
    let [least, most] = [Infinity, -Infinity];
    for (let at = 1; at < points.length; at += 2) {
      least = Math.min(least, points[at]!);
      most = Math.max(most, points[at]!);
    }
    const [begin, end] = [points[0]!, points[points.length - 2]!];
    return Math.min(begin, end) <= right && Math.max(begin, end) >= left && least <= bottom && most >= top;
  }

  // Nodes -----------------------------------------------------------------------------------------------------------

  private paintItem(item: Item): void {
    const { context, theme } = this;
    const { node, x, y, width, height } = item;
    if (this.frame.camera.zoom < TEXT_FROM) {
      context.fillStyle = this.colourOf(worstOf(item)) ?? theme.muted;
      context.fillRect(x, y, width, height);
      return;
    }
    context.fillStyle = theme.surface;
    context.strokeStyle = this.outlineOf(item);
    context.lineWidth = this.isMarked(item) ? 2 : 1;
    context.setLineDash(node.kind === "outside" ? [4, 3] : []);
    context.beginPath();
    context.roundRect(x, y, width, height, RADIUS);
    context.fill();
    context.stroke();
    context.setLineDash([]);
    if (node.kind === "group") this.paintGroup(item);
    else this.paintSingle(item);
  }

  private paintSingle(item: Item): void {
    const { node, x, y, width, height } = item;
    const type = node.state_type;
    const left = type === null ? x + 12 : x + 32;
    if (type !== null) this.paintSign(type, x + 18, y + height / 2);
    const right = x + width - (node.kind === "subflow" ? 24 : 10);
    const detail = this.frame.camera.zoom >= SMALL_PRINT_FROM && node.kind !== "outside" ? this.detailOf(item) : "";
    const middle = y + height / 2;
    this.write(visible(node.label), left, detail === "" ? middle : middle - 8, 12.5, this.theme.text, right - left);
    if (detail !== "") this.write(detail, left, middle + 8, 10.5, this.theme.muted, right - left);
    if (node.kind === "subflow") this.paintTriangle(x + width - 14, middle, false);
  }

  /** A task with many runs: its name, how far it is, and a bar of the states of its runs. */
  private paintGroup(item: Item): void {
    const { context, theme } = this;
    const { node, x, y, width, height } = item;
    const left = x + 12;
    const count = node.runs.toLocaleString();
    const done = doneOf(item).toLocaleString();
    const right = done === count ? `× ${count}` : `${done} / ${count}`;
    const rightWidth = right.length * 11.5 * CHARACTER;
    this.write(visible(node.label), left, y + 19, 12.5, theme.text, width - 34 - rightWidth);
    context.textAlign = "right";
    this.write(right, x + width - 12, y + 19, 11.5, theme.muted, width / 2);
    context.textAlign = "left";
    this.paintProgress(item, left, y + height - 20, width - 24, 8);
    context.fillStyle = context.strokeStyle = this.outlineOf(item); // a second edge: there is more behind it
    context.beginPath();
    context.moveTo(x + RADIUS, y + height + 3);
    context.lineTo(x + width - RADIUS, y + height + 3);
    context.stroke();
  }

  private paintProgress({ node }: Item, x: number, y: number, width: number, height: number): void {
    const { context, theme } = this;
    context.save();
    context.beginPath();
    context.roundRect(x, y, width, height, height / 2);
    context.clip();
    context.fillStyle = theme.line;
    context.fillRect(x, y, width, height);
    let from = x;
    for (const type of PROGRESS_ORDER) {
      const count = node.counts[type] ?? 0;
      if (count === 0) continue;
      const part = Math.max(2, (width * count) / Math.max(1, node.runs)); // a single failure is seen
      context.fillStyle = this.colourOf(type)!;
      context.fillRect(from, y, part, height);
      from += part;
    }
    context.restore();
  }

  /** Round what belongs together: edges begin and end there. */
  private paintFrame({ x, y, width, height }: Frame): void {
    const { context, theme } = this;
    context.fillStyle = shadeOf(theme);
    context.strokeStyle = theme.strong;
    context.lineWidth = Math.max(1, 0.8 / this.frame.camera.zoom);
    context.beginPath();
    context.roundRect(x, y, width, height, RADIUS + 2);
    context.fill();
    context.stroke();
  }

  private paintBox(item: Item): void {
    const { context, theme } = this;
    const { node, x, y, width, height } = item;
    context.fillStyle = shadeOf(theme);
    context.strokeStyle = this.outlineOf(item);
    context.lineWidth = this.isMarked(item) ? 2 : 1;
    context.beginPath();
    context.roundRect(x, y, width, height, RADIUS + 2);
    context.fill();
    context.stroke();
    if (this.frame.camera.zoom < TEXT_FROM) return;
    if (node.state_type !== null) this.paintSign(node.state_type, x + 18, y + BOX_HEADER / 2);
    this.write(visible(node.label), x + 32, y + BOX_HEADER / 2, 12.5, theme.text, width - 64);
    this.paintTriangle(x + width - 16, y + BOX_HEADER / 2, true);
  }

  private paintSign(type: StateType, x: number, y: number): void {
    const { context, theme } = this;
    context.fillStyle = this.colourOf(type)!;
    context.beginPath();
    context.arc(x, y, 8, 0, 2 * Math.PI);
    context.fill();
    context.textAlign = "center";
    this.write(SIGNS[type], x, y + 0.5, 10, theme.onMarks[STATE_TYPES.indexOf(type)]!, 20);
    context.textAlign = "left";
  }

  private paintTriangle(x: number, y: number, isOpen: boolean): void {
    const { context } = this;
    context.fillStyle = this.theme.muted;
    context.beginPath();
    const corners = isOpen ? OPEN_TRIANGLE : CLOSED_TRIANGLE;
    for (const [dx, dy] of corners) context.lineTo(x + dx, y + dy);
    context.fill();
  }

  private write(text: string, x: number, y: number, size: number, colour: string, width: number): void {
    const { context } = this;
    context.font = `${size}px ${this.theme.font}`;
    context.textBaseline = "middle";
    context.fillStyle = colour;
    context.fillText(this.fitted(text, size, width), x, y);
  }

  /** The text, or as much of it as there is room for. Letters differ in width: what may be too wide is measured. */
  private fitted(text: string, size: number, width: number): string {
    const fits = (part: string): boolean => part.length * size <= width || this.context.measureText(part).width <= width;
    if (text.length <= (2 * width) / (size * CHARACTER) && fits(text)) return text;
    let characters = Math.max(2, Math.min(text.length, Math.floor(width / (size * CHARACTER)) + 2));
    while (characters > 2 && !fits(cutInside(text, characters))) characters--;
    return cutInside(text, characters);
  }

  private detailOf({ node }: Item): string {
    const state = node.state ?? "";
    if (node.started_us === null) return state;
    return `${state} · ${spanLabel((node.ended_us ?? this.frame.nowUs) - node.started_us)}`;
  }

  private outlineOf(item: Item): string {
    const { frame, theme } = this;
    if (item.key === frame.selected) return theme.accent;
    if (item === frame.hovered) return theme.text;
    const worst = worstOf(item);
    return worst === "FAILED" || worst === "CRASHED" || worst === "RUNNING" ? this.colourOf(worst)! : theme.strong;
  }

  private isMarked(item: Item): boolean {
    return item.key === this.frame.selected || item === this.frame.hovered;
  }

  private colourOf(type: StateType | null): string | null {
    return type === null ? null : this.theme.marks[STATE_TYPES.indexOf(type)]!;
  }
}

const OPEN_TRIANGLE = [
  [-5, -2.5],
  [5, -2.5],
  [0, 3.5],
] as const;
const CLOSED_TRIANGLE = [
  [-2.5, -5],
  [3.5, 0],
  [-2.5, 5],
] as const;

/** What is inside of something stands on a ground of its own. */
function shadeOf({ isDark }: Theme): string {
  return isDark ? "rgba(255,255,255,0.03)" : "rgba(0,0,0,0.025)";
}

/** Curves from column to column; straight where the way passes between nodes. */
function trace(context: CanvasRenderingContext2D, points: Float64Array, isCurved: boolean): void {
  if (points.length === 0) return;
  context.moveTo(points[0]!, points[1]!);
  for (let at = 2; at < points.length; at += 2) {
    const [x0, y0, x1, y1] = [points[at - 2]!, points[at - 1]!, points[at]!, points[at + 1]!];
    const middle = (x0 + x1) / 2;
    if (isCurved && y0 !== y1) context.bezierCurveTo(middle, y0, middle, y1, x1, y1);
    else context.lineTo(x1, y1);
  }
}

function traceHead(context: CanvasRenderingContext2D, points: Float64Array): void {
  if (points.length === 0) return;
  const [x, y] = [points[points.length - 2]!, points[points.length - 1]!];
  const back = x >= points[points.length - 4]! ? -6 : 6;
  context.moveTo(x, y);
  context.lineTo(x + back, y - 3.5);
  context.lineTo(x + back, y + 3.5);
}

/** The states of a group's runs in the order of its bar: what has ended from the left, failures first. */
const PROGRESS_ORDER: readonly StateType[] = ["FAILED", "CRASHED", "COMPLETED", "CANCELLED", "RUNNING", "CANCELLING", "PAUSED"];
const URGENT: readonly StateType[] = ["FAILED", "CRASHED", "RUNNING", "CANCELLING", "PAUSED", "CANCELLED", "COMPLETED"];

function doneOf({ node }: Item): number {
  return ENDED_TYPES.reduce((sum, type) => sum + (node.counts[type] ?? 0), 0);
}

/** The state that stands for a node: of a group the most urgent of its runs. */
export function worstOf({ node }: Item): StateType | null {
  if (node.kind !== "group") return node.state_type;
  return URGENT.find((type) => (node.counts[type] ?? 0) > 0) ?? "PENDING";
}
