// Makes the scene of a flow run from its stores: lays out lanes, marks what the filter wants, builds pyramids. What has not
// changed since the last time is taken over.

import type { TaskFeed } from "../../data/task_feed";
import type { TaskStore } from "../../data/task_store";
import type { Family, RunTimes } from "./family";
import { defaultMode, type LaneMode, type Lanes, layOut } from "./lanes";
import { type Filter, marksOf } from "./marks";
import { Pyramid } from "./pyramid";
import { type Scene, type Section, stacked } from "./scene";

type Unplaced = Omit<Section, "top">;

export interface Wishes {
  /** Null: what suits the number of task runs. */
  readonly mode: LaneMode | null;
  readonly filter: Filter;
}

interface Kept {
  version: number;
  mode: LaneMode;
  filter: Filter;
  lanes: Lanes;
  marks: Uint8Array;
  pyramid: Pyramid;
}

export class SceneMaker {
  private readonly kept = new WeakMap<TaskStore, Kept>();

  make(run: RunTimes, feed: TaskFeed, family: Family, wishes: Wishes, nowUs: number): Scene {
    const sections: Unplaced[] = [];
    this.add(sections, run.id, feed, family, wishes, 0, 0);
    const isRunning = run.ended_us === null;
    const lastUs = run.ended_us === null ? nowUs : run.ended_us - run.created_us;
    const to = sections.reduce((latest, section) => Math.max(latest, lastEndOf(section)), Math.max(lastUs, 1));
    return stacked(sections, { from: 0, to }, isRunning);
  }

  private add(sections: Unplaced[], run: string, feed: TaskFeed, family: Family, wishes: Wishes, depth: number, shiftUs: number): void {
    const mode = wishes.mode ?? defaultMode(feed.store);
    sections.push(this.section("tasks", run, feed.store, mode, wishes.filter, depth, shiftUs, true));
    for (const { run: subflow, line, isOpen, inside } of family.members.peek()) {
      const shift = shiftUs + subflow.created_us - feed.store.baseUs;
      sections.push(this.section("subflow", subflow.id, line, "run", wishes.filter, depth, shift, isOpen.peek()));
      if (isOpen.peek() && inside !== null) this.add(sections, subflow.id, inside.feed, inside.family, wishes, depth + 1, shift);
    }
  }

  private section(
    kind: Section["kind"],
    run: string,
    store: TaskStore,
    mode: LaneMode,
    filter: Filter,
    depth: number,
    shiftUs: number,
    isOpen: boolean,
  ): Unplaced {
    const { lanes, marks, pyramid } = this.keptFor(store, mode, filter);
    return { kind, run, depth, store, lanes, marks, pyramid, shiftUs, isOpen };
  }

  private keptFor(store: TaskStore, mode: LaneMode, filter: Filter): Kept {
    const version = store.version.peek();
    const known = this.kept.get(store);
    const hasLanes = known?.version === version && known.mode === mode;
    if (hasLanes && known.filter === filter) return known;
    const lanes = hasLanes ? known.lanes : layOut(store, mode);
    const marks = marksOf(store, filter);
    const made = {
      version,
      mode,
      filter,
      lanes,
      marks,
      pyramid: new Pyramid(store, lanes, marks),
    };
    this.kept.set(store, made);
    return made;
  }
}

/** Reads the signals of all that a scene is made of, so that an effect runs when one of them moves. */
export function watch(feed: TaskFeed, family: Family): void {
  void feed.store.version.value;
  for (const { isOpen, inside } of family.members.value) if (isOpen.value && inside !== null) watch(inside.feed, inside.family);
}

function lastEndOf({ store, shiftUs }: Unplaced): number {
  let last = -Infinity;
  for (let row = 0; row < store.length; row++) if (store.ended[row]! > last) last = store.ended[row]!;
  return last + shiftUs;
}
