"""The pages over runs that have ended: what is found, read and done on them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Entrance, Person
from tests.browser.pages import open_run

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Browser

HISTORY = """
from headrace import flow, get_run_logger, task

@task
def read(part: int) -> int:
    get_run_logger().info("part %d is read", part)
    return part

@task(retries=1)
def divide(by: int) -> float:
    return 1 / by

@flow
def orders(day: str = "monday") -> int:
    return sum(future.result() for future in read.map(range(30)))

@flow
def prices(by: int) -> float:
    return divide(by)

orders()
try:
    prices(0)
except ZeroDivisionError:
    pass
"""
TABS = ("Timeline", "Graph", "Tasks", "Logs", "History")


@pytest.fixture(scope="module")
def person(tmp_path_factory: pytest.TempPathFactory) -> Person:
    person = Person(tmp_path_factory.mktemp("person"))
    person.run(HISTORY)
    return person


@pytest.fixture(scope="module")
def entrance(person: Person, open_house: Callable[[Person], Entrance]) -> Entrance:
    return open_house(person)


def test_a_filter_is_kept_in_the_address(page: Page) -> None:
    rows = page.get_by_role("table", name="Runs").get_by_role("checkbox")
    expect(rows).to_have_count(2)

    page.get_by_label("State", exact=True).select_option("FAILED")
    expect(rows).to_have_count(1)
    expect(page).to_have_url(re.compile("state=FAILED"))
    page.reload()

    expect(rows).to_have_count(1)


def test_a_run_is_found_by_a_line_of_its_log(page: Page) -> None:
    expect(page.get_by_role("table", name="Runs").get_by_role("checkbox")).to_have_count(2)
    page.get_by_role("searchbox", name="Search names, messages and logs").fill("part 17")

    expect(page.get_by_text("part 17 is read").first).to_be_visible()


def test_a_failed_task_run_shows_its_cause_and_its_attempts(page: Page) -> None:
    open_run(page, "prices")
    page.get_by_role("tab", name="Tasks").click()
    page.get_by_role("grid", name="Task runs").get_by_text("divide").first.click()

    drawer = page.get_by_role("complementary", name="Task run")
    expect(drawer).to_contain_text("ZeroDivisionError")
    expect(drawer).to_contain_text("return 1 / by")
    expect(drawer).to_contain_text("Attempts 2")


def test_every_tab_shows_something(page: Page) -> None:
    open_run(page, "orders")
    panel = page.get_by_role("tabpanel")
    for tab in TABS:
        page.get_by_role("tab", name=tab).click()
        expect(page.get_by_role("tab", name=tab)).to_have_attribute("aria-selected", "true")
        expect(panel).to_be_visible()


def test_a_log_is_cut_into_other_rows_when_the_window_gets_another_width(page: Page) -> None:
    defects: list[str] = []
    page.on("pageerror", lambda error: defects.append(str(error)))
    open_run(page, "prices")
    page.get_by_role("tab", name="Logs").click()
    log = page.get_by_role("log", name="Log of the run")
    for width in (1280, 400, 900):
        page.set_viewport_size({"width": width, "height": 800})
        expect(log).to_contain_text("ZeroDivisionError: division by zero")

    assert defects == []


def test_runs_are_opened_with_the_keyboard_alone(page: Page) -> None:
    expect(page.get_by_role("table", name="Runs").get_by_role("checkbox")).to_have_count(2)
    page.keyboard.press("j")
    page.keyboard.press("Enter")

    expect(page.get_by_role("tablist", name="Views of the run")).to_be_visible()
    page.keyboard.press("g")
    page.keyboard.press("f")
    expect(page).to_have_url(re.compile("/flows$"))


def test_an_exported_file_opens_from_the_disk(page: Page, person: Person, browser: Browser) -> None:
    open_run(page, "orders")
    run = page.url.partition("/runs/")[2].partition("?")[0]
    person.headrace("runs", "export", run, "--output", "run.html")

    with browser.new_context(offline=True) as context:
        exported = context.new_page()
        exported.goto((person.folder / "run.html").as_uri())
        exported.get_by_role("tab", name="Logs").click()
        expect(exported.get_by_text("part 17 is read")).to_be_attached()
