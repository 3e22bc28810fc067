// The page of a flow run, kept up to date by the server's events.

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";

import { isExported } from "../../data/exported";
import { get, post } from "../../data/get";
import { listen } from "../../data/live";
import { notify } from "../../design/toasts";
import { go } from "../../router";
import type { ViewState } from "../../run/view_state";
import { RunPage } from "./RunPage";

export function LiveRunPage({ id, view }: { id: string; view: ViewState }): JSX.Element {
  const changes = useSignal(0);
  useEffect(
    () =>
      listen(id, {
        onChange: (change) => {
          if (change.run_changed) changes.value++;
        },
        onReset: () => changes.value++,
      }),
    [id],
  );
  return <RunPage id={id} get={get} post={post} changes={changes} view={view} isExported={isExported} notify={notify} onGo={go} />;
}
