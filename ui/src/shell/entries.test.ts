import { expect, test } from "vitest";

import { type Entry, matching } from "./entries";

const entry = (label: string): Entry => ({ key: label, group: "", label, act: () => {} });

test("an entry matches when its label has every word, in any order and case", () => {
  const entries = [entry("Failed runs"), entry("Runs")];
  expect(matching(entries, "RUNS fail")).toEqual([entries[0]].map((one) => expect.objectContaining({ label: one!.label })));
  expect(matching(entries, "").length).toBe(2);
});
