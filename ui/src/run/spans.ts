// Spans of time in microseconds, and how they are written in little room.

export const US = 1;
export const MS = 1000;
export const SECOND = 1_000_000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

/** How long something took, in two units at most. */
export function spanLabel(us: number): string {
  if (us < MS) return `${Math.max(0, Math.round(us))} µs`;
  if (us < SECOND) return `${threeDigits(us / MS)} ms`;
  if (us < MINUTE) return `${threeDigits(us / SECOND)} s`;
  if (us < HOUR) return `${Math.floor(us / MINUTE)} m ${Math.floor((us % MINUTE) / SECOND)} s`;
  if (us < DAY) return `${Math.floor(us / HOUR)} h ${Math.floor((us % HOUR) / MINUTE)} m`;
  return `${Math.floor(us / DAY)} d ${Math.floor((us % DAY) / HOUR)} h`;
}

function threeDigits(value: number): string {
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}
