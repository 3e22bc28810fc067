// A process that the server has started for a person: followed until its run goes on, or until it has ended.

import type { Get } from "../../data/task_feed";
import type { Launch, Run } from "../../data/views";

const LOOK_EVERY_MS = 300;

/** The launch once its run has begun, or it has ended. It is given as it is when it is no longer wanted. */
export async function followLaunch(first: Launch, get: Get, isWanted: () => boolean, rest = pause): Promise<Launch> {
  for (let launch = first; ; launch = await get<Launch>(`/api/launches/${launch.id}`)) {
    if (!isWanted() || launch.state === "ended") return launch;
    if (launch.run !== null && (await isUnderWay(launch.run, get))) return launch;
    await rest();
  }
}

/** A run that is resumed is there from the start: it goes on when it is no longer at an end. */
async function isUnderWay(run: string, get: Get): Promise<boolean> {
  return (await get<Run>(`/api/runs/${run}`)).ended_us === null;
}

/** Whether the process ended before its run had begun: then its output says why. */
export async function hasFailed(launch: Launch, get: Get, epochBefore: number | null): Promise<boolean> {
  if (launch.state === "running") return false;
  if (launch.run === null) return true;
  return epochBefore !== null && (await get<Run>(`/api/runs/${launch.run}`)).epoch === epochBefore;
}

function pause(): Promise<void> {
  return new Promise((resume) => setTimeout(resume, LOOK_EVERY_MS));
}
