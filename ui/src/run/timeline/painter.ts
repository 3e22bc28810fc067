// Draws one frame of a scene: ground, lanes, bars, what is marked, and the axis over them.

import type { Theme } from "../theme";
import { Bars } from "./bars";
import { paintAxis, paintBands, paintGrid, paintNames, paintNow, paintScrollBar } from "./chrome";
import { AXIS_HEIGHT, type Frame, yOf } from "./frame";
import { paintCriticalPath, paintOutline } from "./highlights";
import type { Scene } from "./scene";

export class Painter {
  private readonly bars = new Bars();

  constructor(private readonly context: CanvasRenderingContext2D) {}

  paint(scene: Scene, frame: Frame, theme: Theme): void {
    const { context } = this;
    context.setTransform(frame.scale, 0, 0, frame.scale, 0, 0);
    context.fillStyle = theme.surface;
    context.fillRect(0, 0, frame.width, frame.height);
    paintBands(context, scene, frame, theme);
    paintGrid(context, frame, theme);
    this.paintLanes(scene, frame, theme);
    paintNames(context, scene, frame, theme);
    paintAxis(context, frame, theme);
    paintScrollBar(context, scene, frame, theme);
  }

  private paintLanes(scene: Scene, frame: Frame, theme: Theme): void {
    const { context } = this;
    context.save();
    context.beginPath();
    context.rect(frame.left, AXIS_HEIGHT, frame.width - frame.left, frame.height - AXIS_HEIGHT);
    context.clip();
    for (const section of scene.sections)
      if (yOf(frame, section.top) < frame.height && yOf(frame, section.top + section.lanes.height) > AXIS_HEIGHT)
        this.bars.gather(section, frame);
    this.bars.paint(context, theme);
    if (frame.critical.length > 0 && scene.sections[0] !== undefined) paintCriticalPath(context, scene.sections[0], frame, theme);
    if (frame.selected !== null) paintOutline(context, frame.selected, frame, theme.accent);
    if (frame.hovered !== null) paintOutline(context, frame.hovered, frame, theme.text);
    if (scene.isRunning) paintNow(context, frame, theme);
    context.restore();
  }
}
