import { describe, expect, it } from "vitest";

import { LogBook, type LogLine, type LogPage } from "./log_book";

function line(key: number): LogLine {
  return { key, task_run: null, task_run_name: null, at_us: key, level: 20, logger: "headrace", message: `line ${key}` };
}

/** A server with lines of these keys, that looks through at most `size` of them at once, and notes what it was asked. */
class Server {
  readonly asked: Record<string, unknown>[] = [];
  constructor(
    public last: number,
    private readonly size = 10,
  ) {}

  readonly get = async <Answer>(_path: string, query: Record<string, unknown> = {}): Promise<Answer> => {
    this.asked.push(query);
    const keys = Array.from({ length: this.last }, (_, at) => at + 1);
    const { before, after, text } = query as { before?: number; after?: number; text: string | null };
    const isForwards = after !== undefined;
    const wanted = keys.filter((key) => key > (after ?? 0) && key < (before ?? Infinity));
    const shown = isForwards ? wanted.slice(0, this.size) : wanted.slice(-this.size);
    const page: LogPage = {
      items: shown.map(line).filter(({ message }) => message.includes(text ?? "")),
      first_key: shown[0] ?? null,
      last_key: shown[shown.length - 1] ?? null,
      has_more: shown.length < wanted.length,
    };
    return page as Answer;
  };
}

const ALL = { taskRun: null, minLevel: 0, text: "" };
const keysOf = (book: LogBook): number[] => book.lines.map(({ key }) => key);

describe("the log book", () => {
  it("opens at the newest lines and reads backwards from there", async () => {
    const book = new LogBook("r", ALL, new Server(25).get);
    await book.refresh();
    expect([keysOf(book)[0], keysOf(book)[9], book.hasEarlier]).toEqual([16, 25, true]);

    await book.readEarlier();
    expect([keysOf(book)[0], book.shift, book.hasEarlier]).toEqual([6, 10, true]);
    await book.readEarlier();
    expect([keysOf(book)[0], book.shift, book.hasEarlier]).toEqual([1, 15, false]);
  });

  it("takes in all that came since, without a gap", async () => {
    const server = new Server(5);
    const book = new LogBook("r", ALL, server.get);
    await book.refresh();
    server.last = 38;
    await book.refresh();

    expect(keysOf(book)).toEqual(Array.from({ length: 38 }, (_, at) => at + 1));
  });

  it("begins with the first line of a run that had none", async () => {
    const server = new Server(0);
    const book = new LogBook("r", ALL, server.get);
    await book.refresh();
    expect([book.isLoaded.value, book.lines.length]).toEqual([true, 0]);
    server.last = 2;
    await book.refresh();
    expect(keysOf(book)).toEqual([1, 2]);
  });

  it("asked for more while it reads, looks once more afterwards", async () => {
    const server = new Server(5);
    const book = new LogBook("r", ALL, server.get);
    const first = book.refresh();
    server.last = 6;
    await Promise.all([first, book.refresh()]);

    expect(keysOf(book)).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it("asks only for what is wanted", async () => {
    const server = new Server(5);
    await new LogBook("r", { taskRun: 7, minLevel: 30, text: "late" }, server.get).refresh();
    expect(server.asked[0]).toMatchObject({ task_run: 7, min_level: 30, text: "late", tail: "true" });
  });

  it("goes on looking for a rare text, backwards and forwards, and never looks at a line twice", async () => {
    const server = new Server(50);
    const book = new LogBook("r", { ...ALL, text: "line 12" }, server.get);
    await book.refresh();
    expect([keysOf(book), book.hasEarlier, book.isLoaded.value]).toEqual([[12], false, true]);
    expect(server.asked.map(({ before }) => before)).toEqual([undefined, 41, 31, 21, 11]);

    server.last = 130;
    await book.refresh();
    expect(keysOf(book)).toEqual([12, 120, 121, 122, 123, 124, 125, 126, 127, 128, 129]);
    expect(server.asked[5]).toMatchObject({ after: 50 });
  });

  it("says that there is no line only after it has looked through all", async () => {
    const server = new Server(30);
    let book: LogBook;
    const loaded: boolean[] = [];
    const get = (path: string, query?: Record<string, unknown>) => (loaded.push(book.isLoaded.value), server.get(path, query));
    book = new LogBook("r", { ...ALL, text: "nowhere" }, get as typeof server.get);
    await book.refresh();
    expect([loaded, book.isLoaded.value, book.lines.length]).toEqual([[false, false, false], true, 0]);
  });

  it("gives every line for a file, and tells of an answer that failed", async () => {
    const server = new Server(25);
    const book = new LogBook("r", ALL, server.get);
    let count = 0;
    for await (const lines of book.all()) count += lines.length;
    expect(count).toBe(25);

    const broken = new LogBook("r", ALL, () => Promise.reject(new Error("gone")));
    await broken.refresh();
    expect(broken.error.value).toEqual(new Error("gone"));
  });
});
