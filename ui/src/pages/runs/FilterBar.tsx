// The filters above the runs. Each is in the address, so that a view can be kept and sent.

import type { JSX } from "preact";
import { useSignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";

import { get } from "../../data/get";
import { STATE_TYPES } from "../../data/task_store";
import { stateLabel } from "../../design/state";
import type { ViewState } from "../../run/view_state";
import { visible } from "../../text/visible";
import { type Filters, hasFilters, NO_FILTERS } from "./filters";

const TYPED_FOR_MS = 200;
const HOUR_US = 3_600_000_000;
const TIMES: readonly (readonly [label: string, hours: number])[] = [
  ["Last hour", 1],
  ["Last day", 24],
  ["Last 7 days", 168],
  ["Last 30 days", 720],
];

export function FilterBar({ filters, view }: { filters: Filters; view: ViewState }): JSX.Element {
  const flows = useNames("/api/flow-names");
  const tags = useNames("/api/tags");
  return (
    <div class="runs-filters" role="search">
      <SearchField text={filters.text ?? ""} onText={(text) => view.set({ text: text || null })} />
      <Choice
        label="State"
        value={filters.state}
        choices={STATE_TYPES.map((type) => [type, stateLabel(type)])}
        onChoose={(state) => view.set({ state })}
      />
      <Choice label="Flow" value={filters.flow} choices={flows} onChoose={(flow) => view.set({ flow })} />
      {tags.length > 0 && <Choice label="Tag" value={filters.tag} choices={tags} onChoose={(tag) => view.set({ tag })} />}
      <Choice
        label="Time"
        value={filters.since_us === null && filters.until_us === null ? null : "chosen"}
        choices={[
          ...(filters.since_us === null && filters.until_us === null ? [] : [["chosen", "Chosen time"] as const]),
          ...TIMES.map(([label, hours]) => [String(hours), label] as const),
        ]}
        onChoose={(hours) =>
          hours !== "chosen" &&
          view.set({ since_us: hours === null ? null : String(Date.now() * 1000 - Number(hours) * HOUR_US), until_us: null })
        }
      />
      {hasFilters(filters) && (
        <button type="button" class="link" onClick={() => view.set({ ...NO_FILTERS })}>
          Clear
        </button>
      )}
    </div>
  );
}

/** What is typed stays as it is typed, also while the rest is read and drawn; only a text that comes from elsewhere replaces it. */
function SearchField({ text, onText }: { text: string; onText: (text: string) => void }): JSX.Element {
  const typed = useSignal(text);
  const told = useRef(text);
  const telling = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  useLayoutEffect(() => {
    if (text === told.current) return;
    clearTimeout(telling.current);
    told.current = typed.value = text;
  }, [text]);
  useEffect(() => () => clearTimeout(telling.current), []);
  const tell = (): void => {
    told.current = typed.peek().trim();
    onText(told.current);
  };
  return (
    <input
      type="search"
      aria-label="Search names, messages and logs"
      placeholder="Search names, messages, logs  /"
      value={typed.value}
      onInput={({ currentTarget: { value } }) => {
        typed.value = value;
        clearTimeout(telling.current);
        telling.current = setTimeout(tell, TYPED_FOR_MS);
      }}
      onKeyDown={(event) => event.key === "Escape" && event.currentTarget.blur()}
    />
  );
}

interface ChoiceProps {
  label: string;
  value: string | null;
  choices: readonly (readonly [value: string, label: string])[];
  onChoose: (value: string | null) => void;
}

function Choice({ label, value, choices, onChoose }: ChoiceProps): JSX.Element {
  const isListed = value === null || choices.some(([choice]) => choice === value);
  const all = isListed ? choices : [...choices, [value, value] as const];
  return (
    <select
      aria-label={label}
      class={value === null ? "" : "is-set"}
      value={value ?? ""}
      onChange={(event) => onChoose(event.currentTarget.value || null)}
    >
      <option value="">{label}: any</option>
      {all.map(([choice, name]) => (
        <option key={choice} value={choice}>
          {visible(name)}
        </option>
      ))}
    </select>
  );
}

function useNames(path: string): readonly (readonly [string, string])[] {
  const names = useSignal<readonly string[]>([]);
  useEffect(() => {
    get<{ items: string[] }>(path).then(
      ({ items }) => (names.value = items),
      () => {},
    );
  }, [path]);
  return names.value.map((name) => [name, name]);
}
