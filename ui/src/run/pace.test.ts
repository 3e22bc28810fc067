import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { Pace } from "./pace";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A server that takes its time, and how often it has been asked. */
class Server {
  asked = 0;
  answering = 0;
  most = 0;

  constructor(private readonly takesMs: number) {}

  readonly ask = async (): Promise<void> => {
    this.asked++;
    this.most = Math.max(this.most, ++this.answering);
    await new Promise((answered) => setTimeout(answered, this.takesMs));
    this.answering--;
  };
}

async function changeFor(ms: number, change: () => void): Promise<void> {
  for (let at = 0; at < ms; at += 50) {
    change();
    await vi.advanceTimersByTimeAsync(50);
  }
}

describe("questions to the server", () => {
  it("are asked one after the other, after each answer", async () => {
    const server = new Server(3000);
    const pace = Pace.ofQuestions(server.ask);
    await changeFor(10_000, () => pace.ask());
    expect(server).toMatchObject({ asked: 2, most: 1 });
  });

  it("are not asked more than twice a second where an answer takes a quarter of one", async () => {
    const server = new Server(250);
    const pace = Pace.ofQuestions(server.ask);
    await changeFor(9_900, () => pace.ask());
    expect(server.asked).toBe(20);
  });

  it("are asked once more after the last change", async () => {
    const server = new Server(100);
    const pace = Pace.ofQuestions(server.ask);
    pace.ask();
    await vi.advanceTimersByTimeAsync(50);
    pace.ask();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(server.asked).toBe(2);
  });

  it("go on after one that was not answered", async () => {
    let asked = 0;
    const pace = Pace.ofQuestions(async () => {
      asked++;
      throw new Error("gone");
    });
    pace.ask();
    await vi.advanceTimersByTimeAsync(1000);
    pace.ask();
    expect(asked).toBe(2);
  });

  it("are asked no more once nobody wants to know", async () => {
    const server = new Server(100);
    const pace = Pace.ofQuestions(server.ask);
    pace.ask();
    pace.ask();
    pace.close();
    await vi.advanceTimersByTimeAsync(10_000);
    pace.ask();
    expect(server.asked).toBe(1);
  });
});

describe("work that holds up the page", () => {
  it("is done at once, and then once for all that asked meanwhile", async () => {
    const work = vi.fn();
    const pace = new Pace(work);
    await changeFor(900, () => pace.ask());
    expect(work).toHaveBeenCalledTimes(5);
  });
});
