import { describe, expect, it } from "vitest";

import { visible } from "./visible";

describe("text of others", () => {
  it("stays as it is where nothing is hidden in it", () => {
    const text = "naïve 日本語 👩‍🚀 <b>bold</b>\n\tשלום";
    expect(visible(text)).toBe(text);
  });

  it("shows controls as their symbols", () => {
    expect(visible("a\u0000b\u001b[2Jc\u007f")).toBe("a␀b␛[2Jc␡");
  });

  it("shows marks of direction, which would turn round what follows", () => {
    expect(visible("user\u202egpj.exe")).toBe("user⟨U+202E⟩gpj.exe");
    expect(visible("\u2066x\u2069")).toBe("⟨U+2066⟩x⟨U+2069⟩");
  });

  it("shows what has no width", () => {
    expect(visible("pay\u200bpal\ufeff")).toBe("pay⟨U+200B⟩pal⟨U+FEFF⟩");
    expect(visible("tag\u{e0041}")).toBe("tag⟨U+E0041⟩");
  });
});
