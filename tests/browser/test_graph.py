"""The graph: a map is one node with its own progress, which opens on a click; so does a subflow, in its place."""

from __future__ import annotations

import itertools
import json
import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.browser.pages import open_run, place_of, repeat

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Locator

    from tests.browser.conftest import Person

FLOWS = """
import pathlib, threading
from headrace import flow, task

@task
def count(part: int) -> int:
    turn = threading.Event()
    while not pathlib.Path(f"allowed_{part >= 20}").exists():
        turn.wait(0.02)
    return part

@task
def weigh(part: int) -> int:
    return part

@flow(flow_run_name="north")
def region() -> int:
    return weigh(3).result()

@flow
def stock() -> int:
    return sum(count.map(range(30)).result())

@flow
def country() -> int:
    return region()
"""
A_MAP = "from flows import stock; stock()"
A_SUBFLOW = "from flows import country; country()"


@pytest.fixture
def person(person: Person) -> Person:
    (person.folder / "flows.py").write_text(FLOWS, "utf-8")
    return person


@pytest.fixture
def half_counted(person: Person) -> Iterator[Person]:
    """Of a map of thirty, twenty have ended, and the others go on until somebody lets them end."""
    (person.folder / "allowed_False").touch()
    process = person.start("-c", A_MAP)
    yield person
    process.kill()
    process.communicate()


def test_a_map_is_one_node_that_shows_how_far_it_is_while_it_runs(page: Page, half_counted: Person) -> None:
    graph = open_graph(page, "stock")
    expect(graph).to_have_attribute("aria-label", "Graph of the task runs: 1 nodes, 0 edges")
    point_at(page, graph, "count, 30 task runs: ")
    expect(pointed(page)).to_contain_text("20 completed")

    (half_counted.folder / "allowed_True").touch()

    expect(pointed(page)).to_have_text("count, 30 task runs: 30 completed")


def test_a_map_opens_on_a_click_and_shows_its_members(page: Page, half_counted: Person) -> None:
    (half_counted.folder / "allowed_True").touch()
    graph = open_graph(page, "stock")
    expect(graph).to_have_attribute("aria-label", "Graph of the task runs: 1 nodes, 0 edges")

    point_at(page, graph, "count, 30 task runs: ")
    press(page)
    expect(graph).to_have_attribute("aria-label", "Graph of the task runs: 30 nodes, 0 edges")
    assert json.loads(parse_qs(urlsplit(page.url).query)["expand"][0]) == ["count"]

    point_at(page, graph, "count-")
    member = pointed(page).inner_text()
    press(page)
    drawer = page.get_by_role("complementary")
    expect(drawer.get_by_role("heading", level=2)).to_have_text(member.partition(",")[0])
    page.keyboard.press("Escape")
    page.get_by_role("button", name="count ×").click()

    expect(graph).to_have_attribute("aria-label", "Graph of the task runs: 1 nodes, 0 edges")


def test_an_open_map_shows_how_its_members_stand_while_they_run(page: Page, half_counted: Person) -> None:
    graph = open_graph(page, "stock")
    expect(graph).to_have_attribute("aria-label", "Graph of the task runs: 1 nodes, 0 edges")
    point_at(page, graph, "count, 30 task runs: ")
    press(page)
    expect(graph).to_have_attribute("aria-label", "Graph of the task runs: 30 nodes, 0 edges")
    page.reload()
    expect(graph).to_have_attribute("aria-label", "Graph of the task runs: 30 nodes, 0 edges")

    graph.focus()
    for _ in range(30):
        page.keyboard.press("ArrowDown")
    expect(pointed(page)).to_have_text(re.compile(r"count-2\d, Running"))
    name = pointed(page).inner_text().partition(",")[0]
    (half_counted.folder / "allowed_True").touch()

    expect(pointed(page)).to_contain_text(f"{name}, Completed, ")


def test_a_subflow_opens_in_its_place_and_closes_again(page: Page, person: Person) -> None:
    person.run(A_SUBFLOW)
    graph = open_graph(page, "country")
    expect(graph).to_have_attribute("aria-label", "Graph of the task runs: 1 nodes, 0 edges")

    point_at(page, graph, "region north, Completed")
    press(page)
    point_at(page, graph, "weigh-0, Completed")
    point_at(page, graph, "region north, Completed")
    press(page)
    expect_nowhere(page, graph, "weigh-0")
    point_at(page, graph, "region north, Completed")
    press(page)
    point_at(page, graph, "weigh-0, Completed")
    press(page)

    expect(page.get_by_role("complementary", name="Task run weigh-0")).to_be_visible()
    expect(page.locator(".run-flow")).to_have_text("region")


def open_graph(page: Page, flow: str) -> Locator:
    expect(page.get_by_role("row").filter(has_text=flow)).to_be_visible()
    open_run(page, flow)
    page.get_by_role("tab", name="Graph").click()
    return page.locator(".graph-canvas")


def pointed(page: Page) -> Locator:
    """What a screen reader says of the node that is pointed at."""
    return page.locator(".graph [aria-live]")


def press(page: Page) -> None:
    """A click where the pointer is."""
    page.mouse.down()
    page.mouse.up()


def point_at(page: Page, graph: Locator, said: str) -> None:
    """Goes over the middle of the graph until the pointer is on a node of which that is said."""
    spots = itertools.cycle(spots_of(graph))
    repeat(lambda: page.mouse.move(*next(spots)), lambda: pointed(page).inner_text().startswith(said))


def expect_nowhere(page: Page, graph: Locator, said: str) -> None:
    """That node is there no more, wherever one points."""
    texts: list[str] = []

    def look() -> None:
        texts.clear()
        for spot in spots_of(graph):
            page.mouse.move(*spot)
            texts.append(pointed(page).inner_text())

    repeat(look, lambda: any(texts) and not any(text.startswith(said) for text in texts))


def spots_of(graph: Locator) -> list[tuple[float, float]]:
    x, y = place_of(graph)
    return [(x + right, y + down) for right in (0, 40) for down in range(-72, 73, 8)]
