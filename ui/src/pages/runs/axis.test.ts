import { expect, test } from "vitest";

import { DAY, HOUR, MINUTE, MS, SECOND } from "../../run/spans";
import { clockLabel } from "../../run/timeline/ticks";
import { axisLabels } from "./axis";

const NOON = new Date(2024, 4, 17, 12).getTime() * MS;
const dayOf = (us: number): string => clockLabel(us, DAY);

test("both ends and the middle are named, by the clock of 24 hours", () => {
  expect(axisLabels(NOON, NOON + 2 * HOUR, NOON)).toEqual(["12:00", "13:00", "14:00"]);
  expect(axisLabels(NOON + HOUR, NOON + HOUR + MINUTE, NOON)).toEqual(["13:00:00", "13:00:30", "13:01:00"]);
});

test("times of another day have their day", () => {
  const from = NOON - 24 * HOUR;
  expect(axisLabels(from, NOON, NOON)).toEqual([`${dayOf(from)} 12:00`, "00:00", "12:00"]);
});

test("of many days only these are named", () => {
  const from = NOON - 10 * DAY;
  expect(axisLabels(from, NOON, NOON)).toEqual([from, from + 5 * DAY, NOON].map(dayOf));
});

test("nothing is said twice", () => {
  expect(axisLabels(NOON, NOON + SECOND, NOON)).toEqual(["12:00:00", "12:00:01"]);
  expect(axisLabels(NOON, NOON + 1, NOON)).toEqual(["12:00:00"]);
});
