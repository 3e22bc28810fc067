// Work that is asked for faster than it can be done is done once for many times: the more it costs, the rarer.

import type { ReadonlySignal } from "@preact/signals";
import { useEffect } from "preact/hooks";

interface Rest {
  /** The shortest time between an end of the work and its next beginning. */
  restMs?: number;
  /** So many times as long as the work took. */
  restFactor?: number;
}

/** At most a sixth of the time goes into what holds up the page. */
const PAINTING: Required<Rest> = { restMs: 200, restFactor: 5 };
/** The server answers one question at most half of the time. */
const ASKING: Required<Rest> = { restMs: 250, restFactor: 1 };

/** Does work now, and again after rests. Work that gives a promise is done when that is kept or broken. */
export class Pace {
  private timer: ReturnType<typeof setTimeout> | undefined;
  private restUntilMs = 0;
  private isAtWork = false;
  /** Asked for while it was done: what it is about may have changed since it began. */
  private isWanted = false;
  private isClosed = false;
  private readonly work: () => unknown;
  private readonly rest: Required<Rest>;

  constructor(work: () => unknown, rest: Rest = {}) {
    this.work = work;
    this.rest = { ...PAINTING, ...rest };
  }

  /** A pace for questions to the server: the next one is asked after the answer. */
  static ofQuestions(ask: () => Promise<unknown>, restMs = ASKING.restMs): Pace {
    return new Pace(ask, { ...ASKING, restMs });
  }

  ask(): void {
    if (this.isClosed || this.timer !== undefined) return;
    const waitMs = this.restUntilMs - performance.now();
    if (this.isAtWork) this.isWanted = true;
    else if (waitMs <= 0) this.run();
    else this.timer = setTimeout(() => this.run(), waitMs);
  }

  close(): void {
    this.isClosed = true;
    clearTimeout(this.timer);
  }

  private run(): void {
    this.timer = undefined;
    const beganMs = performance.now();
    const done = this.work();
    if (!(done instanceof Promise)) {
      this.restSince(beganMs);
      return;
    }
    this.isAtWork = true;
    const end = (): void => {
      this.isAtWork = false;
      this.restSince(beganMs);
      if (this.isWanted) this.ask();
      this.isWanted = false;
    };
    done.then(end, end);
  }

  private restSince(beganMs: number): void {
    const endedMs = performance.now();
    this.restUntilMs = endedMs + Math.max(this.rest.restMs, (endedMs - beganMs) * this.rest.restFactor);
  }
}

/** Asks at once, and after each change: never twice at once. What comes when `isWanted` is false is an answer to an old question. */
export function useAnswers(
  changes: ReadonlySignal<unknown>,
  ask: (isWanted: () => boolean) => Promise<unknown>,
  about: readonly unknown[],
  restMs = ASKING.restMs,
): void {
  useEffect(() => {
    let isWanted = true;
    const questions = Pace.ofQuestions(() => ask(() => isWanted), restMs);
    const stop = changes.subscribe(() => questions.ask());
    return () => {
      isWanted = false;
      stop();
      questions.close();
    };
  }, [changes, ...about]);
}
