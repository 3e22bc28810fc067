// Pointer events on a canvas.

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** Where in an element an event is, in CSS pixels. */
export function placeIn(element: Element, event: MouseEvent): Point {
  const box = element.getBoundingClientRect();
  return { x: event.clientX - box.left, y: event.clientY - box.top };
}

export type Listeners = { [Name in keyof HTMLElementEventMap]?: (event: HTMLElementEventMap[Name]) => void };

/** Listens until the function that is given back is called. Listeners may prevent what the browser would do. */
export function listenTo(element: HTMLElement, listeners: Listeners): () => void {
  const entries = Object.entries(listeners) as [string, EventListener][];
  for (const [name, listener] of entries) element.addEventListener(name, listener, { passive: false });
  return () => {
    for (const [name, listener] of entries) element.removeEventListener(name, listener);
  };
}

/** How far a wheel was turned, in pixels, whatever it counts in. */
export function turnOf(event: WheelEvent): Point {
  const unit = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
  return { x: event.deltaX * unit, y: event.deltaY * unit };
}
