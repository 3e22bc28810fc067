// Where the page is: the address is the only place that says so. What a view shows is in its query.

import { computed, signal } from "@preact/signals";

import type { ViewState } from "./run/view_state";

const here = signal(new URL(location.href));

export const path = computed(() => here.value.pathname);
export const query = computed(() => here.value.searchParams);

/** Goes to an address of the page, as a click on a link does. */
export function go(address: string): void {
  history.pushState(null, "", address);
  here.value = new URL(location.href);
  scrollTo(0, 0);
}

/** What the query says. Setting it makes no step to go back to: a filter is not a place. */
export const addressView: ViewState = {
  get: (name) => query.value.get(name),
  set: (changes) => {
    const next = new URL(here.peek());
    for (const [name, value] of Object.entries(changes)) {
      if (value === null) next.searchParams.delete(name);
      else next.searchParams.set(name, value);
    }
    history.replaceState(history.state, "", next);
    here.value = next;
  },
};

/** Has links within the page, and the browser's back and forward, lead through here. */
export function followLinks(): void {
  addEventListener("popstate", () => (here.value = new URL(location.href)));
  document.addEventListener("click", (event) => {
    const link = event.target instanceof Element ? event.target.closest<HTMLAnchorElement>("a[href]") : null;
    if (link === null || !isPlain(event) || !isOfPage(link)) return;
    event.preventDefault();
    go(link.href);
  });
}

function isPlain(event: MouseEvent): boolean {
  return !event.defaultPrevented && event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
}

function isOfPage(link: HTMLAnchorElement): boolean {
  const isElsewhere = link.origin !== location.origin || link.hasAttribute("download") || link.target !== "";
  return !isElsewhere && !link.pathname.startsWith("/api/") && link.getAttribute("href")?.startsWith("#") === false;
}
