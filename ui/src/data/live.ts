// What happens while one looks: one stream of events from the server, which the browser takes up again where it broke off. A
// page that nobody sees lets go of it after a while, and catches up when it is seen again.

import { signal } from "@preact/signals";

import { isExported } from "./exported";
import { get, Refusal } from "./get";
import type { RunRow } from "./views";

export interface Change {
  readonly runs: readonly RunRow[];
  readonly deleted: readonly string[];
  readonly run_changed: boolean;
}

export type Connection = "connecting" | "live" | "lost" | "signed_out";

export const connection = signal<Connection>("connecting");

const HIDDEN_FOR_MS = 60_000;
const AGAIN_AFTER_MS = 2_000;

interface Listener {
  /** In a page that draws, at most once a frame: what came since then. */
  onChange: (change: Change) => void;
  /** What was missed is not known: everything has to be asked for again. */
  onReset: () => void;
}

/** Listens until the function that is given back is called. `run` is the flow run that is looked at. */
export function listen(run: string | null, listener: Listener): () => void {
  if (isExported) return () => {};
  const stream = new Stream(run, listener);
  return () => stream.close();
}

class Stream {
  private source: EventSource | null = null;
  private again: ReturnType<typeof setTimeout> | undefined;
  private hiding: ReturnType<typeof setTimeout> | undefined;
  private waiting: Change[] = [];
  /** The first questions are asked before the stream is open: what happens between the two, it does not tell. */
  private hasMissed = true;

  constructor(
    private readonly run: string | null,
    private readonly listener: Listener,
  ) {
    document.addEventListener("visibilitychange", this.onVisibility);
    this.open();
  }

  close(): void {
    document.removeEventListener("visibilitychange", this.onVisibility);
    clearTimeout(this.hiding);
    this.letGo();
  }

  private open(): void {
    const source = new EventSource(this.run === null ? "/api/events" : `/api/events?run=${encodeURIComponent(this.run)}`);
    this.source = source;
    source.addEventListener("hello", () => {
      connection.value = "live";
      if (this.hasMissed) this.listener.onReset();
      this.hasMissed = false;
    });
    source.addEventListener("reset", () => this.listener.onReset());
    source.addEventListener("change", (event: MessageEvent<string>) => this.take(JSON.parse(event.data) as Change));
    source.onerror = () => {
      connection.value = "lost";
      // The browser tries again by itself, unless the server said no.
      if (source.readyState === EventSource.CLOSED) void this.tryAgain();
    };
  }

  private letGo(): void {
    clearTimeout(this.again);
    this.source?.close();
    this.source = null;
  }

  private async tryAgain(): Promise<void> {
    this.letGo();
    this.hasMissed = true;
    try {
      await get("/api/info");
    } catch (error) {
      connection.value = error instanceof Refusal && error.status === 401 ? "signed_out" : "lost";
    }
    this.again = setTimeout(() => this.open(), AGAIN_AFTER_MS);
  }

  /** Several changes within a frame become one, with the last row of each run. */
  private take(change: Change): void {
    this.waiting.push(change);
    if (this.waiting.length > 1) return;
    const give = (): void => {
      const changes = this.waiting;
      this.waiting = [];
      if (this.source !== null && changes.length > 0) this.listener.onChange(merged(changes));
    };
    if (document.hidden) setTimeout(give);
    else requestAnimationFrame(give);
  }

  private readonly onVisibility = (): void => {
    clearTimeout(this.hiding);
    if (document.hidden) {
      this.hiding = setTimeout(() => {
        this.letGo();
        this.hasMissed = true;
      }, HIDDEN_FOR_MS);
    } else if (this.source === null) {
      clearTimeout(this.again);
      this.open();
    }
  };
}

export function merged(changes: readonly Change[]): Change {
  const runs = new Map(changes.flatMap((change) => change.runs).map((run) => [run.id, run]));
  const deleted = new Set(changes.flatMap((change) => change.deleted));
  for (const id of deleted) runs.delete(id);
  return { runs: [...runs.values()], deleted: [...deleted], run_changed: changes.some((change) => change.run_changed) };
}
