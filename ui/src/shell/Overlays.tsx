// What lies over every page: the palette and the list of keys.

import type { JSX } from "preact";
import { useEffect } from "preact/hooks";

import { Dialog } from "../design/Dialog";
import { followKeys, overlay, SHORTCUTS } from "./commands";
import { Palette } from "./Palette";

export function Overlays(): JSX.Element | null {
  useEffect(followKeys, []);
  const close = (): void => {
    overlay.value = null;
  };
  if (overlay.value === "palette") return <Palette onClose={close} />;
  if (overlay.value === "shortcuts") return <Shortcuts onClose={close} />;
  return null;
}

function Shortcuts({ onClose }: { onClose: () => void }): JSX.Element {
  return (
    <Dialog title="Keys" onClose={onClose}>
      <div class="keys">
        {SHORTCUTS.map(([where, shortcuts]) => (
          <section key={where}>
            <h3>{where}</h3>
            <dl>
              {shortcuts.map(([keys, what]) => (
                <div key={keys}>
                  <dt>{keys.split(" ").map((key) => key !== "" && <kbd key={key}>{key}</kbd>)}</dt>
                  <dd>{what}</dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
      <div class="launch-buttons">
        <button type="button" class="button" onClick={onClose}>
          Close
        </button>
      </div>
    </Dialog>
  );
}
