import { describe, expect, it } from "vitest";

import { withValues } from "./Facts";

describe("facts", () => {
  it("that have no value are left out with their names", () => {
    const facts = withValues([
      ["Task", "load"],
      ["Stored", false],
      ["Worker", null],
      ["Tags", ""],
      ["Epochs", 0],
    ]);
    expect(facts.map(([name]) => name)).toEqual(["Task", "Epochs"]);
  });
});
