import { expect, test } from "vitest";

import type { RunRow } from "../../data/views";
import { patched } from "./run_list";

const row = (id: string, state = "Running"): RunRow => ({ id, state }) as RunRow;

test("a run that changed is patched where it stands", () => {
  const rows = patched([row("a"), row("b"), row("c")], { runs: [row("b", "Completed")], deleted: [] });
  expect(rows.map(({ id, state }) => [id, state])).toEqual([
    ["a", "Running"],
    ["b", "Completed"],
    ["c", "Running"],
  ]);
});

test("a deleted run goes", () => {
  expect(patched([row("a"), row("b")], { runs: [], deleted: ["a"] }).map(({ id }) => id)).toEqual(["b"]);
});

test("what concerns no row leaves the very same list, so that nothing is drawn again", () => {
  const rows = [row("a")];
  expect(patched(rows, { runs: [row("z")], deleted: ["y"] })).toBe(rows);
});
