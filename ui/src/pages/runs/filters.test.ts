import { expect, test } from "vitest";

import { filtersOf, hasFilters, NO_FILTERS, withoutTimes } from "./filters";

const view = (names: Record<string, string>) => ({ get: (name: string) => names[name] ?? null, set: () => {} });

test("what the address does not say is not looked for, nor is what it leaves empty", () => {
  expect(filtersOf(view({ flow: "etl", text: "" }))).toEqual({ ...NO_FILTERS, flow: "etl" });
  expect(hasFilters(filtersOf(view({ tab: "logs" })))).toBe(false);
});

test("a filter of times does not narrow what the histogram shows", () => {
  expect(withoutTimes(filtersOf(view({ tag: "daily", since_us: "5" })))).toEqual({ ...NO_FILTERS, tag: "daily" });
});
