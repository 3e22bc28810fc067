// The changes of states of a run that have been read, from the first on.

import { signal } from "@preact/signals";

import type { Get } from "../../data/task_feed";
import type { StateChange } from "../../data/views";

const PAGE = 500;
/** So many are shown at first, and again with each wish for more. */
const SHOWN_AT_ONCE = 500;

interface ChangesPage {
  items: StateChange[];
  next_cursor: string | null;
}

export class Changes {
  readonly items: StateChange[] = [];
  readonly version = signal(0);
  readonly isLoaded = signal(false);
  readonly error = signal<unknown>(null);
  hasMore = false;
  private wantedCount = SHOWN_AT_ONCE;
  /** Where the last page that was full ended, and how many changes were read up to there. */
  private cursor: string | null = null;
  private before = 0;
  private reading: Promise<void> | null = null;
  private isWanted = false;

  constructor(
    private readonly run: string,
    private readonly get: Get,
  ) {}

  /** Reads what has been added, as far as it is wanted. Asked for while it reads, it looks once more afterwards. */
  refresh(): Promise<void> {
    this.isWanted = true;
    this.reading ??= this.readWhileWanted().finally(() => (this.reading = null));
    return this.reading;
  }

  readMore(): Promise<void> {
    this.wantedCount = this.items.length + SHOWN_AT_ONCE;
    return this.refresh();
  }

  private async readWhileWanted(): Promise<void> {
    try {
      while (this.isWanted) {
        this.isWanted = false;
        await this.readOn();
      }
      this.error.value = null;
    } catch (error) {
      this.error.value = error;
    }
  }

  /** The last page is read again: it may have grown, and a change is committed a moment after its time. */
  private async readOn(): Promise<void> {
    do {
      const page: ChangesPage = await this.get<ChangesPage>(`/api/runs/${this.run}/states`, { cursor: this.cursor, limit: PAGE });
      this.items.splice(this.before, Infinity, ...page.items);
      this.hasMore = page.next_cursor !== null;
      if (page.next_cursor !== null) {
        this.cursor = page.next_cursor;
        this.before = this.items.length;
      }
      this.isLoaded.value = true;
      this.version.value++;
    } while (this.hasMore && this.items.length < this.wantedCount);
  }
}
