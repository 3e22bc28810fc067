// The runs that match the filters, as far as they have been read: pages from the newest on, patched in place by what happens.
// New runs wait until they are asked for, so that nothing moves under the eyes of who reads further down.

import { computed, signal } from "@preact/signals";

import { get } from "../../data/get";
import type { Change } from "../../data/live";
import type { RunRow } from "../../data/views";
import { Pace } from "../../run/pace";
import { type Filters, queryOf } from "./filters";
import { isNewer, newIn, patched } from "./patches";

interface Page {
  items: RunRow[];
  next_cursor: string | null;
}

const PAGE = 100;

export class RunList {
  readonly rows = signal<readonly RunRow[]>([]);
  readonly waiting = signal<readonly RunRow[]>([]);
  readonly error = signal<unknown>(null);
  readonly isLoaded = signal(false);
  readonly hasMore = computed(() => this.cursor.value !== null);
  private readonly cursor = signal<string | null>(null);
  private isReading = false;
  private asking: Promise<void> = Promise.resolve();
  private readonly looks = Pace.ofQuestions(() => this.lookForNew());
  private isClosed = false;

  constructor(
    private readonly filters: Filters,
    /** Whether new runs may come in at the top at once. */
    private readonly isAtTop: () => boolean,
  ) {
    void this.readAnew();
  }

  close(): void {
    this.isClosed = true;
    this.looks.close();
  }

  async readAnew(): Promise<void> {
    await this.ask(null, (page) => {
      this.rows.value = page.items;
      this.waiting.value = [];
      this.cursor.value = page.next_cursor;
    });
  }

  async readMore(): Promise<void> {
    const cursor = this.cursor.peek();
    if (cursor === null || this.isReading) return;
    this.isReading = true;
    await this.ask(cursor, (page) => {
      this.rows.value = [...this.rows.peek(), ...newIn(page.items, this.rows.peek())];
      this.cursor.value = page.next_cursor;
    });
    this.isReading = false;
  }

  take(change: Change): void {
    const rows = this.rows.peek();
    const known = new Set([...rows, ...this.waiting.peek()].map((row) => row.id));
    this.rows.value = patched(rows, change);
    this.waiting.value = patched(this.waiting.peek(), change);
    // Whether an unknown run matches the filters, only the server can say.
    if (change.runs.some((run) => !known.has(run.id))) this.looks.ask();
  }

  showWaiting(): void {
    this.rows.value = [...this.waiting.peek(), ...this.rows.peek()];
    this.waiting.value = [];
  }

  private lookForNew(): Promise<void> {
    return this.ask(null, (page) => {
      const isShort = this.rows.peek().length === 0;
      this.waiting.value = newIn(page.items, this.rows.peek()).filter((row) => isShort || isNewer(row, this.rows.peek()[0]!));
      if (this.isAtTop()) this.showWaiting();
    });
  }

  /** Asks for a page, after what was asked for before: an older answer never replaces a newer one. */
  private ask(cursor: string | null, take: (page: Page) => void): Promise<void> {
    this.asking = this.asking.then(() => this.read(cursor, take));
    return this.asking;
  }

  private async read(cursor: string | null, take: (page: Page) => void): Promise<void> {
    try {
      const page = await get<Page>("/api/runs", { ...queryOf(this.filters), cursor, limit: PAGE });
      if (this.isClosed) return;
      take(page);
      this.error.value = null;
    } catch (error) {
      this.error.value = error;
    }
    this.isLoaded.value = true;
  }
}
