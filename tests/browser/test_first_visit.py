"""Who has run nothing yet, or came without a link, is told what to do next."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Entrance, Person, tab
from tests.browser.pages import findings, sideways

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture(scope="module")
def person(tmp_path_factory: pytest.TempPathFactory) -> Person:
    return Person(tmp_path_factory.mktemp("person"))


@pytest.fixture(scope="module")
def entrance(person: Person, open_house: Callable[[Person], Entrance]) -> Entrance:
    return open_house(person)


WIDE_SAMPLE = pytest.mark.xfail(reason="the sample on the empty page of runs is wider than the window")


@pytest.mark.parametrize(("path", "told"), [("/runs", "No runs yet"), ("/flows", "No flows yet")])
def test_an_empty_history_says_how_to_begin(page: Page, entrance: Entrance, path: str, told: str) -> None:
    page.emulate_media(color_scheme="dark")
    page.goto(f"{entrance.address}{path}")
    expect(page.get_by_role("heading", name=told)).to_be_visible()

    in_dark = findings(page)
    page.emulate_media(color_scheme="light")

    assert in_dark + findings(page) == []


@pytest.mark.parametrize(
    ("path", "told"), [pytest.param("/runs", "No runs yet", marks=WIDE_SAMPLE), ("/flows", "No flows yet")]
)
def test_an_empty_history_fits_into_a_narrow_window(
    page: Page, entrance: Entrance, path: str, told: str
) -> None:
    page.set_viewport_size({"width": 400, "height": 800})
    page.goto(f"{entrance.address}{path}")
    expect(page.get_by_role("heading", name=told)).to_be_visible()

    assert sideways(page) == []


def test_the_sample_of_an_empty_history_is_a_flow_that_runs_and_appears(page: Page, person: Person) -> None:
    person.run(page.locator(".sample pre").inner_text())

    expect(page.get_by_role("row").filter(has_text="hello")).to_contain_text("Completed")


def test_a_browser_without_the_link_is_shown_the_way_in(browser: Browser, entrance: Entrance) -> None:
    with tab(browser) as stranger:
        stranger.goto(entrance.address)
        expect(stranger.get_by_text("headrace ui --link")).to_be_visible()

        assert findings(stranger) == []
        stranger.set_viewport_size({"width": 400, "height": 800})
        assert sideways(stranger) == []
