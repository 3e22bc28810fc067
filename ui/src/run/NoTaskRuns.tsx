// What the pictures of a run show as long as it has called no task: why that is so, and what to look at next.

import type { JSX } from "preact";

import { Empty } from "../design/Empty";
import "./no_task_runs.css";
import type { ViewState } from "./view_state";

export function NoTaskRuns({ hasEnded, view }: { hasEnded: boolean; view: ViewState }): JSX.Element {
  const logs = (
    <button type="button" class="link" onClick={() => view.set({ tab: "logs" })}>
      Logs
    </button>
  );
  return (
    <div class="no-task-runs">
      {hasEnded ? (
        <Empty title="This run called no task">
          <p>Only calls of functions with @task are shown here, and there was none. What the run logged is in {logs}.</p>
        </Empty>
      ) : (
        <Empty title="This run has called no task yet">
          <p>Calls of functions with @task appear here as they happen. What the run logs meanwhile is in {logs}.</p>
        </Empty>
      )}
    </div>
  );
}
