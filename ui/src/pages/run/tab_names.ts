// The tabs of a run's page.

export const TABS = ["timeline", "graph", "tasks", "logs", "history"] as const;
export type Tab = (typeof TABS)[number];

export function tabOf(name: string | null): Tab {
  return TABS.find((tab) => tab === name) ?? "timeline";
}
