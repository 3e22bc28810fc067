// The subflows of a flow run, and theirs: each is a line on the timeline that opens to its task runs. They are asked for
// when they are first shown.

import { type Signal, signal } from "@preact/signals";

import { type Get, TaskFeed } from "../../data/task_feed";
import { TaskStore } from "../../data/task_store";

/** What the timeline needs to know of a flow run. */
export interface RunTimes {
  id: string;
  flow: string;
  name: string;
  state: string;
  created_us: number;
  started_us: number | null;
  ended_us: number | null;
}

export interface Member {
  run: RunTimes;
  /** A store with one row: the subflow itself. */
  readonly line: TaskStore;
  readonly isOpen: Signal<boolean>;
  /** Its task runs and subflows, once it has been opened. */
  inside: { feed: TaskFeed; family: Family } | null;
}

export class Family {
  readonly members = signal<readonly Member[]>([]);
  readonly isLoaded = signal(false);
  private readonly run: string;
  private readonly get: Get;

  constructor(run: string, get: Get) {
    this.run = run;
    this.get = get;
  }

  /** Asks for the subflows anew, and for what is in those that are open. */
  async refresh(): Promise<void> {
    const { items } = await this.get<{ items: RunTimes[] }>(`/api/runs/${this.run}/subflows`);
    const known = new Map(this.members.peek().map((member) => [member.run.id, member]));
    this.members.value = items.map((run) => {
      const member = known.get(run.id) ?? {
        run,
        line: new TaskStore(),
        isOpen: signal(false),
        inside: null,
      };
      member.run = run;
      fillLine(member.line, run);
      return member;
    });
    this.isLoaded.value = true;
    await Promise.all(this.members.peek().map((member) => (member.isOpen.peek() ? refreshInside(member) : undefined)));
  }

  toggle(run: string): void {
    const member = this.find(run);
    if (member === null) return;
    member.inside ??= {
      feed: new TaskFeed(run, this.get),
      family: new Family(run, this.get),
    };
    member.isOpen.value = !member.isOpen.peek();
    if (member.isOpen.peek()) void refreshInside(member);
  }

  /** A subflow among these, or among those of one that is open. */
  find(run: string): Member | null {
    for (const member of this.members.peek()) {
      if (member.run.id === run) return member;
      const found = member.inside?.family.find(run);
      if (found) return found;
    }
    return null;
  }
}

async function refreshInside({ inside }: Member): Promise<void> {
  await Promise.all([inside!.feed.refresh(), inside!.family.refresh()]);
}

function fillLine(line: TaskStore, run: RunTimes): void {
  const after = (us: number | null): number | null => (us === null ? null : us - run.created_us);
  line.take({
    as_of_us: run.created_us,
    base_us: run.created_us,
    tasks: [run.flow],
    states: [run.state],
    workers: [],
    id: [0],
    task: [0],
    index: [0],
    parent: [null],
    state: [0],
    submitted: [0],
    started: [after(run.started_us)],
    ended: [after(run.ended_us)],
    worker: [null],
    attempts: [1],
    name: { 0: run.name },
    retries: {},
    next_after: null,
  });
}
