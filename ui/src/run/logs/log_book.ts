// The log lines of a run that have been read: one stretch without gaps, that grows at both ends. It asks for pages through the
// function it is given, forwards for what is new and backwards for what was before. Pure but for that function.

import { signal } from "@preact/signals";

import type { Get } from "../../data/task_feed";

export interface LogLine {
  key: number;
  task_run: number | null;
  task_run_name: string | null;
  at_us: number;
  level: number;
  logger: string;
  message: string;
}

/** Lines among those from `first_key` to `last_key`, which were looked through. It may be empty and yet have more. */
export interface LogPage {
  items: LogLine[];
  first_key: number | null;
  last_key: number | null;
  has_more: boolean;
}

/** What a person wants to see of the log. */
export interface Wanted {
  taskRun: number | null;
  minLevel: number;
  text: string;
}

const PAGE = 1000;
/** With fewer lines of those that are wanted it goes on looking: a box that they do not fill cannot be scrolled for more. */
const ENOUGH_LINES = 100;
/** More are not kept while nobody reads them: the oldest go, and are read again when somebody scrolls back to them. */
const MOST_LINES = 40_000;

export class LogBook {
  readonly lines: LogLine[] = [];
  /** Moves on whenever lines came or went. */
  readonly version = signal(0);
  readonly isLoaded = signal(false);
  readonly error = signal<unknown>(null);
  /** Whether there are lines before the first. */
  hasEarlier = false;
  /** How many lines were added before the first one since the book was opened. */
  shift = 0;
  /** Whether the end is what is read: then the oldest lines may go. */
  isFollowed = true;
  /** What has been looked through: it may begin before the first line that is wanted, and end after the last. */
  private firstKey: number | null = null;
  private lastKey: number | null = null;
  private reading: Promise<void> | null = null;
  private isWanted = false;

  constructor(
    private readonly run: string,
    private readonly wanted: Wanted,
    private readonly get: Get,
  ) {}

  /** Reads the newest lines, and later what came after them. Asked for while it reads, it looks once more afterwards. */
  refresh(): Promise<void> {
    this.isWanted = true;
    return this.exclusively(async () => {
      while (this.isWanted) {
        this.isWanted = false;
        await (this.isLoaded.peek() ? this.readOn() : this.readTail());
      }
    });
  }

  /** Reads the lines before the first. */
  async readEarlier(): Promise<void> {
    if (!this.hasEarlier || this.reading !== null) return;
    await this.exclusively(async () => {
      await this.readBack(0);
    });
    if (this.isWanted) await this.refresh();
  }

  /** All lines there are, page by page, for a file. */
  async *all(): AsyncGenerator<readonly LogLine[]> {
    for (let after: number | null = 0; after !== null; ) {
      const page: LogPage = await this.ask({ after });
      yield page.items;
      after = page.has_more ? page.last_key : null;
    }
  }

  private async readTail(): Promise<void> {
    const page = await this.ask({ tail: "true" });
    this.lines.splice(0, this.lines.length, ...page.items);
    this.firstKey = page.first_key;
    this.lastKey = page.last_key;
    this.hasEarlier = page.has_more;
    this.isLoaded.value = page.items.length > 0;
    this.version.value++;
    await this.readBack(page.items.length);
    this.isLoaded.value = true;
  }

  /** Reads backwards until enough lines were found, or all. So many have been found already. */
  private async readBack(found: number): Promise<void> {
    const { taskRun, minLevel, text } = this.wanted;
    const enough = taskRun === null && minLevel <= 0 && text === "" ? 1 : ENOUGH_LINES;
    while (this.hasEarlier && found < enough) {
      const page = await this.ask({ before: this.firstKey });
      found += page.items.length;
      this.lines.unshift(...page.items);
      this.shift += page.items.length;
      this.firstKey = page.first_key ?? this.firstKey;
      this.hasEarlier = page.has_more;
      this.version.value++;
    }
  }

  private async readOn(): Promise<void> {
    for (let hasMore = true; hasMore; ) {
      const page = await this.ask({ after: this.lastKey ?? 0 });
      this.lastKey = page.last_key ?? this.lastKey;
      hasMore = page.has_more;
      if (page.items.length === 0) continue;
      this.lines.push(...page.items);
      if (this.isFollowed && this.lines.length > MOST_LINES) {
        this.lines.splice(0, this.lines.length - MOST_LINES);
        this.firstKey = this.lines[0]!.key;
        this.hasEarlier = true;
      }
      this.version.value++;
    }
  }

  private ask(place: Record<string, string | number | null>): Promise<LogPage> {
    const { taskRun, minLevel, text } = this.wanted;
    return this.get<LogPage>(`/api/runs/${this.run}/logs`, {
      task_run: taskRun,
      min_level: minLevel > 0 ? minLevel : null,
      text: text === "" ? null : text,
      limit: PAGE,
      ...place,
    });
  }

  private exclusively(work: () => Promise<void>): Promise<void> {
    this.reading ??= work()
      .then(
        () => (this.error.value = null),
        (error: unknown) => (this.error.value = error),
      )
      .then(() => undefined)
      .finally(() => (this.reading = null));
    return this.reading;
  }
}
