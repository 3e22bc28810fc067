// The ticks of a time axis: at round times, not too close together, from microseconds to days. Pure.

import { DAY, HOUR, MINUTE, MS, SECOND, US } from "../spans";

export interface Ticks {
  /** The first one: a multiple of the step. */
  first: number;
  stepUs: number;
}

const BELOW_A_MINUTE = [1, 2, 5, 10, 20, 50, 100, 200, 500];
const STEPS = [
  ...BELOW_A_MINUTE.map((step) => step * US),
  ...BELOW_A_MINUTE.map((step) => step * MS),
  ...[1, 2, 5, 10, 15, 30].map((step) => step * SECOND),
  ...[1, 2, 5, 10, 15, 30].map((step) => step * MINUTE),
  ...[1, 2, 3, 6, 12].map((step) => step * HOUR),
  ...[1, 2, 5, 10, 20, 50, 100, 200, 500, 1000].map((step) => step * DAY),
];

/** Ticks for a window that lets `atMost` of them be read. `zeroUs` is where the count of round times begins: 0, or midnight. */
export function ticksOf(from: number, to: number, atMost: number, zeroUs = 0): Ticks {
  const least = (to - from) / Math.max(1, atMost);
  const stepUs = STEPS.find((step) => step >= least) ?? STEPS[STEPS.length - 1]!;
  return {
    first: zeroUs + Math.ceil((from - zeroUs) / stepUs) * stepUs,
    stepUs,
  };
}

/** A time after the start as a tick says it: as precise as the steps are wide. */
export function relativeLabel(us: number, stepUs: number): string {
  if (us === 0) return "0";
  const sign = us < 0 ? "−" : "";
  const size = Math.abs(us);
  if (size < MS) return `${sign}${Math.round(size)} µs`;
  if (size < SECOND) return `${sign}${decimals(size / MS, stepUs / MS)} ms`;
  if (size < MINUTE) return `${sign}${decimals(size / SECOND, stepUs / SECOND)} s`;
  const seconds = (size % MINUTE) / SECOND;
  const minutes = Math.floor((size % HOUR) / MINUTE);
  const hours = Math.floor((size % DAY) / HOUR);
  const days = Math.floor(size / DAY);
  const parts = [
    days > 0 ? `${days} d` : "",
    hours > 0 ? `${hours} h` : "",
    minutes > 0 ? `${minutes} m` : "",
    stepUs < MINUTE && seconds > 0 ? `${decimals(seconds, stepUs / SECOND)} s` : "",
  ];
  return sign + parts.filter((part) => part !== "").join(" ");
}

/** A time of day as a tick says it, in the zone of the reader. */
export function clockLabel(epochUs: number, stepUs: number): string {
  const date = new Date(epochUs / MS);
  if (stepUs >= DAY)
    return date.toLocaleDateString(undefined, {
      month: "short",
      day: "numeric",
    });
  const minutes = `${twoDigits(date.getHours())}:${twoDigits(date.getMinutes())}`;
  if (stepUs >= MINUTE) return minutes;
  const seconds = `${minutes}:${twoDigits(date.getSeconds())}`;
  if (stepUs >= SECOND) return seconds;
  const fraction = String(Math.floor(((epochUs % SECOND) + SECOND) % SECOND)).padStart(6, "0");
  return `${seconds}.${fraction.slice(0, stepUs >= MS ? 3 : 6)}`;
}

/** A time of day, behind its day where that is not the one which is known from beside it. */
export function momentLabel(epochUs: number, stepUs: number, knownDayUs: number): string {
  const time = clockLabel(epochUs, stepUs);
  return isSameDay(epochUs, knownDayUs) ? time : `${clockLabel(epochUs, DAY)} ${time}`;
}

/** Whether two times are of the same day of the reader's zone. */
export function isSameDay(aUs: number, bUs: number): boolean {
  return midnightBefore(aUs) === midnightBefore(bUs);
}

/** A time as it is told on hover: exact, in the zone of the reader and in UTC. */
export function exactLabel(epochUs: number): string {
  const date = new Date(epochUs / MS);
  return `${date.toString()}\n${date.toISOString()}`;
}

/** The last midnight of the reader's zone before a time. */
export function midnightBefore(epochUs: number): number {
  const date = new Date(epochUs / MS);
  date.setHours(0, 0, 0, 0);
  return date.getTime() * MS;
}

function decimals(value: number, step: number): string {
  const digits = Math.min(6, Math.max(0, Math.ceil(-Math.log10(step) - 1e-9)));
  return value.toFixed(digits);
}

function twoDigits(value: number): string {
  return String(value).padStart(2, "0");
}
