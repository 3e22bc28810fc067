"""Dark and light: as the system has it until somebody chooses, and then as they chose."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Entrance, Person
from tests.browser.pages import findings, open_run, repeat

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Locator

A_RUN = """
from headrace import flow, task

@task
def read(part: int) -> int:
    return part

@flow
def orders() -> None:
    read.map(range(30))

orders()
"""
WHITE, BLACK = 255, 0
GROUND = """
(canvas) => {
  const [red, green, blue] = canvas.getContext("2d").getImageData(1, canvas.height - 2, 1, 1).data;
  return (red + green + blue) / 3;
}
"""


@pytest.fixture(scope="module")
def entrance(tmp_path_factory: pytest.TempPathFactory, open_house: Callable[[Person], Entrance]) -> Entrance:
    person = Person(tmp_path_factory.mktemp("person"))
    person.run(A_RUN)
    return open_house(person)


def test_the_page_is_dark_where_the_system_is_and_goes_along_with_it(page: Page) -> None:
    page.emulate_media(color_scheme="dark")
    expect_theme(page, "dark")
    page.emulate_media(color_scheme="light")
    expect_theme(page, "light")


def test_the_switch_wins_over_the_system_and_is_kept(page: Page) -> None:
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    page.get_by_role("button", name="Theme: system").click()
    page.get_by_role("button", name="Theme: light").click()
    expect_theme(page, "dark")
    assert findings(page) == []
    page.reload()
    expect_theme(page, "dark")

    page.get_by_role("button", name="Theme: dark").click()
    expect_theme(page, "light")
    page.get_by_role("button", name="Theme: system").click()
    page.emulate_media(color_scheme="dark")
    expect(page.get_by_role("button", name="Theme: light")).to_be_visible()

    expect_theme(page, "light")
    assert findings(page) == []


def test_the_palette_changes_the_theme(page: Page) -> None:
    page.emulate_media(color_scheme="light")
    page.keyboard.press("Control+k")
    page.get_by_role("combobox", name="Find").fill("theme dark")
    page.keyboard.press("Enter")

    expect_theme(page, "dark")


@pytest.mark.parametrize(("tab", "picture"), [("Timeline", ".timeline-lanes"), ("Graph", ".graph-canvas")])
def test_pictures_change_with_the_theme(page: Page, tab: str, picture: str) -> None:
    page.emulate_media(color_scheme="light")
    open_run(page, "orders")
    page.get_by_role("tab", name=tab).click()
    canvas = page.locator(picture)
    expect_ground(canvas, is_dark=False)

    page.get_by_role("button", name="Theme: system").click()
    page.get_by_role("button", name="Theme: light").click()
    expect_ground(canvas, is_dark=True)
    page.get_by_role("button", name="Theme: dark").click()

    expect_ground(canvas, is_dark=False)


def expect_theme(page: Page, theme: str) -> None:
    """The browser's own parts, such as lists to choose from, are of the theme, too."""
    expect(page.locator("html")).to_have_attribute("data-theme", theme)
    expect(page.locator("html")).to_have_css("color-scheme", theme)
    ground, text = [
        page.evaluate(
            f"getComputedStyle(document.body).{name}.match(/\\d+(\\.\\d+)?/g).slice(0, 3).map(Number)"
        )
        for name in ("backgroundColor", "color")
    ]
    assert (sum(ground) < sum(text)) == (theme == "dark")


def expect_ground(canvas: Locator, *, is_dark: bool) -> None:
    repeat(lambda: None, lambda: (canvas.evaluate(GROUND) < (WHITE + BLACK) / 2) == is_dark)
