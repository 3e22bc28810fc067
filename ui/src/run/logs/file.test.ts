import { describe, expect, it } from "vitest";

import { textOf } from "./file";

describe("a log as a file", () => {
  it("has a line a message, without the colours of terminals", () => {
    const line = { key: 1, task_run: 3, task_run_name: "load-3", at_us: 0, level: 35, logger: "x", message: "\u001b[31mlate\u001b[0m" };
    expect(textOf(line)).toBe("1970-01-01T00:00:00.000Z WARNING  [load-3] late\n");
    expect(textOf({ ...line, task_run_name: null, level: 20 })).toBe("1970-01-01T00:00:00.000Z INFO     late\n");
  });
});
