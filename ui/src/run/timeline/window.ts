// The part of the time line that is on the screen, and how it moves. Pure: a window in, a window out; times are
// microseconds after the start of the run, and a whole is what there is to be seen in all.

export interface TimeWindow {
  readonly from: number;
  readonly to: number;
}

const SHORTEST_US = 20;
/** How much room is left of and right of the whole when it is fitted, as a share of it. */
const MARGIN = 0.015;

export function spanOf(window: TimeWindow): number {
  return window.to - window.from;
}

/** The window that shows the whole. */
export function fitted(whole: TimeWindow): TimeWindow {
  const margin = Math.max(spanOf(whole), SHORTEST_US) * MARGIN;
  return {
    from: whole.from - margin,
    to: Math.max(whole.to, whole.from + SHORTEST_US) + margin,
  };
}

/** The window with `at` where it was, showing `factor` times as much. */
export function zoomed(window: TimeWindow, whole: TimeWindow, at: number, factor: number): TimeWindow {
  const longest = spanOf(fitted(whole));
  const span = Math.min(longest, Math.max(SHORTEST_US, spanOf(window) * factor));
  const share = (at - window.from) / spanOf(window);
  return kept(at - share * span, span, whole);
}

export function panned(window: TimeWindow, whole: TimeWindow, byUs: number): TimeWindow {
  return kept(window.from + byUs, spanOf(window), whole);
}

/** The window moved, and widened if it must be, so that a stretch of time is in it. */
export function revealing(window: TimeWindow, whole: TimeWindow, from: number, to: number): TimeWindow {
  const span = Math.max(spanOf(window), (to - from) * 1.25);
  if (from >= window.from && to <= window.to) return window;
  return kept((from + to - span) / 2, span, whole);
}

/** A window that stays within what there is, and its margins. */
function kept(from: number, span: number, whole: TimeWindow): TimeWindow {
  const edges = fitted(whole);
  const start = Math.max(edges.from, Math.min(from, edges.to - span));
  return { from: start, to: start + span };
}
