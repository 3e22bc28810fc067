// A small map in the corner of a graph that is larger than the screen: every node as a speck, and what is in sight. The
// specks are painted once for a picture and kept.

import { STATE_TYPES } from "../../data/task_store";
import type { Point } from "../listening";
import type { Surface } from "../surface";
import type { Theme } from "../theme";
import type { Camera } from "./camera";
import { worstOf } from "./graph_painter";
import type { Picture } from "./picture";

const WIDTH = 168;
const HEIGHT = 112;
const MARGIN = 12;

interface Place {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
  /** Pixels of the map to one of the picture. */
  readonly scale: number;
}

export class Minimap {
  private readonly kept = document.createElement("canvas");
  private keptFor: { picture: Picture; theme: Theme } | null = null;

  paint(surface: Surface, picture: Picture, camera: Camera): void {
    const place = placeOf(surface, picture, camera);
    if (place === null) return;
    const { context, theme, scale } = surface;
    if (this.keptFor?.picture !== picture || this.keptFor.theme !== theme) {
      this.keep(picture, theme, place, scale);
      this.keptFor = { picture, theme };
    }
    const { left, top, width, height } = place;
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.fillStyle = theme.surface;
    context.strokeStyle = theme.strong;
    context.lineWidth = 1;
    context.fillRect(left - 4, top - 4, width + 8, height + 8);
    context.strokeRect(left - 4.5, top - 4.5, width + 9, height + 9);
    context.drawImage(this.kept, left, top, width, height);
    const sight = {
      left: left + Math.max(0, (-camera.x / camera.zoom) * place.scale),
      top: top + Math.max(0, (-camera.y / camera.zoom) * place.scale),
      right: left + Math.min(width, ((surface.width - camera.x) / camera.zoom) * place.scale),
      bottom: top + Math.min(height, ((surface.height - camera.y) / camera.zoom) * place.scale),
    };
    context.strokeStyle = theme.accent;
    context.lineWidth = 1.5;
    context.strokeRect(sight.left, sight.top, Math.max(3, sight.right - sight.left), Math.max(3, sight.bottom - sight.top));
  }

  /** The camera that has what is at a point of the map in the middle; null beside the map. */
  cameraAt(surface: Surface, picture: Picture, camera: Camera, at: Point): Camera | null {
    const place = placeOf(surface, picture, camera);
    if (place === null) return null;
    const { left, top, width, height } = place;
    if (at.x < left - 4 || at.y < top - 4 || at.x > left + width + 4 || at.y > top + height + 4) return null;
    return {
      zoom: camera.zoom,
      x: surface.width / 2 - ((at.x - left) / place.scale) * camera.zoom,
      y: surface.height / 2 - ((at.y - top) / place.scale) * camera.zoom,
    };
  }

  private keep(picture: Picture, theme: Theme, place: Place, scale: number): void {
    this.kept.width = Math.max(1, Math.round(place.width * scale));
    this.kept.height = Math.max(1, Math.round(place.height * scale));
    const pen = this.kept.getContext("2d")!;
    pen.scale(place.scale * scale, place.scale * scale);
    const least = 1 / place.scale;
    for (const item of picture.items) {
      const worst = worstOf(item);
      pen.fillStyle = item.isBox || worst === null ? theme.line : theme.marks[STATE_TYPES.indexOf(worst)]!;
      pen.fillRect(item.x, item.y, Math.max(least, item.width), Math.max(least, item.height));
    }
  }
}

/** Where the map is: in the corner below on the right, when the picture does not fit on the screen. */
function placeOf(surface: Surface, picture: Picture, { zoom }: Camera): Place | null {
  const isSmall = picture.width * zoom <= surface.width && picture.height * zoom <= surface.height;
  if (isSmall || surface.width < 3 * WIDTH) return null;
  const scale = Math.min(WIDTH / picture.width, HEIGHT / picture.height);
  const width = Math.max(8, picture.width * scale);
  const height = Math.max(8, picture.height * scale);
  return {
    left: surface.width - MARGIN - width,
    top: surface.height - MARGIN - height,
    width,
    height,
    scale,
  };
}
