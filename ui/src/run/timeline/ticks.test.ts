import { describe, expect, it } from "vitest";

import { DAY, HOUR, MINUTE, MS, SECOND } from "../spans";
import { clockLabel, exactLabel, isSameDay, momentLabel, relativeLabel, ticksOf } from "./ticks";

describe("ticks", () => {
  it.each([
    [10, 1],
    [5 * MS, 500],
    [9.5 * SECOND, SECOND],
    [130 * SECOND, 15 * SECOND],
    [50 * MINUTE, 5 * MINUTE],
    [7 * HOUR, HOUR],
    [3 * DAY, 12 * HOUR],
    [800 * DAY, 100 * DAY],
  ])("for %d µs lie %d µs apart", (span, step) => {
    expect(ticksOf(0, span, 10)).toEqual({ first: 0, stepUs: step });
  });

  it("begin in sight, at round times after where the count begins", () => {
    expect(ticksOf(1234, 11_234, 10)).toEqual({ first: 2000, stepUs: 1000 });
    expect(ticksOf(1234, 11_234, 10, -500)).toEqual({
      first: 1500,
      stepUs: 1000,
    });
  });

  it.each([
    [0, MS, "0"],
    [250, 50, "250 µs"],
    [1500, 500, "1.5 ms"],
    [2 * SECOND, SECOND, "2 s"],
    [2.5 * SECOND, 100 * MS, "2.5 s"],
    [61 * SECOND, SECOND, "1 m 1 s"],
    [2 * HOUR, HOUR, "2 h"],
    [DAY + 6 * HOUR, 6 * HOUR, "1 d 6 h"],
    [-500 * MS, 500 * MS, "−500 ms"],
  ])("at %d µs, %d apart, say %s", (us, step, text) => {
    expect(relativeLabel(us, step)).toBe(text);
  });

  it("say the time of day as precisely as they lie apart", () => {
    const us = new Date(2024, 4, 17, 9, 5, 7).getTime() * MS + 250_300;
    expect(clockLabel(us, HOUR)).toBe("09:05");
    expect(clockLabel(us, SECOND)).toBe("09:05:07");
    expect(clockLabel(us, 10 * MS)).toBe("09:05:07.250");
    expect(clockLabel(us, 100)).toBe("09:05:07.250300");
  });

  it("tell the day of a moment where another one is known", () => {
    const us = new Date(2024, 4, 17, 23, 59).getTime() * MS;
    expect(isSameDay(us, us + 30 * SECOND)).toBe(true);
    expect(isSameDay(us, us + MINUTE)).toBe(false);
    expect(momentLabel(us, MINUTE, us - 5 * HOUR)).toBe("23:59");
    expect(momentLabel(us + MINUTE, MINUTE, us)).toBe(`${clockLabel(us + MINUTE, DAY)} 00:00`);
    expect(exactLabel(us).split("\n").map(Date.parse)).toEqual([us / MS, us / MS]);
  });
});
