// From where a picture is looked at: how large it is on the screen, and where its left upper corner is there. Pure.

import type { Point } from "../listening";

export interface Camera {
  readonly zoom: number;
  readonly x: number;
  readonly y: number;
}

interface Size {
  readonly width: number;
  readonly height: number;
}

const MARGIN = 24;
/** The tools lie over the upper edge of the screen: a picture that is fitted begins below them. */
const TOOLS = 48;
const LARGEST = 2;
const SMALLEST = 0.02;
/** A picture is not made larger than it is, and not so small that its nodes are specks, only to show all of it. */
const LARGEST_FIT = 1;
const SMALLEST_FIT = 0.1;

/** All of the picture, in the middle; of one that would be all specks its left edge, with a height of it in the middle. */
export function fitting(picture: Size, screen: Size, focusY: number): Camera {
  const across = (screen.width - 2 * MARGIN) / Math.max(1, picture.width);
  const room = Math.max(1, screen.height - TOOLS - MARGIN);
  const along = room / Math.max(1, picture.height);
  const zoom = Math.min(LARGEST_FIT, Math.max(SMALLEST_FIT, Math.min(across, along)));
  const x = Math.max(MARGIN, (screen.width - picture.width * zoom) / 2);
  const isWhole = zoom <= along;
  return { zoom, x, y: TOOLS + room / 2 - (isWhole ? picture.height / 2 : focusY) * zoom };
}

/** Closer or farther, with what is at a point of the screen staying there. */
export function zoomed(camera: Camera, factor: number, at: Point): Camera {
  const zoom = Math.min(LARGEST, Math.max(SMALLEST, camera.zoom * factor));
  const share = zoom / camera.zoom;
  return {
    zoom,
    x: at.x - (at.x - camera.x) * share,
    y: at.y - (at.y - camera.y) * share,
  };
}

/** Moved, but so that some of the picture stays in sight. */
export function panned(camera: Camera, picture: Size, screen: Size, dx: number, dy: number): Camera {
  const kept = (value: number, size: number, room: number): number =>
    Math.max(MARGIN * 2 - size * camera.zoom, Math.min(room - MARGIN * 2, value));
  return {
    zoom: camera.zoom,
    x: kept(camera.x + dx, picture.width, screen.width),
    y: kept(camera.y + dy, picture.height, screen.height),
  };
}

/** Moved as little as possible, so that a part of the picture is on the screen. */
export function revealing(camera: Camera, screen: Size, part: Point & Size): Camera {
  const shift = (from: number, size: number, room: number): number => {
    if (from < MARGIN) return MARGIN - from;
    return from + size > room - MARGIN ? Math.max(MARGIN - from, room - MARGIN - from - size) : 0;
  };
  const { zoom } = camera;
  const dx = shift(camera.x + part.x * zoom, part.width * zoom, screen.width);
  const dy = shift(camera.y + part.y * zoom, part.height * zoom, screen.height);
  return { zoom, x: camera.x + dx, y: camera.y + dy };
}

export function pictureOf(camera: Camera, point: Point): Point {
  return {
    x: (point.x - camera.x) / camera.zoom,
    y: (point.y - camera.y) / camera.zoom,
  };
}
