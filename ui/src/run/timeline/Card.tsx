// The card beside the task run that is pointed at: what it is, how it stands, and where its time went.

import { useComputed } from "@preact/signals";
import { Fragment, type JSX } from "preact";
import { useMemo } from "preact/hooks";

import { StateSign } from "../../design/state";
import { visible } from "../../text/visible";
import { spanLabel } from "../spans";
import { barStart } from "./lanes";
import type { Spot } from "./scene";
import type { Hover, Stage } from "./stage";

const WIDTH = 260;
const GAP = 14;

export function Card({ stage }: { stage: Stage }): JSX.Element {
  const hover = useComputed(() => stage.hover.value);
  const heard = useHeard(hover.value, stage);
  if (hover.value === null) return <p class="unseen" aria-live="polite" />;
  const { spot, x, y } = hover.value;
  const { store } = spot.section;
  const facts = factsOf(spot, stage);
  const left = x + GAP + WIDTH > stage.width ? Math.max(4, x - GAP - WIDTH) : x + GAP;
  const isLow = y > stage.canvas.clientHeight * 0.6;
  const edge = isLow ? { bottom: `${stage.canvas.clientHeight - y + GAP}px` } : { top: `${y + GAP}px` };
  return (
    <>
      <div class="timeline-card" style={{ left: `${left}px`, width: `${WIDTH}px`, ...edge }}>
        <p class="timeline-card-name told">{visible(store.nameOf(spot.row))}</p>
        <p class="timeline-card-state">
          <StateSign type={store.stateTypeOf(spot.row)} name={store.stateNameOf(spot.row)} />
        </p>
        <dl>
          {facts.map(([name, value]) => (
            <Fragment key={name}>
              <dt>{name}</dt>
              <dd class="told">{visible(value)}</dd>
            </Fragment>
          ))}
        </dl>
      </div>
      <p class="unseen" aria-live="polite">
        {heard}
      </p>
    </>
  );
}

/** What the keyboard points at, said when it comes there and when its state changes, not with each look at the clock. */
function useHeard(hover: Hover | null, stage: Stage): string {
  const spot = hover?.isByKey === true ? hover.spot : null;
  const cause = spot === null ? "" : `${spot.section.run} ${spot.row} ${spot.section.store.stateNameOf(spot.row)}`;
  return useMemo(() => (spot === null ? "" : describe(spot, stage)), [cause]);
}

/** The same as the card in a sentence, for who hears it. */
function describe(spot: Spot, stage: Stage): string {
  const { store } = spot.section;
  const facts = factsOf(spot, stage).map(([name, value]) => `${name} ${value}`);
  return `${visible(store.nameOf(spot.row))}, ${store.stateNameOf(spot.row)}, ${facts.join(", ")}`;
}

function factsOf({ section, row }: Spot, stage: Stage): (readonly [name: string, value: string])[] {
  const { store } = section;
  const now = stage.nowUs - section.shiftUs;
  const submitted = store.submitted[row]!;
  const start = barStart(store, row);
  const end = store.isEnded(row) ? store.ended[row]! : now;
  const facts: (readonly [string, string])[] = [];
  if (section.kind === "subflow") facts.push(["flow", store.tasks[0]!]);
  facts.push(["waited", spanLabel((Number.isNaN(start) ? now : start) - submitted)]);
  if (!Number.isNaN(store.started[row]!)) facts.push([store.isEnded(row) ? "ran" : "runs for", spanLabel(end - start)]);
  if (store.attempts[row]! > 1) facts.push(["attempts", String(store.attempts[row]!)]);
  const worker = store.workerOf(row);
  if (worker !== null) facts.push(["worker", worker]);
  const waiting = section.lanes.waiting.some((count) => count > 1) ? othersWaiting({ section, row }) : 0;
  if (waiting > 0) facts.push(["so do", `${waiting.toLocaleString()} others`]);
  return facts;
}

/** How many more task runs wait where one stands for all. */
function othersWaiting({ section, row }: Spot): number {
  const { lanes } = section;
  const track = lanes.trackOf[row]!;
  for (let lane = 0; lane < lanes.count; lane++)
    if (lanes.waiting[lane]! > 0 && lanes.firstTrack[lane + 1]! - 1 === track) return lanes.waiting[lane]! - 1;
  return 0;
}
