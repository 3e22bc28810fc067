"""What somebody meets who looks for the first time: a search before the runs are there, and a run that called no task."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from playwright.sync_api import expect

from tests.browser.pages import open_run

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.browser.conftest import Person

PAUSE_MILLISECONDS = 400
"""Longer than the search waits for the next key."""


def test_what_is_typed_while_the_runs_load_stays_as_it_is_typed(page: Page) -> None:
    expect(page.get_by_role("navigation", name="Pages")).to_be_visible()
    page.route(re.compile("/api/runs"), lambda _: None)  # they never come
    page.reload()
    field = page.get_by_role("searchbox", name="Search names, messages and logs")
    field.press_sequentially("part 17", delay=PAUSE_MILLISECONDS)

    expect(page).to_have_url(re.compile(r"text=part\+17$"))
    expect(field).to_have_value("part 17")


def test_a_text_that_comes_from_elsewhere_replaces_what_was_typed(page: Page) -> None:
    field = page.get_by_role("searchbox", name="Search names, messages and logs")
    field.fill("part 17")
    page.get_by_role("button", name="Clear", exact=True).click()

    expect(field).to_have_value("")


def test_a_run_that_called_no_task_says_so_and_leads_to_its_log(page: Page, person: Person) -> None:
    person.run("from headrace import flow\n\n@flow\ndef idle() -> None: ...\n\nidle()\n")
    open_run(page, "idle")
    panel = page.get_by_role("tabpanel")
    for tab in ("Graph", "Timeline"):
        page.get_by_role("tab", name=tab).click()
        expect(panel.get_by_role("heading", name="This run called no task")).to_be_visible()
    panel.get_by_role("button", name="Logs").click()

    expect(page.get_by_role("tab", name="Logs")).to_have_attribute("aria-selected", "true")
