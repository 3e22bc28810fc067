"""Every page, dialog and empty state is for everybody: in light and dark, seen or heard, in a window as wide as a hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Entrance, Person, tab
from tests.browser.pages import findings, sideways
from tests.browser.scenes import SCENES, Place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FLOWS = """
from headrace import flow, get_run_logger, pause, task

@task
def read(part: int) -> int:
    return part

@task(retries=1)
def peel(what: str) -> int:
    get_run_logger().warning("an %s brings \\033[31mtears\\033[0m, \\033[1;42mand more\\033[0m", what)
    return 1 / 0

@flow(log_prints=True)
def orders(day: str, parts: int = 30) -> int:
    return sum(read.map(range(parts)).result())

@flow
def kitchen(what: str, amounts: dict[str, int], is_fresh: bool = True, note: str | None = None) -> int:
    return peel(what).result()

@flow
def region(name: str) -> int:
    return read(1).result()

@flow
def country() -> int:
    return region("north of everything")

@flow
def bare() -> None:
    pass

@flow
def release() -> None:
    pause("Which name is it to have?", type=str)

"""
HISTORY = """
from headrace import tags
from flows import *

def run(role, call):
    try:
        with tags(role):
            call()
    except ZeroDivisionError:
        pass

run("older", lambda: orders("monday"))
run("newer", lambda: orders("a day whose name is longer than any window of a telephone is wide"))
run("failed", lambda: kitchen("onion", {"large": 3, "small": 0}))
run("parent", country)
run("bare", bare)
"""
ASKING = """
from headrace import tags
from flows import release

with tags("paused"):
    release()
"""


@pytest.fixture(scope="module")
def person(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Person]:
    person = Person(tmp_path_factory.mktemp("person"))
    (person.folder / "flows.py").write_text(FLOWS, "utf-8")
    person.run(HISTORY)
    asking = person.start("-c", ASKING)
    yield person
    asking.kill()
    asking.communicate()


@pytest.fixture(scope="module")
def entrance(person: Person, open_house: Callable[[Person], Entrance]) -> Entrance:
    return open_house(person)


@pytest.fixture(scope="module")
def place(browser: Browser, person: Person, entrance: Entrance) -> Place:
    with tab(browser, storage_state=entrance.session) as page:
        page.goto(entrance.address)
        expect(page.get_by_role("row").filter(has_text="Paused")).to_be_visible()
    return Place.of(entrance, person)


@pytest.fixture(scope="module")
def page(browser: Browser, entrance: Entrance) -> Iterator[Page]:
    """One tab for all, as the way to each page begins with an address."""
    with tab(browser, storage_state=entrance.session, reduced_motion="reduce") as page:
        yield page


@pytest.mark.parametrize("name", SCENES)
def test_it_is_for_everybody(page: Page, place: Place, name: str) -> None:
    page.set_viewport_size({"width": 1280, "height": 800})
    page.emulate_media(color_scheme="light")
    SCENES[name](page, place)

    in_light = findings(page)
    page.emulate_media(color_scheme="dark")
    expect(page.locator("html[data-theme=dark]")).to_be_attached()
    in_dark = findings(page, rules=["color-contrast"])
    page.set_viewport_size({"width": 400, "height": 800})

    assert in_light == []
    assert in_dark == []
    assert sideways(page) == []
