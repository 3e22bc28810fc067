"""The timeline is moved with wheel, pointer and keys, and what is pointed at on it is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Page, expect

from headrace.engine.states import State, StateName
from headrace.history import History
from tests.browser.conftest import Entrance, Person
from tests.browser.pages import findings, open_run, place_of, repeat, sideways
from tests.facts import Facts

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Locator

BEGAN_US = 1_700_000_000_000_000
STEP_US = 1_000_000
NAMES = ("first", "middle", "last")
SHARES = (0.2, 0.5, 0.8)
"""Where each of three equal steps is on a timeline that shows all of the run."""


@pytest.fixture(scope="module")
def entrance(tmp_path_factory: pytest.TempPathFactory, open_house: Callable[[Person], Entrance]) -> Entrance:
    person = Person(tmp_path_factory.mktemp("person"))
    person.home.mkdir()
    history = History.open(str(person.home / "history.db"))
    record_three_steps(history)
    history.close()
    return open_house(person)


def record_three_steps(history: History) -> None:
    """One after the other, each a second long, of one worker."""
    facts = Facts()

    def states(begin_us: int, end_us: int) -> tuple[State, ...]:
        return (
            State(StateName.PENDING, begin_us),
            State(StateName.RUNNING, begin_us),
            State(StateName.COMPLETED, end_us),
        )

    end_us = BEGAN_US + len(NAMES) * STEP_US
    history.record(
        facts.flow(states=states(BEGAN_US, end_us), flow="steps", started_us=BEGAN_US, ended_us=end_us)
    )
    for number, name in enumerate(NAMES):
        begin_us = BEGAN_US + number * STEP_US
        history.record(
            facts.task(
                number + 1,
                name=name,
                states=states(begin_us, begin_us + STEP_US),
                started_us=begin_us,
                ended_us=begin_us + STEP_US,
            )
        )


@pytest.fixture
def timeline(page: Page) -> Locator:
    """That of the three steps, which are in one lane."""
    open_run(page, "steps")
    page.get_by_role("button", name="Workers").click()
    timeline = page.locator(".timeline-lanes")
    expect(timeline).to_have_attribute("aria-label", "Timeline of 3 task runs: 3 completed")
    expect_shown(page, timeline, NAMES)
    return timeline


def test_the_wheel_zooms_round_the_pointer(page: Page, timeline: Locator) -> None:
    point_at(page, timeline, 0.5)
    page.mouse.wheel(0, -700)
    expect_shown(page, timeline, ("middle", "middle", "middle"))

    point_at(page, timeline, 0.5)
    page.mouse.wheel(0, 1400)
    expect_shown(page, timeline, NAMES)

    point_at(page, timeline, 0.8)
    page.mouse.wheel(0, -700)
    expect_shown(page, timeline, ("last", "last", "last"))


def test_a_zoomed_timeline_is_dragged_and_a_double_click_shows_everything(
    page: Page, timeline: Locator
) -> None:
    point_at(page, timeline, 0.5)
    page.mouse.wheel(0, -500)
    expect_shown(page, timeline, ("middle", "middle", "middle"))

    drag(page, timeline, 0.1, 0.7)
    expect_shown(page, timeline, ("first", "first", "middle"))
    drag(page, timeline, 0.95, 0.05)
    expect_shown(page, timeline, ("middle", "middle", "last"))
    page.mouse.dblclick(*place_of(timeline))

    expect_shown(page, timeline, NAMES)


def test_what_is_dragged_on_the_strip_is_shown_below_it(page: Page, timeline: Locator) -> None:
    point_at(page, timeline, 0.5)
    page.mouse.wheel(0, -700)
    expect_shown(page, timeline, ("middle", "middle", "middle"))

    strip = page.locator(".timeline-strip")
    page.mouse.click(*place_of(strip, along=lanes_share(strip, 0.9)))

    expect_shown(page, timeline, ("last", "last", "last"))


def test_keys_go_from_task_run_to_task_run_and_open_one(page: Page, timeline: Locator) -> None:
    page.mouse.move(0, 0)
    expect(page.locator(".timeline-card")).to_be_hidden()
    timeline.focus()
    for name in ("first", "middle"):
        page.keyboard.press("Shift+ArrowRight")
        expect(page.locator(".timeline-card-name")).to_have_text(name)
    page.keyboard.press("Enter")

    expect(page.get_by_role("complementary", name="Task run middle")).to_be_visible()


@pytest.mark.parametrize(("key", "name"), [("ArrowUp", "first"), ("ArrowDown", "last")])
def test_what_is_told_of_a_task_run_fits_into_a_narrow_window(page: Page, key: str, name: str) -> None:
    page.set_viewport_size({"width": 400, "height": 800})
    open_run(page, "steps")
    page.locator(".timeline-lanes").focus()
    card = page.locator(".timeline-card-name")
    repeat(lambda: page.keyboard.press(f"Shift+{key}"), lambda: name in card.all_inner_texts())

    assert sideways(page) == []
    assert findings(page) == []


def test_what_is_told_of_a_task_run_stays_in_a_window_that_gets_narrower(
    page: Page, timeline: Locator
) -> None:
    page.mouse.move(0, 0)
    expect(page.locator(".timeline-card")).to_be_hidden()
    timeline.focus()
    for name in NAMES:
        page.keyboard.press("Shift+ArrowRight")
        expect(page.locator(".timeline-card-name")).to_have_text(name)

    page.set_viewport_size({"width": 400, "height": 800})

    assert sideways(page) == []
    expect(page.locator(".timeline-card-name")).to_have_text("last")


def test_a_double_click_on_a_task_run_opens_it_and_leaves_the_window_as_it_is(
    page: Page, timeline: Locator
) -> None:
    point_at(page, timeline, 0.5)
    page.mouse.wheel(0, -700)
    expect_shown(page, timeline, ("middle", "middle", "middle"))

    page.mouse.dblclick(*spot(timeline, 0.3))

    page.get_by_role("complementary", name="Task run middle").get_by_role("button", name="Close").click()
    expect_shown(page, timeline, ("middle", "middle", "middle"))


def expect_shown(page: Page, timeline: Locator, names: tuple[str, ...]) -> None:
    """What is where ``first``, ``middle`` and ``last`` were in the beginning."""
    for share, name in zip(SHARES, names, strict=True):
        point_at(page, timeline, share)
        expect(page.locator(".timeline-card-name")).to_have_text(name)


def point_at(page: Page, timeline: Locator, share: float) -> None:
    """Points at the first lane, and before that at none, so that a card that is seen is of this place."""
    page.mouse.move(*place_of(timeline, along=0.5, down_pixels=4))
    expect(page.locator(".timeline-card")).to_be_hidden()
    page.mouse.move(*spot(timeline, share))
    expect(page.locator(".timeline-card")).to_be_visible()


def drag(page: Page, timeline: Locator, share: float, to_share: float) -> None:
    page.mouse.move(*spot(timeline, share))
    page.mouse.down()
    page.mouse.move(*spot(timeline, (share + to_share) / 2))
    page.mouse.move(*spot(timeline, to_share))
    page.mouse.up()


def spot(timeline: Locator, share: float) -> tuple[float, float]:
    return place_of(timeline, along=lanes_share(timeline, share), down_pixels=40)


def lanes_share(canvas: Locator, share: float) -> float:
    """A share of the lanes as one of the canvas, which begins with their names."""
    box = canvas.bounding_box()
    assert box is not None
    names = 176 / box["width"]
    return names + share * (1 - names)
