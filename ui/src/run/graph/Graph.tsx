// The Graph tab: who waited for whom, from left to right. A task with many runs is one node until it is opened, and a
// subflow opens in its place.

import { effect, useComputed, useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useMemo, useRef } from "preact/hooks";

import type { Get, TaskFeed } from "../../data/task_feed";
import { visible } from "../../text/visible";
import { NoTaskRuns } from "../NoTaskRuns";
import { Pace } from "../pace";
import { spanLabel } from "../spans";
import type { ViewState } from "../view_state";
import { ZoomButtons } from "../ZoomButtons";
import { GraphSource } from "./graph_source";
import { GraphStage } from "./graph_stage";
import "./graph.css";
import { layOutAside } from "./layout/layouts";
import { type Item, PictureMaker } from "./picture";

const KEY_ZOOM = 1.4;
/** A graph of very many task runs takes the server a while: it is not asked for more often. */
const REST_MS = 1000;

interface GraphProps {
  run: { id: string; ended_us: number | null };
  feed: TaskFeed;
  get: Get;
  view: ViewState;
  /** The task run whose drawer is open. */
  taskRun: number | null;
  onOpen: (run: string, taskRun: number) => void;
}

export function Graph({ run, feed, get, view, taskRun, onOpen }: GraphProps): JSX.Element {
  const canvas = useRef<HTMLCanvasElement>(null);
  const stage = useSignal<GraphStage | null>(null);
  const source = useMemo(() => new GraphSource(run.id, get, tasksIn(view.get("expand"))), [run.id]);
  const shownRun = useSignal(run);
  shownRun.value = run;

  useEffect(() => {
    const opened = new GraphStage(canvas.current!, (item) => choose(item, onOpen));
    const maker = new PictureMaker(layOutAside);
    let wanted = 0;
    const refresh = Pace.ofQuestions(() => source.refresh(), REST_MS);
    refresh.ask();
    const endings = [
      effect(() => {
        void [feed.store.version.value, shownRun.value];
        if (feed.isLoaded.value) refresh.ask();
      }),
      effect(() => {
        watch(source);
        const number = ++wanted;
        const isRunning = shownRun.value.ended_us === null;
        void maker.make(source).then((picture) => {
          if (number !== wanted) return;
          opened.show(picture, isRunning, () => feed.store.baseUs + feed.store.nowUs());
        });
      }),
      effect(() => {
        const expanded = JSON.stringify(source.expanded.value);
        view.set({ expand: expanded === "[]" ? null : expanded });
      }),
      () => refresh.close(),
      () => opened.close(),
    ];
    stage.value = opened;
    return () => {
      for (const end of endings) end();
    };
  }, [source]);

  useEffect(() => {
    stage.value?.select(taskRun === null ? null : `${run.id}/r:${taskRun}`);
  }, [taskRun, source, stage.value]);

  const summary = useComputed(() => summaryOf(source));
  return (
    <div class="graph">
      <div class="graph-tools" role="toolbar" aria-label="Graph">
        {source.expanded.value.map((task) => (
          <button key={task} type="button" class="chip" title="Show its runs as one again" onClick={() => source.toggleTask(task)}>
            {visible(task)} ×
          </button>
        ))}
        {source.answer.value?.is_truncated === true && <span class="graph-note">Only the first part is shown.</span>}
        <span class="graph-room" />
        <ZoomButtons
          onCloser={() => stage.value?.zoom(KEY_ZOOM)}
          onFarther={() => stage.value?.zoom(1 / KEY_ZOOM)}
          onFit={() => stage.value?.fit()}
        />
      </div>
      <canvas
        ref={canvas}
        class="graph-canvas"
        tabIndex={0}
        role="application"
        aria-roledescription="graph"
        aria-label={summary.value}
        aria-describedby="graph-keys"
      />
      <p class="graph-empty">{placeholderOf(source)}</p>
      {source.answer.value?.nodes.length === 0 && <NoTaskRuns hasEnded={run.ended_us !== null} view={view} />}
      <p id="graph-keys" class="unseen">
        Arrows go from node to node: left to what it waited for, right to what waited for it. Enter opens one. Plus and minus zoom, 0 shows
        everything. The Tasks tab has the task runs as a table.
      </p>
      {stage.value !== null && <Pointed stage={stage.value} />}
    </div>
  );
}

/** Says what the pointer or the keyboard is on. */
function Pointed({ stage }: { stage: GraphStage }): JSX.Element {
  const text = useComputed(() => (stage.hovered.value === null ? "" : describe(stage.hovered.value)));
  return (
    <p class="unseen" aria-live="polite">
      {text}
    </p>
  );
}

/** The tasks whose runs the address shows one by one: a JSON array, as a task may have any name. */
function tasksIn(text: string | null): string[] {
  try {
    const tasks: unknown = JSON.parse(text ?? "[]");
    return Array.isArray(tasks) ? tasks.filter((task) => typeof task === "string") : [];
  } catch {
    return []; // somebody wrote the address by hand
  }
}

function choose({ source, node }: Item, onOpen: GraphProps["onOpen"]): void {
  if (node.kind === "group" && node.task !== null) source.toggleTask(node.task);
  else if (node.kind === "subflow" && node.run !== null) source.toggleSubflow(node.run);
  else if (node.task_run !== null) onOpen(source.run, node.task_run);
}

/** What is said as long as there is no answer to draw. */
function placeholderOf({ answer, error }: GraphSource): string {
  if (answer.value !== null) return "";
  return error.value === null ? "Reading the graph…" : "The graph could not be read. It is asked for again with the next change.";
}

/** Reads the signals of all that a picture is made of, so that an effect runs when one of them moves. */
function watch(source: GraphSource): void {
  void source.answer.value;
  for (const opened of source.opened.value.values()) watch(opened);
}

function describe({ node }: Item): string {
  if (node.kind === "group") {
    const counts = Object.entries(node.counts).map(([type, count]) => `${count} ${type.toLowerCase()}`);
    return `${visible(node.label)}, ${node.runs} task runs: ${counts.join(", ")}`;
  }
  const ran = node.started_us !== null && node.ended_us !== null ? `, ${spanLabel(node.ended_us - node.started_us)}` : "";
  return `${visible(node.label)}, ${node.state ?? "of another flow run"}${ran}`;
}

function summaryOf(source: GraphSource): string {
  const answer = source.answer.value;
  if (answer === null) return "Graph of the task runs, being read";
  return `Graph of the task runs: ${answer.nodes.length} nodes, ${answer.edges.length} edges`;
}
