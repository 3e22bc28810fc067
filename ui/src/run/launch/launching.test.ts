import { describe, expect, it } from "vitest";

import type { Get } from "../../data/task_feed";
import type { Launch } from "../../data/views";
import { followLaunch, hasFailed } from "./launching";

const LAUNCH: Launch = { id: 1, run: null, kind: "run_again", state: "running", exit_code: null, output: "" };
const atOnce = (): Promise<void> => Promise.resolve();
const always = (): boolean => true;

/** Answers about the launch with these, one after another; about the run that it has ended or not. */
function server(launches: Partial<Launch>[], run: { ended_us: number | null; epoch: number }): Get {
  const left = [...launches];
  return (async (path: string) => (path.startsWith("/api/launches/") ? { ...LAUNCH, ...left.shift() } : run)) as Get;
}

describe("a launch", () => {
  it("is followed until its run has begun", async () => {
    const get = server([{}, { run: "r" }], { ended_us: null, epoch: 1 });
    const launch = await followLaunch(LAUNCH, get, always, atOnce);
    expect(launch.run).toBe("r");
    expect(await hasFailed(launch, get, null)).toBe(false);
  });

  it("of a run that is resumed is followed until that is no longer at an end", async () => {
    const run = { ended_us: 5 as number | null, epoch: 1 };
    const get = server([{ run: "r" }, { run: "r" }], run);
    const launch = await followLaunch({ ...LAUNCH, run: "r" }, get, always, async () => void (run.ended_us = null));
    expect(launch.state).toBe("running");
  });

  it("that ended without a run has failed, and says why", async () => {
    const get = server([{ state: "ended", exit_code: 1, output: "no such file" }], { ended_us: null, epoch: 1 });
    const launch = await followLaunch(LAUNCH, get, always, atOnce);
    expect([await hasFailed(launch, get, null), launch.output]).toEqual([true, "no such file"]);
  });

  it("of a resume that left the run as it was has failed", async () => {
    const launch: Launch = { ...LAUNCH, run: "r", state: "ended", exit_code: 1 };
    expect(await hasFailed(launch, server([], { ended_us: 5, epoch: 2 }), 2)).toBe(true);
    expect(await hasFailed(launch, server([], { ended_us: 5, epoch: 3 }), 2)).toBe(false);
  });

  it("is left alone when nobody waits any more", async () => {
    expect(await followLaunch(LAUNCH, server([], { ended_us: null, epoch: 1 }), () => false, atOnce)).toBe(LAUNCH);
  });
});
