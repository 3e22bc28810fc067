// What there is to be drawn, from top to bottom: the task runs of the flow run, then a line for each of its subflows,
// which has their task runs below it when it is open. Each section has a store and lanes of its own; all share one time
// line, so a section says by how much its own zero is later.

import { NONE, type TaskStore } from "../../data/task_store";
import { barEnd, barStart, type Lanes, laneAt, trackAt } from "./lanes";
import type { Pyramid } from "./pyramid";
import type { TimeWindow } from "./window";

export interface Section {
  readonly kind: "tasks" | "subflow";
  /** The flow run that its rows belong to; of a subflow's line that subflow. */
  readonly run: string;
  readonly depth: number;
  readonly store: TaskStore;
  readonly lanes: Lanes;
  readonly marks: Uint8Array;
  readonly pyramid: Pyramid;
  readonly shiftUs: number;
  readonly isOpen: boolean;
  /** Its upper edge in the scene. */
  readonly top: number;
}

export interface Scene {
  readonly sections: readonly Section[];
  readonly height: number;
  /** From the start of the run to its last known moment. */
  readonly whole: TimeWindow;
  readonly isRunning: boolean;
}

/** A row of a section: what is pointed at, selected or described. */
export interface Spot {
  readonly section: Section;
  readonly row: number;
}

export function stacked(sections: readonly Omit<Section, "top">[], whole: TimeWindow, isRunning: boolean): Scene {
  let top = 0;
  const placed = sections.map((section) => {
    const at = { ...section, top };
    top += section.lanes.height;
    return at;
  });
  return { sections: placed, height: top, whole, isRunning };
}

export function sectionAt(scene: Scene, y: number): Section | null {
  return scene.sections.find((section) => y >= section.top && y < section.top + section.lanes.height) ?? null;
}

/** What is drawn at a time and height, give or take some time; of what overlaps there, what was drawn last. */
export function spotAt(scene: Scene, us: number, y: number, toleranceUs: number, nowUs: number): Spot | null {
  const section = sectionAt(scene, y);
  if (section === null) return null;
  const { lanes, store } = section;
  const track = trackAt(lanes, y - section.top);
  if (track === NONE) return null;
  const at = us - section.shiftUs;
  let nearest: Spot | null = null;
  let nearestUs = toleranceUs;
  for (let place = lanes.firstPlace[track]!; place < lanes.firstPlace[track + 1]!; place++) {
    const row = lanes.rows[place]!;
    const start = lanes.waitFrom[place]!;
    const end = Math.min(barEnd(store, row), nowUs - section.shiftUs);
    const distance = at < start ? start - at : at > end ? at - end : 0;
    if (distance > nearestUs) continue;
    nearest = { section, row };
    nearestUs = distance;
  }
  return nearest;
}

/** Where a row is: its height in the scene, and from when to when by the scene's time. */
export function placeOf(spot: Spot, nowUs: number): { top: number; height: number; from: number; start: number; to: number } {
  const { section, row } = spot;
  const { lanes, store } = section;
  const track = lanes.trackOf[row]!;
  const shown = barStart(store, row);
  const to = Math.min(barEnd(store, row) + section.shiftUs, nowUs);
  return {
    top: section.top + lanes.trackTop[track]!,
    height: lanes.trackHeight[track]!,
    from: store.submitted[row]! + section.shiftUs,
    start: Number.isNaN(shown) ? to : shown + section.shiftUs,
    to,
  };
}

export type Direction = "next" | "previous" | "up" | "down";

/** The task run beside another: along its track by time, or the one nearest in time on the track above or below. */
export function neighbour(scene: Scene, spot: Spot, direction: Direction): Spot | null {
  const { section, row } = spot;
  const { lanes } = section;
  const track = lanes.trackOf[row]!;
  if (direction === "next" || direction === "previous") {
    const place = lanes.rows.indexOf(row, lanes.firstPlace[track]) + (direction === "next" ? 1 : -1);
    const isOnTrack = place >= lanes.firstPlace[track]! && place < lanes.firstPlace[track + 1]!;
    return isOnTrack ? { section, row: lanes.rows[place]! } : null;
  }
  const step = direction === "down" ? 1 : -1;
  const start = timeOf(section, row) + section.shiftUs;
  if (track + step >= 0 && track + step < lanes.trackTop.length) return nearestOn(section, track + step, start);
  const beside = scene.sections[scene.sections.indexOf(section) + step];
  if (beside === undefined || beside.lanes.trackTop.length === 0) return null;
  return nearestOn(beside, direction === "down" ? 0 : beside.lanes.trackTop.length - 1, start);
}

function nearestOn(section: Section, track: number, us: number): Spot {
  const { lanes } = section;
  let best = lanes.firstPlace[track]!;
  for (let place = best + 1; place < lanes.firstPlace[track + 1]!; place++) {
    const distance = (at: number): number => Math.abs(timeOf(section, lanes.rows[at]!) + section.shiftUs - us);
    if (distance(place) < distance(best)) best = place;
  }
  return { section, row: lanes.rows[best]! };
}

function timeOf(section: Section, row: number): number {
  const start = barStart(section.store, row);
  return Number.isNaN(start) ? section.store.submitted[row]! : start;
}

/** The lane at a height of the scene, for what is written beside it. */
export function laneOf(scene: Scene, y: number): { section: Section; lane: number } | null {
  const section = sectionAt(scene, y);
  if (section === null) return null;
  const lane = laneAt(section.lanes, y - section.top);
  return lane === NONE ? null : { section, lane };
}
