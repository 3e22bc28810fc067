// The buttons beside a picture that is zoomed. The keys that do the same are named on hover.

import type { JSX } from "preact";

interface ZoomButtonsProps {
  onCloser: () => void;
  onFarther: () => void;
  onFit: () => void;
}

export function ZoomButtons({ onCloser, onFarther, onFit }: ZoomButtonsProps): JSX.Element {
  return (
    <div class="segments" role="group" aria-label="Zoom">
      <button type="button" class="button" aria-label="Zoom out" title="Zoom out (−)" onClick={onFarther}>
        −
      </button>
      <button type="button" class="button" title="Show everything (0)" onClick={onFit}>
        Fit
      </button>
      <button type="button" class="button" aria-label="Zoom in" title="Zoom in (+)" onClick={onCloser}>
        +
      </button>
    </div>
  );
}
