// The bar at the top: the pages, the palette, the theme.

import type { JSX } from "preact";

import { Icon, type IconName } from "../design/Icon";
import { chooseTheme, THEMES, type ThemeChoice, themeChoice } from "../design/theme";
import { path } from "../router";
import { overlay } from "./commands";
import { Mark } from "./Mark";

const THEME_ICONS: Readonly<Record<ThemeChoice, IconName>> = { system: "screen", light: "sun", dark: "moon" };

export function NavBar(): JSX.Element {
  return (
    <header class="nav">
      <a class="nav-home" href="/runs" aria-label="Headrace: all runs">
        <Mark /> <span class="nav-name">Headrace</span>
      </a>
      <nav aria-label="Pages">
        <NavLink href="/runs" isHere={path.value === "/" || path.value.startsWith("/runs")}>
          Runs
        </NavLink>
        <NavLink href="/flows" isHere={path.value === "/flows"}>
          Flows
        </NavLink>
      </nav>
      <button
        type="button"
        class="nav-find"
        aria-label="Find… Ctrl K"
        title="Find a page, run, flow or action"
        onClick={() => (overlay.value = "palette")}
      >
        <Icon name="search" /> <span>Find…</span> <kbd>Ctrl K</kbd>
      </button>
      <button
        type="button"
        class="nav-button"
        aria-label="Keyboard shortcuts"
        title="Keyboard shortcuts (?)"
        onClick={() => (overlay.value = "shortcuts")}
      >
        <Icon name="keyboard" />
      </button>
      <ThemeSwitch />
    </header>
  );
}

function NavLink({ href, isHere, children }: { href: string; isHere: boolean; children: string }): JSX.Element {
  return (
    <a class="nav-link" href={href} {...(isHere ? { "aria-current": "page" as const } : {})}>
      {children}
    </a>
  );
}

function ThemeSwitch(): JSX.Element {
  const choice = themeChoice.value;
  const next = THEMES[(THEMES.indexOf(choice) + 1) % THEMES.length]!;
  const label = `Theme: ${choice}. Change to ${next}`;
  return (
    <button type="button" class="nav-button" aria-label={label} title={label} onClick={() => chooseTheme(next)}>
      <Icon name={THEME_ICONS[choice]} />
    </button>
  );
}
