// Runs over time by how they ended; a stretch that is drawn over it becomes the filter of time.

import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";

import { onThemeChange } from "../../run/theme";
import { axisLabels } from "./axis";
import { type Buckets, stackedOf } from "./stacks";

const HEIGHT = 68;
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
  const { from_us, step_us } = buckets;
  return (
    <div class="runs-histogram">
      <div ref={element} class="runs-bars" role="img" aria-label={`${runs.toLocaleString()} runs over time`} />
      <div class="runs-axis">
        {axisLabels(from_us, from_us + step_us * buckets.buckets.length, Date.now() * 1000).map((label) => (
          <span key={label}>{label}</span>
        ))}
      </div>
    </div>
  );
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
      { show: false },
      {
        stroke: token("text-muted"),
        font: "11px system-ui, sans-serif",
        grid: { show: false },
        ticks: { show: false },
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
