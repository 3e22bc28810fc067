// The Timeline tab: the task runs of a flow run over time, on a canvas, with what is needed to find one's way in them.

import { effect, useComputed, useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useMemo, useRef } from "preact/hooks";

import type { Get, TaskFeed } from "../../data/task_feed";
import type { TaskStore } from "../../data/task_store";
import { NoTaskRuns } from "../NoTaskRuns";
import { Pace } from "../pace";
import { chosenTypes } from "../StateChoices";
import type { ViewState } from "../view_state";
import { Card } from "./Card";
import { Family, type RunTimes } from "./family";
import { holdLanes, holdStrip } from "./gestures";
import { defaultMode, type LaneMode } from "./lanes";
import { SceneMaker, watch } from "./sections";
import { Stage } from "./stage";
import "./timeline.css";
import { Tools } from "./Tools";

interface TimelineProps {
  run: RunTimes;
  feed: TaskFeed;
  get: Get;
  view: ViewState;
  /** The task run whose drawer is open. */
  taskRun: number | null;
  onOpen: (run: string, taskRun: number) => void;
}

/** Subflows, and what the end of the run waited for, are not asked for more often. */
const FACTS_REST_MS = 2000;
const MODES: readonly LaneMode[] = ["worker", "task", "run"];

export function Timeline({ run, feed, get, view, taskRun, onOpen }: TimelineProps): JSX.Element {
  const lanes = useRef<HTMLCanvasElement>(null);
  const strip = useRef<HTMLCanvasElement>(null);
  const stage = useSignal<Stage | null>(null);
  const family = useMemo(() => new Family(run.id, get), [run.id]);
  const mode = useComputed(() => MODES.find((known) => known === view.get("lanes")) ?? null);
  const text = useComputed(() => view.get("text") ?? "");
  const state = useComputed(() => view.get("state"));
  const filter = useComputed(() => {
    void state.value;
    return { text: text.value, types: chosenTypes(view) };
  });
  const isClock = useComputed(() => view.get("clock") !== null);
  const hasPath = useComputed(() => view.get("path") === null);
  const path = useSignal<readonly number[]>([]);
  const shownRun = useSignal(run);
  shownRun.value = run;
  const shownTaskRun = useSignal(taskRun);
  shownTaskRun.value = taskRun;
  const shownMode = useComputed(() => {
    void feed.store.version.value;
    return mode.value ?? defaultMode(feed.store);
  });
  const summary = useComputed(() => summaryOf(feed.store));
  const isEmpty = useComputed(() => isWithoutBars(feed, family));

  useEffect(() => {
    const opened = new Stage(lanes.current!, strip.current!);
    const maker = new SceneMaker();
    const select = (): void => {
      const id = shownTaskRun.peek();
      opened.select(id === null ? null : opened.spotOf(run.id, feed.store.rowOf(id)));
    };
    const scenes = new Pace(() => {
      const wishes = { mode: mode.peek(), filter: filter.peek() };
      opened.show(maker.make(shownRun.peek(), feed, family, wishes, feed.store.nowUs()), () => feed.store.nowUs());
      if (!opened.hasSelection) select(); // it may not have been read before
    });
    const facts = Pace.ofQuestions(async () => {
      await family.refresh();
      path.value = await readPath(run.id, get);
    }, FACTS_REST_MS);
    const endings = [
      holdLanes(opened, {
        open: ({ section, row }) => onOpen(section.run, section.store.id[row]!),
        toggle: (section) => family.toggle(section.run),
      }),
      holdStrip(opened),
      effect(() => {
        watch(feed, family);
        void [mode.value, filter.value, shownRun.value];
        scenes.ask();
      }),
      effect(() => {
        void feed.store.version.value;
        if (feed.isLoaded.value) facts.ask();
      }),
      effect(() => {
        void shownTaskRun.value;
        select();
      }),
      effect(() => {
        const clockFromUs = isClock.value ? shownRun.value.created_us : null;
        opened.set({ clockFromUs, critical: hasPath.value ? path.value : [] });
      }),
      () => scenes.close(),
      () => facts.close(),
      () => opened.close(),
    ];
    stage.value = opened;
    return () => {
      for (const end of endings) end();
    };
  }, [family]);

  return (
    <div class={`timeline ${isEmpty.value ? "is-empty" : ""}`}>
      {isEmpty.value && <NoTaskRuns hasEnded={run.ended_us !== null} view={view} />}
      <Tools store={feed.store} stage={stage.value} view={view} mode={shownMode.value} />
      <canvas ref={strip} class="timeline-strip" role="img" aria-label="The whole run, and the part that is shown below" />
      <div class="timeline-stage">
        <canvas
          ref={lanes}
          class="timeline-lanes"
          tabIndex={0}
          role="application"
          aria-roledescription="timeline"
          aria-label={summary.value}
          aria-describedby="timeline-keys"
        />
        {stage.value !== null && <Card stage={stage.value} />}
      </div>
      <p id="timeline-keys" class="unseen">
        Plus and minus zoom, 0 shows everything, arrows move. Shift with arrows goes from task run to task run, Enter opens it. The Tasks
        tab has the same as a table.
      </p>
    </div>
  );
}

async function readPath(run: string, get: Get): Promise<readonly number[]> {
  return (await get<{ task_runs: number[] }>(`/api/runs/${run}/critical-path`)).task_runs;
}

/** Whether all has been read, and nothing of it would be seen. */
function isWithoutBars({ store, isLoaded }: TaskFeed, family: Family): boolean {
  void store.version.value;
  return isLoaded.value && family.isLoaded.value && store.length === 0 && family.members.value.length === 0;
}

/** What the picture shows, in a sentence. */
function summaryOf(store: TaskStore): string {
  void store.version.value;
  const counts = new Map<string, number>();
  for (let row = 0; row < store.length; row++) {
    const type = store.stateTypeOf(row).toLowerCase();
    counts.set(type, (counts.get(type) ?? 0) + 1);
  }
  const parts = [...counts].map(([type, count]) => `${count.toLocaleString()} ${type}`);
  const taskRuns = store.length === 1 ? "1 task run" : `${store.length.toLocaleString()} task runs`;
  return `Timeline of ${taskRuns}: ${parts.join(", ") || "none yet"}`;
}
