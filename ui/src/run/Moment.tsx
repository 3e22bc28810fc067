// A time in the zone of the reader; the exact one, in that zone and in UTC, on hover.

import type { JSX } from "preact";

export function Moment({ us }: { us: number }): JSX.Element {
  const date = new Date(us / 1000);
  const isToday = date.toDateString() === new Date().toDateString();
  const time = date.toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
  const day = date.toLocaleDateString(undefined, { year: "numeric", month: "short", day: "numeric" });
  return (
    <time dateTime={date.toISOString()} title={`${date.toString()}\n${date.toISOString()}`}>
      {isToday ? time : `${day}, ${time}`}
    </time>
  );
}
