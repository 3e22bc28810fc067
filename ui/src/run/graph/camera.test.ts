import { describe, expect, it } from "vitest";

import { fitting, panned, pictureOf, revealing, zoomed } from "./camera";

const SCREEN = { width: 800, height: 400 };

describe("the camera", () => {
  it("shows all of a picture in the middle of what the tools leave, but no larger than it is", () => {
    expect(fitting({ width: 400, height: 200 }, SCREEN, 0)).toEqual({ zoom: 1, x: 200, y: 48 + 328 / 2 - 100 });
    expect(fitting({ width: 1504, height: 100 }, SCREEN, 0)).toEqual({ zoom: 0.5, x: 24, y: 48 + 328 / 2 - 25 });
  });

  it("makes a picture small rather than leave a part of it out", () => {
    const { zoom, y } = fitting({ width: 400, height: 1640 }, SCREEN, 0);
    expect([zoom, y]).toEqual([0.2, 48]);
  });

  it("begins at the left edge of a picture that would be all specks", () => {
    expect(fitting({ width: 9000, height: 9000 }, SCREEN, 6000)).toEqual({ zoom: 0.1, x: 24, y: 48 + 328 / 2 - 600 });
  });

  it("keeps what is under the pointer where it is when it zooms", () => {
    const before = { zoom: 1, x: 30, y: 40 };
    const at = { x: 300, y: 200 };
    const after = zoomed(before, 1.5, at);

    expect(after.zoom).toBe(1.5);
    expect(pictureOf(after, at)).toEqual(pictureOf(before, at));
  });

  it("never loses the picture", () => {
    const picture = { width: 300, height: 100 };
    expect(panned({ zoom: 1, x: 0, y: 0 }, picture, SCREEN, -5000, 5000)).toEqual({ zoom: 1, x: 48 - 300, y: 400 - 48 });
  });

  it("moves as little as it must to show a part", () => {
    const camera = { zoom: 1, x: 0, y: 0 };
    expect(revealing(camera, SCREEN, { x: 100, y: 100, width: 50, height: 50 })).toEqual(camera);
    expect(revealing(camera, SCREEN, { x: 900, y: 100, width: 50, height: 50 })).toEqual({ zoom: 1, x: -174, y: 0 });
  });
});
