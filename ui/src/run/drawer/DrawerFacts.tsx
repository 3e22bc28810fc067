// What else is known of a task run, in a few words each.

import type { JSX } from "preact";

import type { TaskRun } from "../../data/views";
import { Facts } from "../../text/Facts";
import { PlainText } from "../../text/PlainText";
import { Moment } from "../Moment";

export function DrawerFacts({ task }: { task: TaskRun }): JSX.Element {
  const { storage, worker } = task;
  return (
    <Facts
      facts={[
        ["Task", <PlainText text={task.task} />],
        ["Submitted", <Moment us={task.submitted_us} />],
        ["Started", task.started_us !== null && <Moment us={task.started_us} />],
        ["Ended", task.ended_us !== null && <Moment us={task.ended_us} />],
        ["Worker", worker !== null && <PlainText text={worker} />],
        ["Stored", storage !== null && `${sizeLabel(storage.size)}, ${storage.serializer}${storage.is_in_file ? ", in a file" : ""}`],
        ["Value from", task.cached_from !== null && <CachedFrom text={task.cached_from} />],
        ["Tags", task.tags.length > 0 && <PlainText text={task.tags.join(", ")} />],
      ]}
    />
  );
}

/** `<flow run>/<task run>`: where a value was computed that did not have to be computed again. */
function CachedFrom({ text }: { text: string }): JSX.Element {
  const [run, taskRun] = text.split("/");
  if (run === undefined || !/^[\w-]+$/.test(run)) return <PlainText text={text} />;
  const query = /^\d+$/.test(taskRun ?? "") ? `?task_run=${taskRun}` : "";
  return (
    <a href={`/runs/${run}${query}`}>
      <PlainText text={text} />
    </a>
  );
}

export function sizeLabel(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  if (bytes < 1_000_000) return `${(bytes / 1000).toPrecision(3)} kB`;
  return `${(bytes / 1_000_000).toPrecision(3)} MB`;
}
