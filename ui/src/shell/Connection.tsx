// Says quietly that what is shown may be old, and how to get in again.

import { useComputed, useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";

import { connection } from "../data/live";

/** A break as short as this mends itself before anybody needs to read of it. */
const QUIET_FOR_MS = 1_500;

export function Connection(): JSX.Element | null {
  const isLong = useSignal(false);
  const isBroken = useComputed(() => connection.value === "lost" || connection.value === "signed_out");
  useEffect(() => {
    isLong.value = false;
    if (!isBroken.value) return;
    const timer = setTimeout(() => (isLong.value = true), QUIET_FOR_MS);
    return () => clearTimeout(timer);
  }, [isBroken.value]);
  return (
    <div role="status">
      {isBroken.value && isLong.value && (
        <p class="banner">
          {connection.value === "signed_out" ? (
            <>
              You are signed out. Say <code>headrace ui --link</code> in a terminal and open the link that it prints.
            </>
          ) : (
            <>
              The server does not answer: this is how things stood. Trying again… Is <code>headrace ui</code> still running?
            </>
          )}
        </p>
      )}
    </div>
  );
}
