// The head of a run's page: how it stands and why, what can be done about it, and below that, folded, all that is known of it.

import { type ReadonlySignal, useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";

import type { Get } from "../../data/task_feed";
import type { Run } from "../../data/views";
import { StateSign } from "../../design/state";
import { Moment } from "../../run/Moment";
import type { Post } from "../../run/launch/post";
import { PlainText } from "../../text/PlainText";
import { visible } from "../../text/visible";
import { Actions } from "./Actions";
import { Callers } from "./Callers";
import { DashboardLink, Origin } from "./Origin";
import { Progress } from "./Progress";
import { Questions } from "./Questions";
import "./run_header.css";
import { standing, told, wentOnAt } from "./summary";
import { Trouble } from "./Trouble";
import { Waits } from "./Waits";

export interface RunHeaderProps {
  run: Run;
  get: Get;
  post: Post;
  /** Now by the server's clock, in microseconds since 1970; it moves on while the run does. */
  nowUs: ReadonlySignal<number>;
  /** Whether there is no server: then nothing can be done. */
  isExported: boolean;
  /** Says something for a moment. */
  notify: (text: string) => void;
  /** Goes to a page of this one. */
  onGo: (address: string) => void;
  /** Shows the task runs of these types of states. */
  onShowTasks: (types: string) => void;
}

export function RunHeader(props: RunHeaderProps): JSX.Element {
  const { run, isExported } = props;
  const head = useRef<HTMLElement>(null);
  useEffect(() => {
    head.current!.addEventListener("toggle", revealOpened, { capture: true }); // it does not bubble
  }, []);
  return (
    <header class="run-header" ref={head}>
      <div class="run-title">
        <div class="run-names">
          <p class="run-flow">
            <a href={`/runs?flow=${encodeURIComponent(run.flow)}`}>
              <PlainText text={run.flow} />
            </a>
            {run.version !== null && (
              <span class="run-version">
                <PlainText text={run.version} />
              </span>
            )}
            {run.epoch > 1 && (
              <span class="run-version" title="How often its function was called: it was resumed, or tried again">
                epoch {run.epoch}
              </span>
            )}
          </p>
          <h1>
            <PlainText text={run.name} />
          </h1>
        </div>
        {!isExported && <Actions {...props} />}
      </div>
      <p class="run-standing">
        <StateSign type={run.state_type} name={run.state} />
        <span>
          <Standing run={run} nowUs={props.nowUs} />
          {run.started_us !== null && (
            <span class="run-when">
              {" · started "}
              <Moment us={run.started_us} />
            </span>
          )}
          {wentOnAt(run) !== null && (
            <span class="run-when">
              {" · went on "}
              <Moment us={wentOnAt(run)!} />
            </span>
          )}
          <Place run={run} />
        </span>
        <Tags tags={run.tags} />
      </p>
      <Trouble {...props} />
      {!isExported && <Waits run={run} />}
      {!isExported && run.questions.length > 0 && <Questions {...props} />}
      <Progress counts={run.task_runs} upstreamFailed={run.upstream_failed} onShowTasks={props.onShowTasks} />
      <Callers run={run} get={props.get} />
      <Origin run={run} />
    </header>
  );
}

/** What has been unfolded is to be seen: the head scrolls by itself where it is long. */
function revealOpened({ target }: Event): void {
  if (target instanceof HTMLDetailsElement && target.open) target.scrollIntoView({ block: "nearest" });
}

/** The only part that moves on with time. */
function Standing({ run, nowUs }: { run: Run; nowUs: ReadonlySignal<number> }): JSX.Element {
  const now = useSignal(nowUs.peek());
  useEffect(() => (run.ended_us === null ? nowUs.subscribe((us) => (now.value = us)) : undefined), [nowUs, run.ended_us]);
  return <>{standing(run, now.value)}</>;
}

/** What runs its tasks, and where. */
function Place({ run }: { run: Run }): JSX.Element | null {
  const host = told(run.provenance, "host");
  return (
    <span class="run-when run-place">
      {run.task_runner !== "" && (
        <>
          {" · "}
          <PlainText text={run.task_runner} />
        </>
      )}
      {host !== null && (
        <>
          {" on "}
          <PlainText text={host} />
        </>
      )}
      {run.dashboard_url !== null && (
        <>
          {" · "}
          <DashboardLink url={run.dashboard_url}>Dashboard</DashboardLink>
        </>
      )}
    </span>
  );
}

function Tags({ tags }: { tags: readonly string[] }): JSX.Element | null {
  if (tags.length === 0) return null;
  return (
    <span class="run-tags">
      {tags.map((tag) => (
        <a key={tag} class="tag" href={`/runs?tag=${encodeURIComponent(tag)}`}>
          {visible(tag)}
        </a>
      ))}
    </span>
  );
}
