// Where a searched text was found within runs: in messages, logs and the names of task runs.

import { type Signal, useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";

import { get } from "../../data/get";
import type { StateType } from "../../data/task_store";
import { StateIcon } from "../../design/state";
import { notify } from "../../design/toasts";
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
const FIRST = 8;
const PAGE = 30;
/** So many pieces of the history are looked through before a person is asked whether to go on. */
const MOST_PAGES = 4;

interface HitPage {
  items: Hit[];
  next_cursor: string | null;
}

interface HitsProps {
  text: string;
  /** What has been found so far: who knows these hits knows whether there are any. */
  hits: Signal<readonly Hit[]>;
}

export function Hits({ text, hits }: HitsProps): JSX.Element | null {
  const shownCount = useSignal(FIRST);
  const cursor = useSignal<string | null>(null);
  /** Reads on until there are so many hits: a page may have none, and yet not be the last. */
  const read = async (wanted: number): Promise<void> => {
    for (let pages = 0; pages < MOST_PAGES && hits.peek().length < wanted; pages++) {
      const page = await get<HitPage>("/api/search", { text, limit: PAGE, cursor: cursor.peek() });
      hits.value = [...hits.peek(), ...page.items.filter((hit) => hit.kind !== "run")];
      cursor.value = page.next_cursor;
      if (page.next_cursor === null) return;
    }
  };
  useEffect(() => void read(FIRST).catch(() => {}), []);
  const showMore = async (): Promise<void> => {
    const wanted = Math.min(shownCount.peek(), hits.peek().length) + PAGE;
    if (cursor.peek() !== null) await read(wanted).catch(() => notify("The search could not go on."));
    shownCount.value = wanted;
  };
  if (hits.value.length === 0 && cursor.value === null) return null;
  return (
    <section class="hits" aria-label="Found within runs">
      <h2>Found within runs</h2>
      <ul>
        {hits.value.slice(0, shownCount.value).map((hit) => (
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
      {(hits.value.length > shownCount.value || cursor.value !== null) && (
        <button type="button" class="link" onClick={() => void showMore()}>
          {hits.value.length === 0 ? "Search further back" : "Show more"}
        </button>
      )}
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
