// Runs over time by how they ended; a stretch that is drawn over it becomes the filter of time.

import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";

import { onThemeChange } from "../../run/theme";
import { type Buckets, stackedOf } from "./stacks";

const HEIGHT = 88;
const DAYS_SECONDS = 3 * 86_400;
const LEAST_DRAG = 4;

interface HistogramProps {
  buckets: Buckets;
  onTimes: (sinceUs: number, untilUs: number) => void;
}

export function Histogram({ buckets, onTimes }: HistogramProps): JSX.Element {
  const element = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const choose = useRef(onTimes);
  choose.current = onTimes;
  const stepSeconds = useRef(1);
  stepSeconds.current = buckets.step_us / 1e6;
  useEffect(() => {
    const shown = element.current!;
    const made = new uPlot(optionsOf(shown, choose, stepSeconds), [[], [], [], []], shown);
    plot.current = made;
    const observer = new ResizeObserver(() => made.setSize({ width: shown.clientWidth, height: HEIGHT }));
    observer.observe(shown);
    const stop = onThemeChange(() => made.redraw(false, true));
    return () => {
      stop();
      observer.disconnect();
      made.destroy();
    };
  }, []);
  useEffect(() => plot.current?.setData(stackedOf(buckets)), [buckets]);
  const runs = buckets.buckets.reduce((sum, counts) => sum + Object.values(counts).reduce((a, b) => a + b, 0), 0);
  return <div ref={element} class="runs-histogram" role="img" aria-label={`${runs.toLocaleString()} runs over time`} />;
}

function optionsOf(element: HTMLElement, choose: { current: HistogramProps["onTimes"] }, stepSeconds: { current: number }): uPlot.Options {
  const token = (name: string) => (): string => getComputedStyle(element).getPropertyValue(`--${name}`).trim();
  const bars = uPlot.paths.bars!({ size: [0.8, 24, 1], align: 1 });
  const series = (label: string, colour: string): uPlot.Series => ({
    label,
    fill: token(colour),
    width: 0,
    paths: bars,
    points: { show: false },
  });
  const axis: uPlot.Axis = {
    stroke: token("text-muted"),
    font: "11px system-ui, sans-serif",
    grid: { show: false },
    ticks: { show: false },
  };
  return {
    width: element.clientWidth,
    height: HEIGHT,
    padding: [8, 0, 0, 0],
    legend: { show: false },
    cursor: { y: false, points: { show: false }, drag: { x: true, y: false, setScale: false } },
    scales: {
      x: { time: true, range: (plot, min, max) => [min, Math.max(max, plot.data[0].at(-1) ?? max) + stepSeconds.current] },
      y: { range: (_, __, max) => [0, Math.max(max, 1)] },
    },
    axes: [
      {
        ...axis,
        size: 20,
        gap: 2,
        values: (plot, splits) => tickLabels(splits, (plot.scales.x!.max ?? 0) - (plot.scales.x!.min ?? 0)),
      },
      {
        ...axis,
        size: 36,
        gap: 4,
        splits: (_, __, ___, max) => [0, max],
        values: (_, splits) => splits.map((value) => (value === 0 ? "" : String(value))),
      },
    ],
    // The whole stack first, so that each shorter one is drawn over it.
    series: [
      {},
      series("Failed or crashed", "state-failed"),
      series("Running or waiting", "state-running"),
      series("Completed", "histogram-done"),
    ],
    hooks: {
      setSelect: [
        (plot) => {
          if (plot.select.width < LEAST_DRAG) return;
          const since = plot.posToVal(plot.select.left, "x");
          const until = plot.posToVal(plot.select.left + plot.select.width, "x");
          plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
          choose.current(Math.round(since * 1e6), Math.round(until * 1e6));
        },
      ],
    },
  };
}

/** Each day is named once. */
function tickLabels(splits: readonly number[], shownSeconds: number): string[] {
  const labels = splits.map((at) => tickLabel(at, shownSeconds));
  return labels.map((label, at) => (label === labels[at - 1] ? "" : label));
}

/** A day where many are shown, else a time. */
function tickLabel(seconds: number, shownSeconds: number): string {
  const date = new Date(seconds * 1000);
  if (shownSeconds > DAYS_SECONDS) return date.toLocaleDateString(undefined, { month: "short", day: "numeric" });
  return date.toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit" });
}
