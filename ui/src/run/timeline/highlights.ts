// What is marked among the bars: the task run that is pointed at or selected, and the critical path.

import type { Theme } from "../theme";
import { type Frame, xOf, yOf } from "./frame";
import { placeOf, type Section, type Spot } from "./scene";

/** A frame round a task run, and the whole time that it waited. */
export function paintOutline(context: CanvasRenderingContext2D, spot: Spot, frame: Frame, colour: string): void {
  const place = placeOf(spot, frame.nowUs);
  const y = yOf(frame, place.top);
  const x0 = xOf(frame, place.start);
  const x1 = Math.max(xOf(frame, place.to), x0 + 3);
  const waitFrom = xOf(frame, place.from);
  context.fillStyle = colour;
  context.strokeStyle = colour;
  if (x0 - waitFrom > 1) {
    const left = Math.max(waitFrom, frame.left);
    context.fillRect(left, Math.round(y + place.height) - 3, Math.max(0, x0 - left), 2);
    context.fillRect(waitFrom, y + 2, 2, Math.max(3, place.height - 4));
  }
  context.lineWidth = 2;
  context.strokeRect(x0 - 1, y - 1, x1 - x0 + 1, place.height);
}

/** A strip below each task run that the end of the flow run waited for, joined from one to the next. */
export function paintCriticalPath(context: CanvasRenderingContext2D, section: Section, frame: Frame, theme: Theme): void {
  context.fillStyle = theme.accent;
  context.strokeStyle = theme.accent;
  context.lineWidth = 1.5;
  context.globalAlpha = 0.8;
  context.beginPath();
  let lastX = NaN;
  let lastY = NaN;
  for (const id of frame.critical) {
    const row = section.store.rowOf(id);
    if (row < 0) continue;
    const place = placeOf({ section, row }, frame.nowUs);
    const x0 = xOf(frame, place.start);
    const x1 = Math.max(x0 + 2, xOf(frame, place.to));
    const y = yOf(frame, place.top);
    const stripY = y + place.height;
    if (x1 >= frame.left && x0 <= frame.width) {
      context.fillRect(x0, stripY - 2, x1 - x0, 3);
      if (!Number.isNaN(lastX) && (Math.abs(stripY - lastY) > 2 || x0 - lastX > 4)) {
        context.moveTo(lastX, lastY);
        context.lineTo(x0, lastY);
        context.lineTo(x0, stripY - (stripY > lastY ? place.height : 0));
      }
    }
    lastX = x1;
    lastY = stripY - 1;
  }
  context.stroke();
  context.globalAlpha = 1;
}
