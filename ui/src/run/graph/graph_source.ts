// The graph of a flow run as the server tells it, and what is open in it: tasks whose runs are shown one by one, and
// subflows with graphs of their own.

import { type Signal, signal } from "@preact/signals";

import type { Get } from "../../data/task_feed";
import type { StateType } from "../../data/task_store";

export interface GraphNode {
  id: string;
  kind: "group" | "task_run" | "subflow" | "outside";
  label: string;
  task: string | null;
  task_run: number | null;
  run: string | null;
  counts: Partial<Record<StateType, number>>;
  state: string | null;
  state_type: StateType | null;
  started_us: number | null;
  ended_us: number | null;
  runs: number;
}

export interface GraphAnswer {
  nodes: GraphNode[];
  edges: [from: string, to: string][];
  is_truncated: boolean;
}

export class GraphSource {
  readonly answer = signal<GraphAnswer | null>(null);
  readonly error = signal<unknown>(null);
  /** The tasks whose runs are shown one by one. */
  readonly expanded: Signal<readonly string[]>;
  /** The subflows that are open, by their ids. */
  readonly opened: Signal<ReadonlyMap<string, GraphSource>> = signal(new Map());
  private reading: Promise<void> | null = null;
  private isWanted = false;

  constructor(
    readonly run: string,
    private readonly get: Get,
    expanded: readonly string[] = [],
  ) {
    this.expanded = signal(expanded);
  }

  /** Asks anew, also for what is open. Asked for while an answer is awaited, it asks once more afterwards. */
  refresh(): Promise<void> {
    this.isWanted = true;
    this.reading ??= this.readWhileWanted().finally(() => (this.reading = null));
    return this.reading;
  }

  /** Shows the runs of a task one by one, or as one node again. */
  toggleTask(task: string): void {
    const shown = this.expanded.peek();
    this.expanded.value = shown.includes(task) ? shown.filter((other) => other !== task) : [...shown, task];
    void this.refresh();
  }

  /** Shows the graph of a subflow inside its node, or no more. */
  toggleSubflow(run: string): void {
    const opened = new Map(this.opened.peek());
    if (!opened.delete(run)) {
      const source = new GraphSource(run, this.get);
      opened.set(run, source);
      void source.refresh();
    }
    this.opened.value = opened;
  }

  private async readWhileWanted(): Promise<void> {
    while (this.isWanted) {
      this.isWanted = false;
      await this.read();
      for (const source of this.opened.peek().values()) await source.refresh();
    }
  }

  private async read(): Promise<void> {
    try {
      const expand = [...this.expanded.peek()];
      this.answer.value = await this.get<GraphAnswer>(`/api/runs/${this.run}/graph`, { expand });
      this.error.value = null;
    } catch (error) {
      this.error.value = error;
    }
  }
}
