"""How tests find their way through the page, and what axe says of it."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.conftest import PATIENCE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from playwright.sync_api import Locator

SECONDS_TO_LAY_OUT = 2.0
AXE = Axe().axe_script
SERIOUS = {"serious", "critical"}


def open_run(page: Page, flow: str) -> None:
    page.get_by_role("row").filter(has_text=flow).get_by_role("link").first.click()
    expect(page.get_by_role("tablist", name="Views of the run")).to_be_visible()


def place_of(
    element: Locator, *, along: float = 0.5, down_pixels: float | None = None
) -> tuple[float, float]:
    """Where a part of an element is in the window: in the middle, if nothing else is said."""
    box = element.bounding_box()
    assert box is not None, "it is not in the window"
    down = box["height"] / 2 if down_pixels is None else down_pixels
    return box["x"] + along * box["width"], box["y"] + down


def repeat(
    act: Callable[[], object], has_worked: Callable[[], bool], *, seconds: float = PATIENCE_SECONDS
) -> None:
    """Does it until it has worked, where the page does not say when it is ready: a canvas that is painted soon."""
    deadline = time.monotonic() + seconds
    act()
    while not has_worked():
        assert time.monotonic() < deadline, "it does not work"
        act()


def findings(page: Page, *, rules: Sequence[str] = ()) -> list[str]:
    """What axe holds to be serious; of these rules alone, if some are named."""
    if page.evaluate("window.axe === undefined"):
        page.evaluate(AXE)
    options = {"resultTypes": ["violations"], **({"runOnly": list(rules)} if rules else {})}
    violations = page.evaluate("(options) => axe.run(document, options)", options)["violations"]
    return [
        f"{page.url}: {violation['id']}: {node['html'][:200]}"
        for violation in violations
        if violation["impact"] in SERIOUS
        for node in violation["nodes"]
    ]


def sideways(page: Page) -> list[str]:
    """What is reached only by scrolling the page sideways, or not even so. Boxes that scroll by themselves may.

    A page that has just got its width has a moment to lay itself out.
    """
    found: list[str] = []

    def look() -> None:
        found[:] = page.evaluate(SIDEWAYS)

    with suppress(AssertionError):
        repeat(look, lambda: found == [], seconds=SECONDS_TO_LAY_OUT)
    return found


SIDEWAYS = """
() => {
  const scrolls = (element) => ["auto", "scroll"].includes(getComputedStyle(element).overflowX);
  const isInBox = (element) => {
    for (let box = element.parentElement; box !== null; box = box.parentElement)
      if (scrolls(box) && !box.matches("html, body, main, dialog, aside, .shell, .shell-page")) return true;
    return false;
  };
  const told = (element) => element.outerHTML.slice(0, 200);
  const wide = [...document.querySelectorAll("html, body, main, dialog, aside, .shell, .shell-page")]
    .filter((element) => element.scrollWidth > Math.max(element.clientWidth, 1) && element.getClientRects().length > 0);
  const outside = [...document.querySelectorAll("a, button, input, select, textarea, h1, h2, p, canvas, summary, [role=row]")]
    .filter((element) => element.checkVisibility() && !isInBox(element) && !element.closest(".unseen"))
    .filter((element) => {
      const { left, right, width } = element.getBoundingClientRect();
      return width > 0 && (left < -0.5 || right > innerWidth + 0.5);
    });
  return [...wide.map((element) => "too wide: " + told(element)), ...outside.map((element) => "outside: " + told(element))];
}
"""
