// The sign of Headrace: water that is led to where it works.

import type { JSX } from "preact";

export function Mark(): JSX.Element {
  return (
    <svg class="mark" width="20" height="20" viewBox="0 0 20 20" aria-hidden="true">
      <rect width="20" height="20" rx="5" fill="var(--accent)" />
      <path
        d="M3.5 6.5c3 0 3.5 2 6.5 2s3.5-2 6.5-2M3.5 11.5c3 0 3.5 2 6.5 2s3.5-2 6.5-2"
        fill="none"
        stroke="var(--on-accent)"
        stroke-width="1.8"
        stroke-linecap="round"
      />
    </svg>
  );
}
