import { describe, expect, it } from "vitest";

import { TaskFeed } from "./task_feed";
import { type Columns, NONE, TaskStore } from "./task_store";

const EMPTY: Columns = {
  as_of_us: 2_000_000,
  base_us: 1_000_000,
  tasks: [],
  states: [],
  workers: [],
  id: [],
  task: [],
  index: [],
  parent: [],
  state: [],
  submitted: [],
  started: [],
  ended: [],
  worker: [],
  attempts: [],
  name: {},
  retries: {},
  next_after: null,
};

/** A page of completed task runs of one task with these ids. */
function page(ids: number[], more: Partial<Columns> = {}): Columns {
  const all = <T>(value: T): T[] => ids.map(() => value);
  return {
    ...EMPTY,
    tasks: ["load"],
    states: ["Completed"],
    workers: ["thread-1"],
    id: ids,
    task: all(0),
    index: ids.map((id) => id - 1),
    parent: all(null),
    state: all(0),
    submitted: ids.map((id) => id * 10),
    started: ids.map((id) => id * 10 + 1),
    ended: ids.map((id) => id * 10 + 5),
    worker: all(0),
    attempts: all(1),
    ...more,
  };
}

describe("the task store", () => {
  it("adds the rows of page after page, and grows beyond its first room", () => {
    const store = new TaskStore();
    const ids = Array.from({ length: 3000 }, (_, at) => at + 1);
    store.take(page(ids.slice(0, 1500)));
    store.take(page(ids.slice(1500)));

    expect(store.length).toBe(3000);
    expect(store.rowOf(2999)).toBe(2998);
    expect([store.submitted[2998], store.ended[2998]]).toEqual([29_990, 29_995]);
    expect(store.nameOf(0)).toBe("load-0");
    expect(store.version.value).toBe(2);
  });

  it("brings a row that it knows up to date", () => {
    const store = new TaskStore();
    store.take(page([1, 2], { states: ["Running"], ended: [null, null] }));
    expect(store.isEnded(1)).toBe(false);
    store.take(page([2], { states: ["TimedOut"], ended: [50] }));

    expect(store.length).toBe(2);
    expect([store.stateTypeOf(0), store.stateTypeOf(1)]).toEqual(["RUNNING", "FAILED"]);
    expect(store.stateNameOf(1)).toBe("TimedOut");
    expect(store.ended[1]).toBe(50);
  });

  it("reads each page by the page's own lists of texts", () => {
    const store = new TaskStore();
    store.take(page([1], { tasks: ["load"], workers: ["a"] }));
    store.take(page([2, 3], { tasks: ["save", "load"], task: [0, 1], workers: ["b", "a"], worker: [1, 0] }));

    expect([0, 1, 2].map((row) => store.nameOf(row))).toEqual(["load-0", "save-1", "load-2"]);
    expect([0, 1, 2].map((row) => store.workerOf(row))).toEqual(["a", "a", "b"]);
  });

  it("knows what has not begun, has no worker, or has a name of its own", () => {
    const store = new TaskStore();
    store.take(page([7], { started: [null], ended: [null], worker: [null], parent: [3], name: { 7: "the seventh" } }));

    expect(store.started[0]).toBeNaN();
    expect([store.worker[0], store.parent[0]]).toEqual([NONE, 3]);
    expect(store.workerOf(0)).toBeNull();
    expect(store.nameOf(0)).toBe("the seventh");
  });

  it("gives the rows of each task and of each worker, those without a worker last", () => {
    const store = new TaskStore();
    store.take(page([1, 2, 3], { tasks: ["a", "b"], task: [1, 0, 1], workers: ["w"], worker: [null, 0, 0] }));

    expect(store.rowsByTask()).toEqual({ from: Int32Array.of(0, 1, 3), rows: Int32Array.of(1, 0, 2) });
    expect(store.rowsByWorker()).toEqual({ from: Int32Array.of(0, 2, 3), rows: Int32Array.of(1, 2, 0) });
  });

  it("knows every attempt of a run that was tried more than once, also the one that goes on", () => {
    const store = new TaskStore();
    store.take(
      page([1, 2], {
        ended: [15, null],
        retries: {
          1: [
            [1, 2],
            [4, 15],
          ],
          2: [[1, 2]],
        },
      }),
    );

    expect(store.attemptsOf(0)).toEqual([
      [1, 2],
      [4, 15],
    ]);
    expect(store.attemptsOf(1)).toEqual([
      [1, 2],
      [2, NaN],
    ]);
  });
});

describe("the task feed", () => {
  it("reads all pages once, and then what has changed since the first of them was read", async () => {
    const asked: unknown[] = [];
    const answers = [
      page([1], { next_after: 1, as_of_us: 20_000_000 }),
      page([2], { as_of_us: 30_000_000 }),
      page([2], { states: ["Failed"] }),
    ];
    const feed = new TaskFeed("r", (path, query) => {
      asked.push([path, query]);
      return Promise.resolve(answers.shift() as never);
    });
    await feed.refresh();
    await feed.refresh();

    expect(asked).toEqual([
      ["/api/runs/r/timeline", { after: 0 }],
      ["/api/runs/r/timeline", { after: 1 }],
      ["/api/runs/r/timeline", { after: 0, changed_since_us: 15_000_000 }],
    ]);
    expect([feed.store.length, feed.store.stateTypeOf(1)]).toEqual([2, "FAILED"]);
  });

  it("reads once more when it is asked while it reads, however often", async () => {
    let asked = 0;
    const feed = new TaskFeed("r", () => {
      asked++;
      return Promise.resolve(page([1]) as never);
    });
    await Promise.all([feed.refresh(), feed.refresh(), feed.refresh()]);

    expect(asked).toBe(2);
  });

  it("tells an error, and goes on when it is asked again", async () => {
    let isUp = false;
    const feed = new TaskFeed("r", () => (isUp ? Promise.resolve(page([1]) as never) : Promise.reject(new Error("down"))));
    await feed.refresh();
    expect([feed.error.value, feed.isLoaded.value]).toEqual([new Error("down"), false]);

    isUp = true;
    await feed.refresh();
    expect([feed.error.value, feed.isLoaded.value]).toEqual([null, true]);
  });
});
