"""What other processes do is seen on the page while they do it."""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING

from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import end
from tests.browser.pages import open_run, place_of, repeat

if TYPE_CHECKING:
    import subprocess

    from playwright.sync_api import Locator

    from tests.browser.conftest import Person

WAITING = """
import pathlib, threading
from headrace import flow, get_run_logger, task

@task
def step(number: int) -> int:
    get_run_logger().warning("step %d is under way", number)
    turn = threading.Event()
    while not pathlib.Path("go").exists():
        turn.wait(0.02)
    return number

@flow
def waiting() -> int:
    return step(7)

waiting()
"""

LIMITED = """
import pathlib, threading
from headrace import concurrency, flow

def wait_for(name: str) -> None:
    turn = threading.Event()
    while not pathlib.Path(name).exists():
        turn.wait(0.02)

@flow(flow_run_name="first")
def holding() -> None:
    with concurrency("db", 1):
        running = wanting.submit()
        wait_for("go")
    running.wait()

@flow(flow_run_name="second")
def wanting() -> None:
    wait_for("wanted")
    with concurrency("db", 1):
        pass

holding()
"""


def test_a_flow_of_another_process_is_watched_from_its_start_to_its_end(page: Page, person: Person) -> None:
    (person.folder / "waiting.py").write_text(WAITING, "utf-8")
    expect(page.get_by_role("navigation", name="Pages")).to_be_visible()

    process = person.start("waiting.py")
    row = page.get_by_role("row").filter(has_text="waiting")
    expect(row).to_contain_text("Running")
    row.get_by_role("link").first.click()
    page.get_by_role("tab", name="Logs").click()
    expect(page.get_by_text("step 7 is under way")).to_be_visible()
    (person.folder / "go").touch()

    expect(page.locator(".run-standing")).to_contain_text("Completed")
    process.communicate(timeout=20)
    assert process.returncode == 0


def test_a_run_that_waits_for_a_limit_says_so_and_who_holds_it(page: Page, person: Person) -> None:
    (person.folder / "limited.py").write_text(LIMITED, "utf-8")
    process = person.start("limited.py")
    open_run(page, "first")
    page.get_by_text("1 subflow", exact=True).click()
    page.get_by_role("link", name="second").first.click()
    expect(page.get_by_role("heading", name="second")).to_be_visible()
    waits = page.get_by_role("region", name="Waits for limits")
    expect(waits).to_have_count(0)

    (person.folder / "wanted").touch()
    expect(waits).to_contain_text("the flow itself waits for limit db, held by first")
    waits.get_by_role("link", name="first").click()
    expect(page.get_by_role("heading", name="first")).to_be_visible()
    page.go_back()
    expect(waits).to_be_visible()
    (person.folder / "go").touch()

    expect(page.locator(".run-standing")).to_contain_text("Completed")
    expect(waits).to_have_count(0)
    process.communicate(timeout=20)


def test_what_happens_before_the_stream_of_events_is_open_is_shown_once_it_is(
    page: Page, person: Person
) -> None:
    (person.folder / "waiting.py").write_text(WAITING, "utf-8")
    (person.folder / "go").touch()
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    expect(page.get_by_role("navigation", name="Pages")).to_be_visible()
    page.route("**/api/events", hold)
    page.reload()
    expect(page.get_by_role("heading", name="No runs yet")).to_be_visible()
    repeat(lambda: page.wait_for_timeout(10), lambda: bool(held))

    person.start("waiting.py").communicate(timeout=20)
    for stream in held:
        stream.continue_()

    expect(page.get_by_role("row").filter(has_text="waiting")).to_contain_text("Completed")


def watch_waiting(page: Page, person: Person) -> tuple[subprocess.Popen[str], Locator]:
    """A flow run whose task waits, and its timeline."""
    (person.folder / "waiting.py").write_text(WAITING, "utf-8")
    process = person.start("waiting.py")
    expect(page.get_by_role("row").filter(has_text="waiting")).to_contain_text("Running")
    open_run(page, "waiting")
    timeline = page.locator(".timeline-lanes")
    expect(timeline).to_have_attribute("aria-label", "Timeline of 1 task run: 1 running")
    return process, timeline


def test_what_the_pointer_is_on_in_the_timeline_is_told_while_the_run_goes_on(
    page: Page, person: Person
) -> None:
    process, timeline = watch_waiting(page, person)
    card = page.locator(".timeline-card")
    places = itertools.cycle((0.5, 0.6))
    repeat(
        lambda: page.mouse.move(*place_of(timeline, along=next(places), down_pixels=40)),
        lambda: "runs for" in "".join(card.all_inner_texts()),
    )
    (person.folder / "go").touch()

    expect(timeline).to_have_attribute("aria-label", "Timeline of 1 task run: 1 completed")
    expect(card).to_contain_text("Completed")
    process.communicate(timeout=20)


def test_what_the_keys_are_on_in_the_timeline_stays_told_while_the_run_goes_on(
    page: Page, person: Person
) -> None:
    page.mouse.move(0, 0)
    process, timeline = watch_waiting(page, person)
    timeline.focus()
    card = page.locator(".timeline-card")
    repeat(  # the picture follows a little later than the sentence
        lambda: page.keyboard.press("Shift+ArrowRight"), lambda: "Running" in "".join(card.all_inner_texts())
    )
    (person.folder / "go").touch()

    expect(timeline).to_have_attribute("aria-label", "Timeline of 1 task run: 1 completed")
    expect(card).to_contain_text("Completed")
    page.keyboard.press("Enter")
    expect(page.get_by_role("complementary", name="Task run step-0")).to_be_visible()
    process.communicate(timeout=20)


def test_a_run_is_cancelled_from_the_page_and_its_process_ends(page: Page, person: Person) -> None:
    (person.folder / "waiting.py").write_text(WAITING, "utf-8")
    process = person.start("waiting.py")
    row = page.get_by_role("row").filter(has_text="waiting")
    expect(row).to_contain_text("Running")

    row.get_by_role("checkbox").check()
    page.get_by_role("toolbar", name="Selected runs").get_by_role("button", name="Cancel…").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel 1 run").click()

    expect(row).to_contain_text("Cancelled")
    process.communicate(timeout=20)
    assert process.returncode != 0


def test_a_server_that_is_gone_is_told_of_and_a_new_link_lets_in_again(page: Page, person: Person) -> None:
    server, link = person.serve()
    page.goto(link)
    expect(page.get_by_role("navigation", name="Pages")).to_be_visible()
    port = int(re.findall(r":(\d+)/", link)[0])

    end(server)
    expect(page.get_by_text("The server does not answer")).to_be_visible()
    server, link = person.serve(port)
    expect(page.get_by_text("You are signed out")).to_be_visible()
    page.goto(link)

    expect(page.get_by_text("You are signed out")).to_be_hidden()
    expect(page.get_by_role("navigation", name="Pages")).to_be_visible()
    end(server)
