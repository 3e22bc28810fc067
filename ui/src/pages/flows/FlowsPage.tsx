// All flows.
import type { JSX } from "preact";
export function FlowsPage(): JSX.Element {
  return (
    <main class="flows">
      <h1>Flows</h1>
    </main>
  );
}
