// The row of tabs. The arrow keys go along it.

import type { JSX } from "preact";
import { useRef } from "preact/hooks";

import { type Tab, TABS } from "./tab_names";

const TITLES: Record<Tab, string> = { timeline: "Timeline", graph: "Graph", tasks: "Tasks", logs: "Logs", history: "History" };

export function Tabs({ current, onTab }: { current: Tab; onTab: (tab: Tab) => void }): JSX.Element {
  const list = useRef<HTMLDivElement>(null);
  const step = (by: number): void => {
    const next = TABS[(TABS.indexOf(current) + by + TABS.length) % TABS.length]!;
    onTab(next);
    list.current!.querySelector<HTMLElement>(`#tab-${next}`)!.focus();
  };
  return (
    <div
      ref={list}
      class="run-tabs"
      role="tablist"
      aria-label="Views of the run"
      onKeyDown={(event) => {
        if (event.key === "ArrowRight") step(1);
        else if (event.key === "ArrowLeft") step(-1);
        else return;
        event.preventDefault();
      }}
    >
      {TABS.map((tab) => (
        <button
          key={tab}
          id={`tab-${tab}`}
          type="button"
          role="tab"
          aria-selected={tab === current}
          aria-controls="run-tab"
          tabIndex={tab === current ? 0 : -1}
          onClick={() => onTab(tab)}
        >
          {TITLES[tab]}
        </button>
      ))}
    </div>
  );
}
