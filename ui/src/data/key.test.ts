import { expect, test } from "vitest";

import { keyOf } from "./key";

test("a question is written in one way, whatever the order of its parameters", () => {
  expect(keyOf("/api/runs", { limit: 50, flow: "etl" })).toBe("/api/runs?flow=etl&limit=50");
  expect(keyOf("/api/runs", { flow: "etl", limit: 50 })).toBe("/api/runs?flow=etl&limit=50");
});

test("what is empty is not asked for, but zero and false are", () => {
  expect(keyOf("/api/runs", { flow: "", tag: null, text: undefined })).toBe("/api/runs");
  expect(keyOf("/a", { after: 0, roots_only: false })).toBe("/a?after=0&roots_only=false");
});

test("a list repeats its name, in the order that it has", () => {
  expect(keyOf("/g", { expand: ["b", "a"] })).toBe("/g?expand=b&expand=a");
});
