import { describe, expect, it } from "vitest";

import type { StateChange } from "../../data/views";
import { Changes } from "./changes";

function change(at_us: number): StateChange {
  return { at_us, task_run: at_us, name: `load-${at_us}`, state: "Running", state_type: "RUNNING", reason: null, epoch: 1 };
}

/** A server of so many changes. */
class Server {
  asked = 0;
  constructor(public count: number) {}

  readonly get = async <Answer>(_path: string, query: Record<string, unknown> = {}): Promise<Answer> => {
    this.asked++;
    const from = Number(query["cursor"] ?? 0);
    const to = Math.min(this.count, from + Number(query["limit"]));
    const items = Array.from({ length: to - from }, (_, at) => change(from + at));
    return { items, next_cursor: to < this.count ? String(to) : null } as Answer;
  };
}

const timesOf = (changes: Changes): number[] => changes.items.map(({ at_us }) => at_us);

describe("changes of states", () => {
  it("are read from the first on, a page at a time", async () => {
    const changes = new Changes("r", new Server(1200).get);
    await changes.refresh();
    expect([changes.items.length, changes.hasMore]).toEqual([500, true]);
    await changes.readMore();
    await changes.readMore();
    expect([changes.items.length, changes.hasMore]).toEqual([1200, false]);
    expect(new Set(timesOf(changes)).size).toBe(1200);
  });

  it("that are added later come in without those before being read again", async () => {
    const server = new Server(510);
    const changes = new Changes("r", server.get);
    await changes.readMore();
    expect(changes.items).toHaveLength(500);
    await changes.readMore();
    server.count = 512;
    const { asked } = server;
    await changes.refresh();
    expect([changes.items.length, server.asked - asked]).toEqual([512, 1]);
  });
});
