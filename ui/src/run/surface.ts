// A canvas that fills its element: as sharp as the screen, in the page's theme, and painted in an animation frame when
// somebody has asked for it. It rests otherwise, and while the page is hidden.

import { onThemeChange, readTheme, type Theme } from "./theme";

export class Surface {
  readonly context: CanvasRenderingContext2D;
  theme: Theme;
  width = 1;
  height = 1;
  /** Device pixels to one of CSS. */
  scale = 1;
  private frameAsked = 0;
  private readonly paint: () => void;
  private readonly endings: (() => void)[];

  /** `resized` is told before the first painting in a new size. */
  constructor(
    readonly canvas: HTMLCanvasElement,
    { paint, resized }: { paint: () => void; resized: () => void },
  ) {
    this.context = canvas.getContext("2d", { alpha: false })!;
    this.theme = readTheme(canvas);
    this.paint = paint;
    const observer = new ResizeObserver(() => {
      this.measure();
      resized();
      this.paint(); // at once: a canvas is empty in its new size
    });
    observer.observe(canvas);
    const onShow = (): void => this.draw();
    document.addEventListener("visibilitychange", onShow);
    this.endings = [
      () => observer.disconnect(),
      () => document.removeEventListener("visibilitychange", onShow),
      onThemeChange(() => {
        this.theme = readTheme(canvas);
        this.draw();
      }),
    ];
    this.measure();
  }

  close(): void {
    cancelAnimationFrame(this.frameAsked);
    for (const end of this.endings) end();
  }

  draw(): void {
    if (this.frameAsked !== 0) return;
    this.frameAsked = requestAnimationFrame(() => {
      this.frameAsked = 0;
      if (!document.hidden) this.paint();
    });
  }

  private measure(): void {
    this.width = Math.max(1, this.canvas.clientWidth);
    this.height = Math.max(1, this.canvas.clientHeight);
    this.scale = devicePixelRatio;
    this.canvas.width = Math.round(this.width * this.scale);
    this.canvas.height = Math.round(this.height * this.scale);
  }
}
