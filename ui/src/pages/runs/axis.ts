// What stands below the histogram of runs: when it begins, its middle, and when it ends. Pure.

import { DAY, HOUR, MINUTE, SECOND } from "../../run/spans";
import { clockLabel, momentLabel } from "../../run/timeline/ticks";

/** From so much on days are told, and no times. */
const MANY_DAYS_US = 4 * DAY;

/** The labels from left to right; one that says the same as that before it is left out. Times have their day where it is not today. */
export function axisLabels(fromUs: number, toUs: number, nowUs: number): string[] {
  const spanUs = toUs - fromUs;
  const timeStepUs = spanUs >= HOUR ? MINUTE : SECOND;
  const label = (us: number): string => (spanUs >= MANY_DAYS_US ? clockLabel(us, DAY) : momentLabel(us, timeStepUs, nowUs));
  const labels = [fromUs, (fromUs + toUs) / 2, toUs].map(label);
  return labels.filter((text, at) => text !== labels[at - 1]);
}
