// Which page an address shows, and what stands round every page.

import type { JSX } from "preact";

import { exported, isExported } from "./data/exported";
import { get } from "./data/get";
import { Toasts } from "./design/toasts";
import { Compare } from "./pages/compare/Compare";
import { FlowsPage } from "./pages/flows/FlowsPage";
import { LiveRunPage } from "./pages/run/LiveRunPage";
import { RunsPage } from "./pages/runs/RunsPage";
import { addressView, path, query } from "./router";
import { useOwnView } from "./run/own_view";
import "./shell/shell.css";
import { Connection } from "./shell/Connection";
import { NavBar } from "./shell/NavBar";
import { Overlays } from "./shell/Overlays";

export function App(): JSX.Element {
  if (isExported) return <ExportedRun />;
  return (
    <div class="shell">
      <NavBar />
      <Connection />
      <div class="shell-page">
        <Page />
      </div>
      <Overlays />
      <Toasts />
    </div>
  );
}

function Page(): JSX.Element {
  const run = /^\/runs\/([^/]+)$/.exec(path.value)?.[1];
  if (run !== undefined) return <LiveRunPage key={run} id={decodeURIComponent(run)} view={addressView} />;
  if (path.value === "/flows") return <FlowsPage />;
  if (path.value === "/compare") return <Compare a={query.value.get("a") ?? ""} b={query.value.get("b") ?? ""} get={get} />;
  return <RunsPage />;
}

/** A file has one run, and its address belongs to the disk: what is shown is kept aside of it. */
function ExportedRun(): JSX.Element {
  const view = useOwnView();
  const run = /^\/api\/runs\/([^/?]+)$/;
  const id = Object.keys(exported ?? {}).flatMap((key) => run.exec(key)?.[1] ?? [])[0] ?? "";
  return (
    <div class="shell">
      <div class="shell-page">
        <LiveRunPage id={decodeURIComponent(id)} view={view} />
      </div>
      <Toasts />
    </div>
  );
}
