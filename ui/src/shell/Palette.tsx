// The palette: type what you want, Enter goes there. Pages and actions are known; runs and flows are asked for.

import { useComputed, useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";

import { get } from "../data/get";
import type { RunRow } from "../data/views";
import { StateIcon } from "../design/state";
import { chooseTheme, THEMES } from "../design/theme";
import { go } from "../router";
import { visible } from "../text/visible";
import { overlay } from "./commands";
import { type Entry, matching } from "./entries";
import "./palette.css";

const ASKED_AFTER_MS = 120;

const KNOWN: readonly Entry[] = [
  { key: "runs", group: "Pages", label: "Runs", act: () => go("/runs") },
  { key: "failed", group: "Pages", label: "Failed runs", act: () => go("/runs?state=FAILED") },
  { key: "running", group: "Pages", label: "Running now", act: () => go("/runs?state=RUNNING") },
  { key: "flows", group: "Pages", label: "Flows", act: () => go("/flows") },
  ...THEMES.map((theme) => ({ key: `theme ${theme}`, group: "Actions", label: `Theme: ${theme}`, act: () => chooseTheme(theme) })),
  { key: "keys", group: "Actions", label: "Show the keyboard shortcuts", act: () => (overlay.value = "shortcuts") },
];

export function Palette({ onClose }: { onClose: () => void }): JSX.Element {
  const element = useRef<HTMLDialogElement>(null);
  const text = useSignal("");
  const found = useSignal<readonly Entry[]>([]);
  const at = useSignal(0);
  const entries = useComputed(() => [...matching(KNOWN, text.value), ...found.value]);
  useLayoutEffect(() => {
    const shown = element.current!;
    shown.showModal();
    return () => shown.close();
  }, []);
  useEffect(() => {
    let isWanted = true;
    const timer = setTimeout(() => {
      void asked(text.value).then((answer) => isWanted && (found.value = answer));
    }, ASKED_AFTER_MS);
    return () => {
      isWanted = false;
      clearTimeout(timer);
    };
  }, [text.value]);
  const choose = (entry: Entry | undefined): void => {
    if (entry === undefined) return;
    onClose();
    entry.act();
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step !== undefined) {
      event.preventDefault();
      at.value = Math.min(Math.max(0, at.value + step), entries.value.length - 1);
      document.getElementById(`palette-${at.value}`)?.scrollIntoView({ block: "nearest" });
    } else if (event.key === "Enter") choose(entries.value[at.value]);
  };
  return (
    <dialog
      ref={element}
      class="palette"
      aria-label="Find a page, run, flow or action"
      onCancel={onClose}
      onClick={(event) => event.target === element.current && onClose()}
    >
      <input
        role="combobox"
        aria-expanded="true"
        aria-controls="palette-list"
        aria-activedescendant={`palette-${at.value}`}
        aria-label="Find"
        placeholder="Find a page, run, flow or action"
        autocomplete="off"
        onInput={(event) => {
          text.value = event.currentTarget.value;
          at.value = 0;
        }}
        onKeyDown={onKeyDown}
      />
      <ul id="palette-list" role="listbox" aria-label="Found">
        {entries.value.map((entry, place) => (
          <li
            key={entry.key}
            id={`palette-${place}`}
            role="option"
            aria-selected={place === at.value}
            onMouseMove={() => (at.value = place)}
            onClick={() => choose(entry)}
          >
            {entry.state !== undefined && <StateIcon type={entry.state} />}
            <span class="palette-label">{visible(entry.label)}</span>
            <span class="palette-group">{visible(entry.group)}</span>
          </li>
        ))}
      </ul>
      {entries.value.length === 0 && <p class="palette-none">Nothing is called that.</p>}
    </dialog>
  );
}

async function asked(text: string): Promise<Entry[]> {
  try {
    const [runs, flows] = await Promise.all([
      get<{ items: RunRow[] }>("/api/runs", { text, limit: 8 }),
      get<{ items: string[] }>("/api/flow-names"),
    ]);
    const flowEntries = flows.items.map((flow) => ({
      key: `flow ${flow}`,
      group: "Flow",
      label: flow,
      act: () => go(`/runs?flow=${encodeURIComponent(flow)}`),
    }));
    return [
      ...runs.items.map((run) => ({
        key: run.id,
        group: run.flow,
        label: run.name,
        state: run.state_type,
        act: () => go(`/runs/${run.id}`),
      })),
      ...matching(flowEntries, text).slice(0, 8),
    ];
  } catch {
    return [];
  }
}
