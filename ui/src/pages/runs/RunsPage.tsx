// All runs.
import type { JSX } from "preact";
export function RunsPage(): JSX.Element {
  return (
    <main class="runs">
      <h1>Runs</h1>
    </main>
  );
}
