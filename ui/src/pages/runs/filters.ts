// What is looked for, as the address has it, and as the API is asked for it. Pure.

import type { Query } from "../../data/key";
import type { ViewState } from "../../run/view_state";

export interface Filters {
  readonly state: string | null;
  readonly flow: string | null;
  readonly tag: string | null;
  readonly text: string | null;
  readonly since_us: string | null;
  readonly until_us: string | null;
}

export const NO_FILTERS: Filters = { state: null, flow: null, tag: null, text: null, since_us: null, until_us: null };
const NAMES = Object.keys(NO_FILTERS) as (keyof Filters)[];

export function filtersOf(view: ViewState): Filters {
  return Object.fromEntries(NAMES.map((name) => [name, view.get(name) || null])) as unknown as Filters;
}

export function hasFilters(filters: Filters): boolean {
  return NAMES.some((name) => filters[name] !== null);
}

export function queryOf(filters: Filters): Query {
  return { ...filters };
}

/** The same filters without the times: what the histogram shows stays when a part of it is chosen. */
export function withoutTimes(filters: Filters): Filters {
  return { ...filters, since_us: null, until_us: null };
}
