// Work that is asked for faster than it can be done is done once for many times: the more it costs, the rarer.

const SHORTEST_REST_MS = 200;
/** At most a sixth of the time goes into it. */
const REST_FACTOR = 5;

export class Pace {
  private timer = 0;
  private restUntilMs = 0;

  constructor(
    private readonly work: () => void,
    private readonly restMs = SHORTEST_REST_MS,
  ) {}

  /** Does the work now, or when it has rested. */
  ask(): void {
    if (this.timer !== 0) return;
    const wait = this.restUntilMs - performance.now();
    if (wait <= 0) this.run();
    else this.timer = window.setTimeout(() => this.run(), wait);
  }

  close(): void {
    clearTimeout(this.timer);
  }

  private run(): void {
    this.timer = 0;
    const began = performance.now();
    this.work();
    const ended = performance.now();
    this.restUntilMs = ended + Math.max(this.restMs, (ended - began) * REST_FACTOR);
  }
}
