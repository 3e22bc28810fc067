// The row above the log: what is looked for, the least level, following, and the log as a file.

import { type Signal, useSignal } from "@preact/signals";
import type { JSX } from "preact";

import type { ViewState } from "../view_state";
import { saveLog } from "./file";
import { LEVELS } from "./levels";
import type { LogBook } from "./log_book";

interface LogToolsProps {
  book: LogBook;
  name: string;
  minLevel: number;
  text: string;
  view: ViewState;
  isLive: boolean;
  isFollowing: Signal<boolean>;
  hasTaskRuns: boolean;
}

export function LogTools({ book, name, minLevel, text, view, isLive, isFollowing, hasTaskRuns }: LogToolsProps): JSX.Element {
  const isSaving = useSignal(false);
  const save = async (): Promise<void> => {
    isSaving.value = true;
    await saveLog(book, name).finally(() => (isSaving.value = false));
  };
  return (
    <div class="tab-tools" role="toolbar" aria-label="Log">
      <input
        type="search"
        placeholder="Find in the log"
        aria-label="Show only lines with this text"
        value={text}
        onInput={(event) => view.set({ find: event.currentTarget.value || null })}
      />
      <select
        aria-label="Least level"
        value={String(minLevel)}
        onChange={(event) => view.set({ level: event.currentTarget.value === "0" ? null : event.currentTarget.value })}
      >
        <option value="0">All levels</option>
        {LEVELS.map(({ least, name }) => (
          <option value={String(least)}>{least === 50 ? name : `${name} and above`}</option>
        ))}
      </select>
      <span class="tab-room" />
      {isLive && (
        <button type="button" class="button" aria-pressed={isFollowing.value} onClick={() => (isFollowing.value = !isFollowing.value)}>
          {isFollowing.value ? "● Following" : "Follow"}
        </button>
      )}
      {hasTaskRuns && (
        <button type="button" class="button" disabled={isSaving.value} onClick={() => void save()}>
          {isSaving.value ? "Reading…" : "Download"}
        </button>
      )}
    </div>
  );
}
