"""How tests find their way through the page, and what axe says of it."""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

SERIOUS = {"serious", "critical"}


def open_run(page: Page, flow: str) -> None:
    page.get_by_role("row").filter(has_text=flow).get_by_role("link").first.click()
    expect(page.get_by_role("tablist", name="Views of the run")).to_be_visible()


def findings(page: Page) -> list[str]:
    """What axe holds to be serious."""
    violations = Axe().run(page).response["violations"]
    return [
        f"{page.url}: {violation['id']}: {node['html'][:200]}"
        for violation in violations
        if violation["impact"] in SERIOUS
        for node in violation["nodes"]
    ]
