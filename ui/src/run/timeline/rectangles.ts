// Rectangles of one fill, gathered over a frame and painted together: a canvas is quick as long as its colour stays.
// The room for them is kept from frame to frame, so that painting makes no garbage.

export class Rectangles {
  private values = new Float32Array(1024);
  private length = 0;

  add(x: number, y: number, width: number, height: number): void {
    if (this.length === this.values.length) {
      const larger = new Float32Array(this.length * 2);
      larger.set(this.values);
      this.values = larger;
    }
    const { values } = this;
    values[this.length++] = x;
    values[this.length++] = y;
    values[this.length++] = width;
    values[this.length++] = height;
  }

  /** Paints them in the context's present fill, and forgets them. */
  paint(context: CanvasRenderingContext2D): void {
    const { values, length } = this;
    for (let at = 0; at < length; at += 4) context.fillRect(values[at]!, values[at + 1]!, values[at + 2]!, values[at + 3]!);
    this.length = 0;
  }

  get isEmpty(): boolean {
    return this.length === 0;
  }
}
