// The page of one flow run: its head, the tabs, and the drawer of the task run that is looked at. It reads the run again with
// each change of it, and patches in place what is shown.

import { type ReadonlySignal, useComputed, useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useMemo } from "preact/hooks";

import { type Get, TaskFeed } from "../../data/task_feed";
import type { Run, TaskRun } from "../../data/views";
import { Drawer } from "../../run/drawer/Drawer";
import { Graph } from "../../run/graph/Graph";
import { History } from "../../run/history/History";
import { messageOf, type Post } from "../../run/launch/post";
import { Resume } from "../../run/launch/Resume";
import { Logs } from "../../run/logs/Logs";
import { useAnswers } from "../../run/pace";
import "../../run/tabs.css";
import { Tasks } from "../../run/tasks/Tasks";
import { Timeline } from "../../run/timeline/Timeline";
import type { ViewState } from "../../run/view_state";
import { moodOf, showMood } from "../../shell/mood";
import { visible } from "../../text/visible";
import { neighbourOf } from "./neighbours";
import { RunHeader } from "./RunHeader";
import "./run_page.css";
import { canRerun } from "./summary";
import { Tabs } from "./Tabs";
import { tabOf } from "./tab_names";

export interface RunPageProps {
  id: string;
  get: Get;
  post: Post;
  /** Moves on with each change of the run. */
  changes: ReadonlySignal<number>;
  view: ViewState;
  isExported: boolean;
  notify: (text: string) => void;
  onGo: (address: string) => void;
}

export function RunPage(props: RunPageProps): JSX.Element {
  const { id, get, changes, view } = props;
  const shown = useSignal<Run | null>(null);
  const error = useSignal<unknown>(null);
  const feed = useMemo(() => new TaskFeed(id, get), [id, get]);

  useAnswers(changes, () => feed.refresh(), [feed]);
  useAnswers(
    changes,
    (isWanted) =>
      get<Run>(`/api/runs/${id}`).then(
        (answer) => isWanted() && ((shown.value = answer), (error.value = null)),
        (reason: unknown) => isWanted() && (error.value = reason),
      ),
    [id, get],
  );

  const run = shown.value?.id === id ? shown.value : null;
  if (run === null && error.value === null) return <main class="run-page" aria-busy="true" />;
  if (run === null)
    return (
      <main class="run-page is-missing">
        <h1>This run cannot be shown</h1>
        <p>{visible(messageOf(error.value))}</p>
        <p>
          <a href="/runs">All runs</a>
        </p>
      </main>
    );
  return <Loaded {...props} run={run} feed={feed} view={view} />;
}

function Loaded(props: RunPageProps & { run: Run; feed: TaskFeed }): JSX.Element {
  const { run, feed, get, post, changes, view, isExported, notify, onGo } = props;
  const nowUs = useNow(feed, run);
  useEffect(() => showMood(`${visible(run.name)}: ${run.state}`, moodOf(run.state_type)), [run.name, run.state]);
  const order = useSignal<readonly number[]>([]);
  const resumeFrom = useSignal<TaskRun | null>(null);
  const tab = tabOf(view.get("tab"));
  const given = view.get("task_run");
  const taskRun = given !== null && /^\d+$/.test(given) ? Number(given) : null;
  const isLive = run.ended_us === null && !isExported;
  const open = (opened: number | null): void => view.set({ task_run: opened === null ? null : String(opened) });
  const openOf = (of: string, opened: number): void => (of === run.id ? open(opened) : onGo(`/runs/${of}?task_run=${opened}`));
  return (
    <main class="run-page">
      <RunHeader
        run={run}
        get={get}
        post={post}
        nowUs={nowUs}
        isExported={isExported}
        notify={notify}
        onGo={onGo}
        onShowTasks={(types) => view.set({ tab: "tasks", state: types })}
      />
      <Tabs current={tab} onTab={(next) => view.set({ tab: next })} />
      <div class="run-tab" role="tabpanel" id="run-tab" aria-labelledby={`tab-${tab}`}>
        {tab === "timeline" && <Timeline run={run} feed={feed} get={get} view={view} taskRun={taskRun} onOpen={openOf} />}
        {tab === "graph" && <Graph run={run} feed={feed} get={get} view={view} taskRun={taskRun} onOpen={openOf} />}
        {tab === "tasks" && <Tasks feed={feed} view={view} taskRun={taskRun} onOpen={open} shown={order} />}
        {tab === "logs" && (
          <Logs
            run={run.id}
            name={run.name}
            startedUs={run.started_us ?? run.created_us}
            get={get}
            changes={changes}
            isLive={isLive}
            view={view}
            onOpen={open}
          />
        )}
        {tab === "history" && <History run={run.id} createdUs={run.created_us} get={get} changes={changes} onOpen={open} />}
      </div>
      {taskRun !== null && (
        <Drawer
          run={run.id}
          taskRun={taskRun}
          get={get}
          changes={changes}
          isLive={isLive}
          isExported={isExported}
          onOpen={open}
          onClose={() => open(null)}
          onStep={(by) => open(neighbourOf(taskRun, by, tab === "tasks" ? order.peek() : [], feed.store))}
          onResume={!isExported && canRerun(run) ? (task) => (resumeFrom.value = task) : null}
        />
      )}
      {resumeFrom.value !== null && (
        <Resume
          run={run}
          kind={{ from: "task_run", task: resumeFrom.value }}
          get={get}
          post={post}
          onClose={() => (resumeFrom.value = null)}
          onResumed={() => {
            resumeFrom.value = null;
            notify(`${run.name} goes on.`);
          }}
        />
      )}
    </main>
  );
}

/** Now by the server's clock; it moves on a few times a second while the run does and the page is looked at. */
function useNow(feed: TaskFeed, run: Run): ReadonlySignal<number> {
  const tick = useSignal(0);
  useEffect(() => {
    if (run.ended_us !== null) return;
    const timer = setInterval(() => {
      if (!document.hidden) tick.value++;
    }, 250);
    return () => clearInterval(timer);
  }, [run.ended_us]);
  return useComputed(() => {
    void tick.value;
    return feed.store.asOfUs === 0 ? Date.now() * 1000 : feed.store.baseUs + feed.store.nowUs();
  });
}
