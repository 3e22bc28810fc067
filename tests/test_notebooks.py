"""What a notebook shows of futures and states: enough to see how a run stands, and nothing that can do harm."""

from __future__ import annotations

import threading
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest

from headrace import flow, task
from headrace.engine.states import State, StateName
from headrace.testing import in_memory_history

if TYPE_CHECKING:
    from collections.abc import Iterator

HOSTILE = "<script>alert(1)</script>\" onload='x'"


@pytest.fixture(autouse=True)
def _recorded() -> Iterator[None]:
    with in_memory_history():
        yield


class Shown(HTMLParser):
    """The text of a piece of HTML, and its elements."""

    def __init__(self, displayed: object) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(displayed._repr_html_())  # type: ignore[attr-defined]
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text += data + " "


@task
def breaks() -> None:
    raise ValueError(HOSTILE)


@task
def works() -> int:
    return 1


def test_a_state_shows_its_sign_and_its_reason() -> None:
    assert Shown(State(StateName.CANCELLED, 0, "not now")).text.split() == ["⊖", "Cancelled", "not", "now"]


@pytest.mark.parametrize("name", list(StateName))
def test_every_state_has_a_look(name: StateName) -> None:
    assert name.value in Shown(State(name, 0)).text


def test_a_flow_run_shows_name_time_counts_and_the_last_line_of_its_failure() -> None:
    @flow(flow_run_name="nightly")
    def report() -> None:
        works()
        breaks().result()

    future = report.submit()
    future.wait()
    shown = Shown(future).text

    assert shown.startswith("✗ Failed   nightly ")
    assert " ms" in shown or " s " in shown
    assert "✓ 1 completed · ✗ 1 failed" in shown
    assert f"ValueError: {HOSTILE}" in shown
    future.exception()


def test_a_task_run_shows_how_it_stands_and_is_not_retrieved_by_that() -> None:
    @flow
    def looks() -> None:
        future = breaks()
        future.wait()
        assert "✗ Failed" in Shown(future).text

    with pytest.raises(ExceptionGroup, match="nobody retrieved it"):
        looks()


def test_looking_waits_for_nothing() -> None:
    may_end = threading.Event()

    @flow
    def waits() -> None:
        may_end.wait(20)

    future = waits.submit()
    try:
        assert "Completed" not in Shown(future).text
    finally:
        may_end.set()
        future.result()


def test_what_the_user_wrote_stays_text() -> None:
    @flow(flow_run_name=lambda: HOSTILE)
    def hostile() -> None:
        breaks().result()

    future = hostile.submit()
    future.exception()
    shown = Shown(future)

    assert set(shown.elements) == {"div", "span", "strong", "code"}
    assert shown.attributes == {"style"}
