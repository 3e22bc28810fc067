import { describe, expect, it } from "vitest";

import { betweenAttempts } from "./WaitingBar";

const attempt = (number: number, started_us: number, ended_us: number) => ({ number, started_us, ended_us, worker: "w", failure: null });

describe("the waits of a task run", () => {
  it("have what lay between its attempts", () => {
    expect(betweenAttempts({ attempts: [attempt(1, 0, 10), attempt(2, 110, 120), attempt(3, 125, 200)] })).toBe(105);
    expect(betweenAttempts({ attempts: [attempt(1, 0, 10)] })).toBe(0);
  });
});
