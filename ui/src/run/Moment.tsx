// A time in the zone of the reader, by the clock of 24 hours; the exact one, in that zone and in UTC, on hover.

import type { JSX } from "preact";

import { SECOND } from "./spans";
import { clockLabel, exactLabel, isSameDay } from "./timeline/ticks";

export function Moment({ us }: { us: number }): JSX.Element {
  const date = new Date(us / 1000);
  const isToday = isSameDay(us, Date.now() * 1000);
  const time = clockLabel(us, SECOND);
  const day = date.toLocaleDateString(undefined, { year: "numeric", month: "short", day: "numeric" });
  return (
    <time dateTime={date.toISOString()} title={exactLabel(us)}>
      {isToday ? time : `${day}, ${time}`}
    </time>
  );
}
