"""What the page says of runs is so, and can be read: of retries, subflows, failures, and texts in any language."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Entrance, Person
from tests.browser.pages import open_run, repeat

if TYPE_CHECKING:
    from collections.abc import Callable

HISTORY = """
from headrace import flow, get_run_logger, task

@task
def read(part: int) -> int:
    get_run_logger().info("part %d is read", part)
    return part

@flow
def parts() -> dict[str, str]:
    read.map(range(60))
    return {"größe": "日本 🚀"}

@task
def divide(by: int) -> float:
    return 1 / by

@task
def publish(values: list[float]) -> None:
    pass

@flow
def region(by: int) -> float:
    return divide(by).result()

@flow(retries=1)
def report() -> None:
    publish([region.submit(by) for by in (1, 0)])

@flow
def unseen() -> None:
    divide(0)

@flow
def sums() -> None:
    divide.map(divide.map([1, 0]))

@flow
def wordy() -> None:
    get_run_logger().info("a line that is wider than the window " * 20)

parts()
wordy()
for fails in (sums, report, unseen, unseen):
    try:
        fails()
    except ExceptionGroup:
        pass
"""


CUT_OFF = "(rows) => rows.filter((row) => row.scrollWidth > row.clientWidth).length"
CANCELLED = """
import asyncio
from headrace import flow

@flow
async def endless() -> None:
    await asyncio.Event().wait()

run = endless.submit()
run.cancel()
run.wait()
"""


@pytest.fixture(scope="module")
def person(tmp_path_factory: pytest.TempPathFactory) -> Person:
    person = Person(tmp_path_factory.mktemp("person"))
    person.run(HISTORY)
    return person


@pytest.fixture(scope="module")
def entrance(person: Person, open_house: Callable[[Person], Entrance]) -> Entrance:
    return open_house(person)


def test_a_flow_that_was_tried_again_says_how_long_it_took(page: Page) -> None:
    open_run(page, "report")

    expect(page.locator(".run-standing")).to_contain_text(
        re.compile(r"^Failedafter .+ · started .+ · went on ")
    )
    page.get_by_role("tab", name="History").click()
    expect(page.get_by_role("tabpanel")).to_contain_text("Epoch 2: the run was tried again")


def test_a_subflow_that_failed_is_named_with_its_reason(page: Page) -> None:
    open_run(page, "report")

    why = page.get_by_role("region", name="Why")
    expect(why.get_by_role("list")).to_contain_text("ZeroDivisionError: division by zero")
    why.get_by_role("link", name="region / ").click()
    expect(page.locator(".run-flow")).to_contain_text("region")


def test_what_did_not_start_is_not_said_to_have_failed(page: Page) -> None:
    open_run(page, "sums")

    expect(page.locator(".run-counts")).to_have_text("Completed 2Failed 1 + 1 upstream")
    expect(page.get_by_role("group", name="States")).to_have_text("Completed 2Failed 1 + 1 upstream")
    page.get_by_role("button", name="Show the task run that failed, and the one that did not start").click()
    expect(page.get_by_role("grid", name="Task runs")).to_contain_text("UpstreamFailed")
    page.get_by_role("link", name="Runs", exact=True).click()
    open_run(page, "report")
    expect(page.locator(".run-counts")).to_have_text("UpstreamFailed 1")


def test_failures_that_nobody_retrieved_say_what_was_raised(page: Page) -> None:
    open_run(page, "unseen")

    expect(page.get_by_role("region", name="Why")).to_contain_text(
        "Caused by ZeroDivisionError: division by zero"
    )


def test_a_result_is_shown_in_its_letters(page: Page) -> None:
    open_run(page, "parts")
    summary = page.locator("summary").filter(has_text="Details")
    expect(summary).to_have_text('Details → {"größe":"日本 🚀"}')

    summary.click()
    expect(page.get_by_label("Result")).to_have_text('größe"日本 🚀"')


def test_a_run_that_was_cancelled_says_why_in_the_list(page: Page, person: Person) -> None:
    person.run(CANCELLED)

    row = page.get_by_role("row").filter(has_text="endless")
    expect(row.get_by_role("cell").nth(1)).to_have_text("Cancelled")
    expect(row.get_by_role("cell").nth(2)).to_contain_text("cancelled")


def test_what_is_found_within_runs_is_shown_on_and_on(page: Page) -> None:
    page.get_by_role("searchbox", name="Search names, messages and logs").fill("is read")
    found = page.get_by_role("region", name="Found within runs")
    links = found.get_by_role("link")
    expect(links).to_have_count(8)
    expect(page.get_by_text("No run or flow has this in its name.")).to_be_visible()

    found.get_by_role("button", name="Show more").click()
    expect(links).to_have_count(38)
    found.get_by_role("button", name="Show more").click()
    expect(links).to_have_count(60)
    expect(found.get_by_role("button")).to_have_count(0)


@pytest.mark.parametrize("width", [1280, 1920, 700, 400])
def test_no_row_of_a_log_is_cut_off(page: Page, width: int) -> None:
    open_run(page, "wordy")
    page.set_viewport_size({"width": width, "height": 800})
    page.get_by_role("tab", name="Logs").click()

    rows = page.locator(".logs-message").filter(has_text="wider than")
    expect(rows.nth(1)).to_be_visible()
    repeat(lambda: None, lambda: rows.evaluate_all(CUT_OFF) == 0)


def test_what_is_unfolded_comes_into_sight(page: Page) -> None:
    page.set_viewport_size({"width": 1280, "height": 560})
    open_run(page, "report")
    page.get_by_text("2 subflows", exact=True).click()
    page.locator("summary").filter(has_text="Details").click()

    expect(page.locator("dt").filter(has_text="Task runner")).to_be_in_viewport()


def test_a_card_of_a_narrow_window_says_why_a_run_failed(page: Page, entrance: Entrance) -> None:
    page.set_viewport_size({"width": 400, "height": 800})
    page.goto(f"{entrance.address}/runs?flow=sums")

    expect(page.locator(".runs-reason").first).to_be_in_viewport()


def test_names_of_a_comparison_stay_whole_in_a_narrow_window(page: Page) -> None:
    open_run(page, "unseen")
    page.get_by_role("button", name="Compare").click()
    page.get_by_role("dialog").get_by_role("link").first.click()
    page.set_viewport_size({"width": 400, "height": 800})

    name = page.get_by_role("table", name="Tasks").get_by_role("rowheader", name="divide")
    expect(name).to_be_visible()
    assert (
        name.evaluate(
            "(name) => { const r = new Range(); r.selectNodeContents(name); return r.getClientRects().length }"
        )
        <= 2
    )
    expect(page.get_by_role("main")).to_contain_text("of unseen")


def test_a_task_run_that_did_not_start_names_what_it_waited_for(page: Page) -> None:
    open_run(page, "report")
    page.get_by_role("tab", name="Tasks").click()
    page.get_by_role("grid", name="Task runs").get_by_text("publish").first.click()

    drawer = page.get_by_role("complementary")
    expect(drawer.get_by_role("link", name="region / ")).to_have_count(2)
    expect(drawer).to_contain_text("Waited for a slot 0 µs")
