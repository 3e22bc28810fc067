// Keeps the task store of one flow run up to date: reads all pages once, then what has changed since. One feed serves
// all tabs of a run. It asks through the function that it is given, and never twice at once.

import { signal } from "@preact/signals";

import { type Columns, TaskStore } from "./task_store";

type Query = Record<string, string | number | readonly string[] | null>;
export type Get = <Answer>(path: string, query?: Query) => Promise<Answer>;

/** A row is committed a moment after the times in it, so what has changed is asked for from so long before. */
const OVERLAP_US = 5_000_000;

export class TaskFeed {
  readonly store = new TaskStore();
  /** Whether every page has been read once. */
  readonly isLoaded = signal(false);
  readonly error = signal<unknown>(null);
  private readonly path: string;
  private readonly get: Get;
  private reading: Promise<void> | null = null;
  private isWanted = false;
  /** Up to when all changes have been read, by the server's clock. */
  private readUntilUs = 0;

  constructor(run: string, get: Get) {
    this.path = `/api/runs/${run}/timeline`;
    this.get = get;
  }

  /** Reads what is new: everything the first time. Asked for while it reads, it reads once more afterwards. */
  refresh(): Promise<void> {
    this.isWanted = true;
    this.reading ??= this.readWhileWanted().finally(() => (this.reading = null));
    return this.reading;
  }

  /** Reads everything again: for a run that has ended, or when changes may have been missed. */
  reload(): Promise<void> {
    this.isLoaded.value = false;
    return this.refresh();
  }

  private async readWhileWanted(): Promise<void> {
    try {
      while (this.isWanted) {
        this.isWanted = false;
        await this.readPages();
      }
      this.error.value = null;
    } catch (error) {
      this.error.value = error;
    }
  }

  private async readPages(): Promise<void> {
    const since = this.isLoaded.peek() ? { changed_since_us: this.readUntilUs - OVERLAP_US } : {};
    let firstAsOfUs: number | null = null;
    for (let after: number | null = 0; after !== null; ) {
      const page: Columns = await this.get<Columns>(this.path, { after, ...since });
      this.store.take(page);
      firstAsOfUs ??= page.as_of_us; // what changed on a page after it was read is asked for the next time
      after = page.next_after;
    }
    this.readUntilUs = firstAsOfUs ?? 0;
    this.isLoaded.value = true;
  }
}
