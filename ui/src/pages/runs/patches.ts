// What happens, worked into a list of runs. Pure.

import type { Change } from "../../data/live";
import type { RunRow } from "../../data/views";

export function patched(rows: readonly RunRow[], change: Pick<Change, "runs" | "deleted">): readonly RunRow[] {
  const changed = new Map(change.runs.map((run) => [run.id, run]));
  const deleted = new Set(change.deleted);
  if (!rows.some((row) => changed.has(row.id) || deleted.has(row.id))) return rows;
  return rows.filter((row) => !deleted.has(row.id)).map((row) => changed.get(row.id) ?? row);
}

export function newIn(rows: readonly RunRow[], known: readonly RunRow[]): RunRow[] {
  const ids = new Set(known.map((row) => row.id));
  return rows.filter((row) => !ids.has(row.id));
}

export function isNewer(row: RunRow, than: RunRow): boolean {
  return row.created_us >= than.created_us;
}
