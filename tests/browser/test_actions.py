"""What is done with a run from its own page: it is resumed, run again, compared."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Page, expect

from tests.browser.pages import open_run

if TYPE_CHECKING:
    from playwright.sync_api import Locator

    from tests.browser.conftest import Person

FLOWS = """
import pathlib, threading
from headrace import flow, get_run_logger, task

@task
def read(part: int) -> int:
    get_run_logger().info("part %d is read", part)
    return part

@task
def store(total: int) -> int:
    turn = threading.Event()
    while pathlib.Path("shut").exists():
        turn.wait(0.02)
    return total

@flow
def orders(parts: int = 3) -> int:
    return store(sum(read.map(range(parts)).result())).result()

@task
def log_in(password: str) -> str:
    if not pathlib.Path("open").exists():
        raise ConnectionError("closed")
    return "in"

@flow
def visits(password: str) -> str:
    return log_in(password).result()
"""
TWO_RUNS = "from flows import orders; orders(3); orders(5)"
A_RUN = "from flows import orders; orders(3)"
A_REFUSED_VISIT = "from flows import visits; visits('swordfish')"


@pytest.fixture
def person(person: Person) -> Person:
    """They have flows that they import."""
    (person.folder / "flows.py").write_text(FLOWS, "utf-8")
    return person


def test_a_killed_run_is_resumed_from_its_page(page: Page, person: Person) -> None:
    shut = person.folder / "shut"
    shut.touch()
    process = person.start("-c", A_RUN)
    open_run(page, "orders")
    expect(page.locator(".run-counts")).to_contain_text("Running")
    process.kill()
    process.communicate()
    shut.unlink()
    expect(standing(page)).to_contain_text("Crashed")

    page.get_by_role("button", name="Resume").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Resume").click()

    expect(dialog).to_be_hidden()
    expect(standing(page)).to_contain_text("Completed")
    expect(page.get_by_text("epoch 2", exact=True)).to_be_visible()
    expect(standing(page)).to_contain_text(re.compile(r"started .+ · went on "))


def test_a_retry_asks_for_the_secret_that_the_history_does_not_keep(page: Page, person: Person) -> None:
    person.run(A_REFUSED_VISIT, exit_code=1)
    (person.folder / "open").touch()
    open_run(page, "visits")

    page.get_by_role("button", name="Retry failed").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Retry").click()
    expect(dialog.get_by_role("alert")).to_have_text("A value is needed")
    dialog.get_by_role("textbox", name="password").fill("swordfish")
    dialog.get_by_role("button", name="Retry").click()

    expect(dialog).to_be_hidden()
    expect(standing(page)).to_contain_text("Completed")
    expect(page.get_by_text("swordfish")).to_have_count(0)


def test_a_run_that_completed_goes_on_from_a_task_run(page: Page, person: Person) -> None:
    person.run(TWO_RUNS)
    open_run(page, "orders")
    page.get_by_role("tab", name="Tasks").click()
    page.get_by_role("grid", name="Task runs").get_by_text("store").first.click()

    page.get_by_role("complementary").get_by_role("button", name="Resume from here").click()
    page.get_by_role("dialog").get_by_role("button", name="Resume").click()

    expect(page.get_by_text("epoch 2", exact=True)).to_be_visible()
    expect(standing(page)).to_contain_text("Completed")


def test_a_flow_runs_again_with_other_parameters_and_its_new_run_is_shown(page: Page, person: Person) -> None:
    person.run(TWO_RUNS)
    open_run(page, "orders")
    first = page.url

    page.get_by_role("button", name="Run again").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("textbox", name="parts").fill("7")
    dialog.get_by_role("button", name="Run again").click()

    expect(dialog).to_be_hidden()
    expect(page).not_to_have_url(first)
    expect(standing(page)).to_contain_text("Completed")
    expect(page.get_by_role("main")).to_contain_text('{"parts":7} → 21')


def test_a_process_that_ends_before_its_run_began_is_heard(page: Page, person: Person) -> None:
    person.run(TWO_RUNS)
    (person.folder / "flows.py").write_text("raise ImportError('the lake is dry')", "utf-8")
    open_run(page, "orders")

    page.get_by_role("button", name="Run again").click()
    page.get_by_role("dialog").get_by_role("button", name="Run again").click()

    expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text("the lake is dry")


def test_a_run_is_compared_with_another_of_its_flow(page: Page, person: Person) -> None:
    person.run(TWO_RUNS)
    open_run(page, "orders")

    page.get_by_role("button", name="Compare").click()
    page.get_by_role("dialog").get_by_role("link").first.click()

    expect(page).to_have_url(re.compile(r"/compare\?a=.+&b="))
    expect(page.get_by_role("table", name="Parameters that differ").get_by_role("row").last).to_have_text(
        "parts35"
    )


def test_a_run_is_cancelled_from_its_page_and_its_process_ends(page: Page, person: Person) -> None:
    (person.folder / "shut").touch()
    process = person.start("-c", A_RUN)
    open_run(page, "orders")
    expect(page.locator(".run-counts")).to_contain_text("Running")

    page.get_by_role("group", name="Actions").get_by_role("button", name="Cancel").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel the run").click()

    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(standing(page)).to_contain_text("Cancelled")
    process.communicate(timeout=20)
    assert process.returncode != 0


def test_a_run_is_deleted_from_its_page_after_a_question(page: Page, person: Person) -> None:
    person.run(A_RUN)
    open_run(page, "orders")

    page.get_by_role("group", name="Actions").get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Close").click()
    expect(standing(page)).to_contain_text("Completed")
    page.get_by_role("group", name="Actions").get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete the run").click()

    expect(page.get_by_role("heading", name="No runs yet")).to_be_visible()


def test_selected_runs_are_deleted_after_a_question(page: Page, person: Person) -> None:
    person.run(TWO_RUNS)
    boxes = page.get_by_role("table", name="Runs").get_by_role("checkbox")
    expect(boxes).to_have_count(2)
    boxes.nth(0).check()
    boxes.nth(1).check()

    page.get_by_role("button", name="Delete…").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete 2 runs").click()

    expect(boxes).to_have_count(0)


def standing(page: Page) -> Locator:
    return page.locator(".run-standing")
