import { describe, expect, it } from "vitest";

import { storeOf } from "../../run/timeline/rows.fixture";
import { neighbourOf } from "./neighbours";

const store = storeOf([
  ["t", "a", 0, 0, 1],
  ["t", "a", 0, 1, 2],
  ["t", "a", 0, 2, 3],
]); // prettier-ignore

describe("the neighbour of a task run", () => {
  it("is the one that the table has beside it", () => {
    expect([neighbourOf(2, 1, [3, 2, 1], store), neighbourOf(2, -1, [3, 2, 1], store)]).toEqual([1, 3]);
  });

  it("is the next to be submitted where the table does not have it", () => {
    expect([neighbourOf(2, 1, [], store), neighbourOf(2, -1, [3, 1], store)]).toEqual([3, 1]);
  });

  it("is itself at an end, or when it is not known", () => {
    expect([neighbourOf(3, 1, [], store), neighbourOf(3, -1, [3, 2], store), neighbourOf(99, 1, [], store)]).toEqual([3, 3, 99]);
  });
});
