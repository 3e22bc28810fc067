// A box that scrolls over any number of rows of one height, of which only those in sight are in the page.

import { type Signal, useSignal } from "@preact/signals";
import type { ComponentChildren, HTMLAttributes, JSX } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";

import "./virtual_rows.css";

/** So many rows beyond those in sight are made, so that scrolling does not show gaps. */
const SPARE = 8;

/** What a box can be asked for by who made it. */
export interface Scroller {
  readonly element: HTMLElement;
  /** Brings a row into sight if it is not. */
  reveal: (row: number) => void;
  toEnd: () => void;
  isAtEnd: () => boolean;
}

interface VirtualRowsProps extends Omit<HTMLAttributes<HTMLDivElement>, "children"> {
  count: number;
  rowHeight: number;
  row: (at: number) => JSX.Element;
  /** What stands above the rows, and stays in sight. */
  head?: ComponentChildren;
  headHeight?: number;
  scroller?: Signal<Scroller | null>;
  onScrolled?: (scroller: Scroller) => void;
}

export function VirtualRows({ count, rowHeight, row, head, headHeight = 0, scroller, onScrolled, ...box }: VirtualRowsProps): JSX.Element {
  const element = useRef<HTMLDivElement>(null);
  const top = useSignal(0);
  const height = useSignal(600);
  const handle = useRef<Scroller | null>(null);
  const size = useRef({ rowHeight, headHeight });
  size.current = { rowHeight, headHeight };

  useLayoutEffect(() => {
    const shown = element.current!;
    handle.current = scrollerOf(shown, size);
    if (scroller) scroller.value = handle.current;
    const observer = new ResizeObserver(() => (height.value = shown.clientHeight));
    observer.observe(shown);
    return () => {
      observer.disconnect();
      if (scroller) scroller.value = null;
    };
  }, []);

  const first = Math.max(0, Math.min(count, Math.floor(top.value / rowHeight) - SPARE));
  const last = Math.min(count, Math.ceil((top.value + height.value) / rowHeight) + SPARE);
  return (
    <div
      {...box}
      ref={element}
      class={`virtual ${typeof box.class === "string" ? box.class : ""}`}
      onScroll={(event) => {
        top.value = event.currentTarget.scrollTop;
        onScrolled?.(handle.current!);
      }}
    >
      {head}
      <div class="virtual-rows" role="presentation" style={{ height: `${count * rowHeight}px` }}>
        <div class="virtual-window" role="presentation" style={{ transform: `translateY(${first * rowHeight}px)` }}>
          {Array.from({ length: Math.max(0, last - first) }, (_, at) => row(first + at))}
        </div>
      </div>
    </div>
  );
}

function scrollerOf(element: HTMLElement, size: { current: { rowHeight: number; headHeight: number } }): Scroller {
  return {
    element,
    reveal: (row) => {
      const { rowHeight, headHeight } = size.current;
      const top = row * rowHeight;
      const room = element.clientHeight - headHeight;
      if (top < element.scrollTop) element.scrollTop = top;
      else if (top + rowHeight > element.scrollTop + room) element.scrollTop = top + rowHeight - room;
    },
    toEnd: () => (element.scrollTop = element.scrollHeight),
    isAtEnd: () => element.scrollTop + element.clientHeight >= element.scrollHeight - 4,
  };
}
