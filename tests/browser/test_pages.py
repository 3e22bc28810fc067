"""The pages over runs that have ended: what is found, read and done on them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Page, expect

from tests.browser.pages import findings, open_run

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.browser.conftest import Person

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
ATTACK = "<img src=x onerror=alert(1)><script>alert(2)</script>"
ATTACKS = f"""
from headrace import flow, get_run_logger, task, tags
ATTACK = {ATTACK!r}

@task(name=ATTACK, task_run_name=ATTACK)
def attack(text: str) -> str:
    get_run_logger().warning(text)
    return text

@flow(name=ATTACK, flow_run_name=ATTACK)
def attacks(text: str) -> str:
    attack(text)
    raise ValueError(text)

try:
    with tags("<b>tag"):
        attacks(ATTACK)
except ValueError:
    pass
"""
TABS = ("Timeline", "Graph", "Tasks", "Logs", "History")


@pytest.fixture
def person(person: Person) -> Person:
    """Their history is there before the server is."""
    person.run(HISTORY)
    return person


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


def test_the_timeline_is_zoomed_and_every_tab_shows_something(page: Page) -> None:
    open_run(page, "orders")
    panel = page.get_by_role("tabpanel")
    page.get_by_role("button", name="Zoom in").click()
    page.get_by_role("button", name="Zoom out").click()
    for tab in TABS:
        page.get_by_role("tab", name=tab).click()
        expect(page.get_by_role("tab", name=tab)).to_have_attribute("aria-selected", "true")
        expect(panel).to_be_visible()


def test_selected_runs_are_deleted_after_a_question(page: Page) -> None:
    boxes = page.get_by_role("table", name="Runs").get_by_role("checkbox")
    expect(boxes).to_have_count(2)
    boxes.nth(0).check()
    boxes.nth(1).check()

    page.get_by_role("button", name="Delete…").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete 2 runs").click()

    expect(boxes).to_have_count(0)


def test_what_a_flow_wrote_stays_text(page: Page, person: Person) -> None:
    person.run(ATTACKS)
    page.get_by_role("link", name=ATTACK).click()

    expect(page.get_by_role("heading", name=ATTACK)).to_be_visible()
    for tab in TABS:
        page.get_by_role("tab", name=tab).click()
        expect(page.get_by_role("tabpanel")).to_be_visible()
    page.get_by_role("tab", name="Tasks").click()
    page.get_by_role("grid", name="Task runs").get_by_text(ATTACK).first.click()
    expect(page.get_by_role("complementary")).to_contain_text(ATTACK)
    assert page.locator("img, script:not([src])").count() == 0


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nothing_bars_those_who_see_or_hear_the_page_otherwise(page: Page, theme: str) -> None:
    page.emulate_media(color_scheme="dark" if theme == "dark" else "light", reduced_motion="reduce")
    expect(page.get_by_role("table", name="Runs").get_by_role("checkbox")).to_have_count(2)
    found = findings(page)
    page.get_by_role("link", name="Flows").click()
    expect(page.get_by_text("prices").first).to_be_visible()
    found += findings(page)
    page.get_by_role("link", name="Runs", exact=True).click()
    open_run(page, "prices")
    for tab in TABS:
        page.get_by_role("tab", name=tab).click()
        found += findings(page)

    assert found == []


def test_a_narrow_window_is_not_scrolled_sideways(page: Page) -> None:
    page.set_viewport_size({"width": 400, "height": 800})
    open_run(page, "prices")
    for tab in TABS:
        page.get_by_role("tab", name=tab).click()
        assert page.evaluate("document.documentElement.scrollWidth") <= 400


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


def test_a_browser_without_the_link_is_shown_the_way_in(browser: Browser, link: str) -> None:
    with browser.new_context() as context:
        stranger = context.new_page()
        stranger.goto(link.partition("/login")[0])

        expect(stranger.get_by_text("headrace ui --link")).to_be_visible()
