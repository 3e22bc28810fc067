// The last words of a process that ended before its run had begun.

import type { JSX } from "preact";

import type { Launch } from "../../data/views";
import { parseAnsi } from "../../text/ansi";
import { AnsiText } from "../../text/AnsiText";

export function LaunchOutput({ launch }: { launch: Launch }): JSX.Element {
  return (
    <div role="alert">
      <p class="form-error">The process ended with exit code {launch.exit_code ?? "unknown"} before the run had begun. It said:</p>
      <pre class="launch-output told" tabIndex={0}>
        {launch.output === "" ? "(nothing)" : <AnsiText pieces={parseAnsi(launch.output)} wanted="" />}
      </pre>
    </div>
  );
}
