// What the tab of the browser tells from afar: the title, and a sign whose colour is that of what is looked at.

import { effect, signal } from "@preact/signals";

import type { StateType } from "../data/task_store";

export type Mood = "calm" | "running" | "failing";

const COLOURS: Readonly<Record<Mood, string>> = { calm: "#0b7285", running: "#2f80d8", failing: "#d6453d" };
const SIGN =
  '<path d="M3.5 6.5c3 0 3.5 2 6.5 2s3.5-2 6.5-2M3.5 12c3 0 3.5 2 6.5 2s3.5-2 6.5-2" fill="none" stroke="#fff" stroke-width="2"/>';

const shown = signal<{ title: string; mood: Mood }>({ title: "Headrace", mood: "calm" });

export function showMood(title: string, mood: Mood): void {
  shown.value = { title, mood };
}

export function moodOf(type: StateType): Mood {
  if (type === "FAILED" || type === "CRASHED") return "failing";
  return type === "RUNNING" || type === "CANCELLING" ? "running" : "calm";
}

/** Has the tab follow what is shown. */
export function followMood(): void {
  effect(() => {
    document.title = shown.value.title === "Headrace" ? "Headrace" : `${shown.value.title} · Headrace`;
  });
  effect(() => {
    const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 20 20"><rect width="20" height="20" rx="5" fill="${COLOURS[shown.value.mood]}"/>${SIGN}</svg>`;
    document.querySelector("#favicon")?.setAttribute("href", `data:image/svg+xml,${encodeURIComponent(svg)}`);
  });
}
