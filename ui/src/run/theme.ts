// The design tokens as a canvas needs them: read once when the theme changes, not in every frame.

import { STATE_TYPES } from "../data/task_store";

export interface Theme {
  /** The colour of each mark: a state type by its code, and the last one for what is dimmed. */
  readonly marks: readonly string[];
  /** What is written on a bar of each mark. */
  readonly onMarks: readonly string[];
  readonly text: string;
  readonly muted: string;
  readonly line: string;
  readonly strong: string;
  readonly surface: string;
  readonly sunken: string;
  readonly accent: string;
  readonly font: string;
  readonly isDark: boolean;
}

export function readTheme(element: Element): Theme {
  const style = getComputedStyle(element);
  const token = (name: string): string => style.getPropertyValue(`--${name}`).trim();
  const line = token("line");
  const marks = [...STATE_TYPES.map((type) => token(`state-${type.toLowerCase()}`)), line];
  return {
    marks,
    onMarks: marks.map((mark) => (lightnessOf(mark) > 0.55 ? "#10151a" : "#ffffff")),
    text: token("text"),
    muted: token("text-muted"),
    line,
    strong: token("line-strong"),
    surface: token("surface"),
    sunken: token("surface-sunken"),
    accent: token("accent"),
    font: style.fontFamily,
    isDark: lightnessOf(token("surface")) < 0.5,
  };
}

/** How light a colour of any notation looks, from 0 to 1. */
function lightnessOf(colour: string): number {
  const context = document.createElement("canvas").getContext("2d")!;
  context.fillStyle = colour;
  context.fillRect(0, 0, 1, 1);
  const [red, green, blue] = context.getImageData(0, 0, 1, 1).data;
  return (0.299 * red! + 0.587 * green! + 0.114 * blue!) / 255;
}

/** Tells when the theme may have changed: the switch on the page, or the system's. The function that is given back ends that. */
export function onThemeChange(tell: () => void): () => void {
  const observer = new MutationObserver(tell);
  observer.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme", "class", "style"] });
  const system = matchMedia("(prefers-color-scheme: dark)");
  system.addEventListener("change", tell);
  return () => {
    observer.disconnect();
    system.removeEventListener("change", tell);
  };
}
