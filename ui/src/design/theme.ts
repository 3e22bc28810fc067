// Dark, light, or as the system has it: what a person chose is kept by the browser.

import { effect, signal } from "@preact/signals";

export const THEMES = ["system", "light", "dark"] as const;
export type ThemeChoice = (typeof THEMES)[number];

const KEPT_AS = "headrace-theme";
const system = matchMedia("(prefers-color-scheme: dark)");
const isSystemDark = signal(system.matches);

export const themeChoice = signal<ThemeChoice>(kept());

/** Has the document show the chosen theme from now on. */
export function followTheme(): void {
  system.addEventListener("change", () => (isSystemDark.value = system.matches));
  effect(() => {
    const choice = themeChoice.value;
    const isDark = choice === "dark" || (choice === "system" && isSystemDark.value);
    document.documentElement.dataset.theme = isDark ? "dark" : "light";
  });
}

export function chooseTheme(choice: ThemeChoice): void {
  themeChoice.value = choice;
  try {
    localStorage.setItem(KEPT_AS, choice);
  } catch {
    // A browser that keeps nothing shows it for now.
  }
}

function kept(): ThemeChoice {
  try {
    const choice = localStorage.getItem(KEPT_AS);
    return THEMES.find((theme) => theme === choice) ?? "system";
  } catch {
    return "system";
  }
}
