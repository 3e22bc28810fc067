// Where a searched text was found within runs: in messages, logs and the names of task runs.

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";

import { get } from "../../data/get";
import type { StateType } from "../../data/task_store";
import { StateIcon } from "../../design/state";
import { stretchesOf } from "../../text/hits";
import { visible } from "../../text/visible";

export interface Hit {
  run: { id: string; name: string; flow: string; state: string; state_type: StateType };
  kind: "run" | "task_run" | "message" | "log";
  task_run: number | null;
  at_us: number;
  excerpt: string;
}

const KINDS: Readonly<Record<Hit["kind"], string>> = { run: "run", task_run: "task run", message: "message", log: "log" };
const MOST = 8;

export function Hits({ text }: { text: string }): JSX.Element | null {
  const hits = useSignal<readonly Hit[]>([]);
  useEffect(() => {
    let isWanted = true;
    get<{ items: Hit[] }>("/api/search", { text, limit: 30 }).then(
      ({ items }) => isWanted && (hits.value = items.filter((hit) => hit.kind !== "run").slice(0, MOST)),
      () => isWanted && (hits.value = []),
    );
    return () => {
      isWanted = false;
    };
  }, [text]);
  if (hits.value.length === 0) return null;
  return (
    <section class="hits" aria-label="Found within runs">
      <h2>Found within runs</h2>
      <ul>
        {hits.value.map((hit) => (
          <li key={`${hit.run.id} ${hit.kind} ${hit.task_run} ${hit.at_us}`}>
            <a href={addressOf(hit, text)}>
              <StateIcon type={hit.run.state_type} />
              <span class="hits-run">{visible(hit.run.name)}</span>
              <span class="hits-kind">{KINDS[hit.kind]}</span>
              <span class="hits-text told">
                {stretchesOf(visible(hit.excerpt), text).map((stretch, at) =>
                  stretch.isHit ? <mark key={at}>{stretch.text}</mark> : stretch.text,
                )}
              </span>
            </a>
          </li>
        ))}
      </ul>
    </section>
  );
}

function addressOf(hit: Hit, text: string): string {
  const query = new URLSearchParams();
  if (hit.kind === "log") {
    query.set("tab", "logs");
    query.set("text", text);
  } else if (hit.task_run !== null) query.set("task_run", String(hit.task_run));
  return query.size === 0 ? `/runs/${hit.run.id}` : `/runs/${hit.run.id}?${query}`;
}
