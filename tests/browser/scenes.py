"""Every page, dialog and empty state that there is to be seen, and the way there."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, NamedTuple

from playwright.sync_api import Page, expect

from tests.browser.pages import repeat

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from playwright.sync_api import Locator

    from tests.browser.conftest import Entrance, Person

ROLES = ("older", "newer", "failed", "parent", "bare", "paused")
"""A history to be walked through has a run with each of these tags: two of one flow, one whose task run failed, one that
called a subflow, one without task runs, and one that asks something."""


SCENES: dict[str, Callable[[Page, Place], None]] = {}
"""By their names: each goes there, and waits until what is to be seen is seen."""


def scene(go: Callable[[Page, Place], None]) -> Callable[[Page, Place], None]:
    SCENES[go.__name__] = go
    return go


class Place(NamedTuple):
    """A served history, and the id of its run in each role."""

    address: str
    runs: Mapping[str, str]

    @classmethod
    def of(cls, entrance: Entrance, person: Person) -> Place:
        runs = json.loads(person.headrace("runs", "list", "--json", "--limit", "0"))
        roles = {
            role: run["id"] for role in ROLES for run in runs if role in run["tags"] and not run["parent"]
        }
        assert set(roles) == set(ROLES)
        return cls(entrance.address, roles)

    def go(self, page: Page, path: str) -> None:
        page.goto(f"{self.address}{path}")

    def open(self, page: Page, role: str, query: str = "") -> None:
        """Opens the page of a run."""
        self.go(page, f"/runs/{self.runs[role]}?{query}")
        expect(page.get_by_role("tablist", name="Views of the run")).to_be_visible()


# The runs -------------------------------------------------------------------------------------------------------------


@scene
def runs(page: Page, place: Place) -> None:
    place.go(page, "/runs")
    expect(_boxes_of(page).nth(len(ROLES) - 1)).to_be_visible()


@scene
def selected_runs(page: Page, place: Place) -> None:
    runs(page, place)
    _boxes_of(page).nth(0).check()
    _boxes_of(page).nth(1).check()
    expect(page.get_by_role("toolbar", name="Selected runs")).to_be_visible()


@scene
def selected_runs_to_be_cancelled(page: Page, place: Place) -> None:
    selected_runs(page, place)
    page.get_by_role("button", name="Cancel…").click()
    expect(page.get_by_role("dialog")).to_be_visible()


@scene
def selected_runs_to_be_deleted(page: Page, place: Place) -> None:
    selected_runs(page, place)
    page.get_by_role("button", name="Delete…").click()
    expect(page.get_by_role("dialog")).to_be_visible()


@scene
def hits(page: Page, place: Place) -> None:
    place.go(page, "/runs?text=onion")
    expect(page.get_by_role("region", name="Found within runs").get_by_role("link").first).to_be_visible()


@scene
def no_match(page: Page, place: Place) -> None:
    place.go(page, "/runs?text=nothing-is-called-that")
    expect(page.get_by_role("heading", name="No run matches")).to_be_visible()


@scene
def palette(page: Page, place: Place) -> None:
    runs(page, place)
    page.keyboard.press("Control+k")
    expect(page.get_by_role("dialog").get_by_role("option").nth(len(ROLES) + 8)).to_be_visible()


@scene
def shortcuts(page: Page, place: Place) -> None:
    runs(page, place)
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()


# The flows, and two runs beside each other ------------------------------------------------------------------------------


@scene
def flows(page: Page, place: Place) -> None:
    place.go(page, "/flows")
    expect(page.get_by_role("row").nth(4)).to_be_visible()


@scene
def compare(page: Page, place: Place) -> None:
    place.go(page, f"/compare?a={place.runs['older']}&b={place.runs['newer']}")
    expect(page.get_by_role("table", name="Parameters that differ")).to_be_visible()


@scene
def nothing_to_compare(page: Page, place: Place) -> None:
    place.go(page, "/compare?a=1&b=2")
    expect(page.get_by_role("alert")).to_be_visible()


# A run ------------------------------------------------------------------------------------------------------------------


@scene
def timeline(page: Page, place: Place) -> None:
    place.open(page, "older", "tab=timeline")
    expect(page.get_by_label("Timeline of 30 task runs: 30 completed")).to_be_visible()


@scene
def graph(page: Page, place: Place) -> None:
    place.open(page, "older", "tab=graph")
    expect(page.get_by_label("Graph of the task runs: 1 nodes")).to_be_visible()


@scene
def graph_of_an_open_map(page: Page, place: Place) -> None:
    graph(page, place)
    page.locator(".graph-canvas").focus()
    said = page.locator(".graph [aria-live]")
    repeat(lambda: page.keyboard.press("ArrowDown"), lambda: said.inner_text() != "")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Graph of the task runs: 30 nodes")).to_be_visible()
    expect(page.get_by_title("Show its runs as one again")).to_be_visible()


@scene
def tasks(page: Page, place: Place) -> None:
    place.open(page, "older", "tab=tasks")
    expect(page.get_by_role("grid", name="Task runs").get_by_role("row").nth(5)).to_be_visible()


@scene
def logs(page: Page, place: Place) -> None:
    place.open(page, "failed", "tab=logs&find=onion")
    expect(page.get_by_role("log").locator("mark").first).to_be_visible()


@scene
def history(page: Page, place: Place) -> None:
    place.open(page, "failed", "tab=history")
    expect(page.get_by_role("tabpanel")).to_contain_text("Failed")


@scene
def details(page: Page, place: Place) -> None:
    place.open(page, "failed")
    page.locator("summary").filter(has_text="Details").click()
    page.locator("summary").filter(has_text="Traceback").click()
    expect(page.get_by_role("heading", name="Parameters")).to_be_visible()
    expect(page.locator(".traceback pre").first).to_be_visible()


@scene
def subflows(page: Page, place: Place) -> None:
    place.open(page, "parent")
    page.get_by_text("1 subflow", exact=True).click()
    expect(page.locator(".run-subflows").get_by_role("link")).to_be_visible()


@scene
def questions(page: Page, place: Place) -> None:
    place.open(page, "paused")
    expect(page.get_by_role("button", name="Answer")).to_be_visible()


@scene
def missing_run(page: Page, place: Place) -> None:
    place.go(page, "/runs/01a20000-0000-7000-8000-000000000000")
    expect(page.get_by_role("heading", name="This run cannot be shown")).to_be_visible()


@scene
def drawer(page: Page, place: Place) -> None:
    place.open(page, "failed", "tab=tasks&task_run=1")
    panel = page.get_by_role("complementary")
    expect(panel.locator(".traceback pre").first).to_be_visible()
    expect(panel.get_by_role("log").locator(".logs-row").first).to_be_visible()


@scene
def drawer_of_what_completed(page: Page, place: Place) -> None:
    place.open(page, "older", "tab=timeline&task_run=1")
    expect(page.get_by_role("complementary").get_by_role("heading", name="Result")).to_be_visible()


# What is empty ----------------------------------------------------------------------------------------------------------


@scene
def bare_timeline(page: Page, place: Place) -> None:
    place.open(page, "bare", "tab=timeline")
    expect(page.get_by_label("Timeline of 0 task runs: none yet")).to_be_attached()


@scene
def bare_graph(page: Page, place: Place) -> None:
    place.open(page, "bare", "tab=graph")
    expect(page.get_by_role("tabpanel")).to_contain_text(re.compile("called no task"))


@scene
def bare_tasks(page: Page, place: Place) -> None:
    place.open(page, "bare", "tab=tasks")
    expect(page.get_by_role("tabpanel")).to_contain_text("no task")


# Dialogs of a run -------------------------------------------------------------------------------------------------------


@scene
def run_again(page: Page, place: Place) -> None:
    _ask(page, place, "failed", "Run again")
    expect(page.get_by_role("dialog").get_by_role("textbox").first).to_be_visible()


@scene
def resume(page: Page, place: Place) -> None:
    _ask(page, place, "failed", "Resume")
    expect(page.get_by_role("dialog").get_by_role("button", name="Resume")).to_be_enabled()


@scene
def retry(page: Page, place: Place) -> None:
    _ask(page, place, "failed", "Retry failed")
    expect(page.get_by_role("dialog").get_by_role("button", name="Retry")).to_be_enabled()


@scene
def compare_with(page: Page, place: Place) -> None:
    _ask(page, place, "older", "Compare")
    expect(page.get_by_role("dialog").get_by_role("link").first).to_be_visible()


@scene
def compare_with_none(page: Page, place: Place) -> None:
    _ask(page, place, "bare", "Compare")
    expect(page.get_by_role("dialog")).to_contain_text("This is the only run of")


@scene
def export(page: Page, place: Place) -> None:
    _ask(page, place, "failed", "Export")


@scene
def delete(page: Page, place: Place) -> None:
    _ask(page, place, "failed", "Delete")


@scene
def cancel(page: Page, place: Place) -> None:
    _ask(page, place, "paused", "Cancel")


def _ask(page: Page, place: Place, role: str, action: str) -> None:
    place.open(page, role)
    page.get_by_role("group", name="Actions").get_by_role("button", name=action, exact=True).click()
    expect(page.get_by_role("dialog")).to_be_visible()


def _boxes_of(page: Page) -> Locator:
    return page.get_by_role("table", name="Runs").get_by_role("checkbox")
