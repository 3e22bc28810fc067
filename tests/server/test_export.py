"""A run as one file: what is in it, and that nothing in it can do what it is not to do."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import pytest

from headrace.engine.states import StateName
from headrace.errors import LaunchError, RunNotFoundError
from headrace.history import History, log_pages
from headrace.history.facts import Failure
from headrace.server import export
from headrace.server.export import DATA_ID, Answers, export_html, key_of
from tests.facts import Facts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HOSTILE = "</script><script>alert(1)</script><!-- <img src=x onerror=alert(1)> \u2028 \\u003c {braces} \u202e \x1b[31m"
PENDING, RUNNING, COMPLETED, FAILED = (
    StateName.PENDING,
    StateName.RUNNING,
    StateName.COMPLETED,
    StateName.FAILED,
)


@pytest.fixture
def history(tmp_path: Path) -> Iterator[History]:
    history = History.open(str(tmp_path / "history.db"))
    yield history
    history.close()


@pytest.fixture
def page(tmp_path: Path) -> str:
    """A built page of two files, with all in them that could end an element."""
    folder = tmp_path / "page"
    folder.mkdir()
    (folder / "app.js").write_text(
        "const end = '</script>', begin = '<!--<script>'; show({end, begin});", "utf-8"
    )
    (folder / "app.css").write_text("body { content: '</style>'; }", "utf-8")
    return str(folder)


def record(history: History, *, tasks: int = 3, name: str = HOSTILE) -> None:
    facts = Facts("run-1")
    history.record(facts.flow(PENDING, RUNNING, FAILED, name=name, flow=HOSTILE, tags=(HOSTILE,)))
    for number in range(1, tasks + 1):
        state = FAILED if number == tasks else COMPLETED
        failure = Failure("ValueError", HOSTILE, HOSTILE) if state is FAILED else None
        history.record(facts.task(number, PENDING, RUNNING, state, name=HOSTILE, failure=failure))
        history.record(facts.log(HOSTILE, number))
    history.record(Facts("sub-1").flow(PENDING, RUNNING, COMPLETED, parent="run-1/1", name="below"))
    history.flush()


class Elements(HTMLParser):
    """The elements of a file, with the text of those that may have any."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self._is_open = False
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        self.texts.append("")
        self._is_open = True

    def handle_endtag(self, tag: str) -> None:
        self._is_open = False

    def handle_data(self, data: str) -> None:
        if self._is_open:
            self.texts[-1] += data

    def text_of(self, tag: str, **attributes: str) -> str:
        [text] = [
            text
            for (found, has), text in zip(self.found, self.texts, strict=True)
            if found == tag and attributes.items() <= has.items()
        ]
        return text


def answers_in(text: str) -> Any:
    return json.loads(Elements(text).text_of("script", id=DATA_ID))


def test_the_file_has_the_elements_that_it_is_made_of_and_none_that_a_name_made(
    history: History, page: str
) -> None:
    record(history)
    with history.reader() as reader:
        elements = Elements(export_html(reader, "run-1", page))

    assert [tag for tag, _ in elements.found] == [
        "html", "head", "meta", "meta", "meta", "meta", "title", "link", "style", "body", "div", "noscript", "script", "script",
    ]  # fmt: skip


def test_names_and_messages_come_out_as_they_were(history: History, page: str) -> None:
    record(history)
    with history.reader() as reader:
        answers = answers_in(export_html(reader, "run-1", page))

    assert answers["/api/runs/run-1"]["name"] == HOSTILE
    assert answers["/api/runs/run-1/task-runs/3"]["failure"]["message"] == HOSTILE
    logs = answers["/api/runs/run-1/logs?limit=1000&tail=true"]
    assert [line["message"] for line in logs["items"]] == [HOSTILE] * 3


def test_the_file_has_what_the_tabs_ask_for_and_the_summary_of_subflows(history: History, page: str) -> None:
    record(history)
    with history.reader() as reader:
        answers = answers_in(export_html(reader, "run-1", page))

    assert next(iter(answers)) == "/api/runs/run-1"
    assert set(answers) >= {
        "/api/info",
        "/api/runs/run-1/timeline?after=0",
        "/api/runs/run-1/edges?after=0",
        "/api/runs/run-1/critical-path",
        "/api/runs/run-1/subflows",
        "/api/runs/run-1/states?limit=500",
        "/api/runs/run-1/task-runs/1",
        "/api/runs/run-1/logs?limit=1000&tail=true&task_run=1",
        "/api/runs/sub-1",
        "/api/runs/sub-1/timeline?after=0",
    }


def test_the_policy_allows_the_script_and_the_style_of_the_file_and_nothing_else(
    history: History, page: str
) -> None:
    record(history)
    with history.reader() as reader:
        elements = Elements(export_html(reader, "run-1", page))

    [policy] = [has["content"] for tag, has in elements.found if has.get("http-equiv")]
    assert policy is not None
    for tag, source, about in [("script", "script-src", {"type": "module"}), ("style", "style-src", {})]:
        digest = base64.b64encode(hashlib.sha256(elements.text_of(tag, **about).encode()).digest()).decode()
        assert f"{source} 'sha256-{digest}';" in policy
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy


def test_the_file_refers_to_nothing_elsewhere(history: History, page: str) -> None:
    record(history, name="plain")
    with history.reader() as reader:
        elements = Elements(export_html(reader, "run-1", page))

    sources = [has for _, has in elements.found if has.keys() & {"src", "href", "action", "data", "srcset"}]
    assert [has["href"] for has in sources] == ["data:,"]


def test_of_very_many_task_runs_the_details_of_failed_ones_come_first(
    history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "_MOST_DETAILS", 2)
    record(history, tasks=5, name="many")
    with history.reader() as reader:
        answers = Answers(reader)
        answers.gather("run-1")

    details = [key for key in answers.texts if re.search(r"task-runs/\d+$", key)]
    assert details == ["/api/runs/run-1/task-runs/5", "/api/runs/run-1/task-runs/1"]


def test_the_last_page_that_is_kept_says_that_none_follows(
    history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "_MOST_PAGES", 2)
    monkeypatch.setattr(export, "_LOG_PAGE", 2)
    record(history, tasks=9, name="many")
    with history.reader() as reader:
        answers = Answers(reader)
        answers.gather("run-1")

    first = json.loads(answers.texts["/api/runs/run-1/logs?limit=2&tail=true"])
    second = json.loads(answers.texts[f"/api/runs/run-1/logs?before={first['first_key']}&limit=2"])
    assert (first["has_more"], second["has_more"]) == (True, False)


def test_the_last_lines_of_a_level_are_looked_for_as_the_page_does(
    history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = Facts()
    monkeypatch.setattr(log_pages, "_STEP", 2)
    history.record(facts.flow())
    history.record(facts.log("careful", level=30))
    for _ in range(4):
        history.record(facts.log("fine"))
    history.flush()
    with history.reader() as reader:
        answers = Answers(reader)
        answers.gather("run-1")

    path = "/api/runs/run-1/logs?"
    pages = [json.loads(answers.texts[f"{path}limit=1000&min_level=30&tail=true"])]
    while pages[-1]["has_more"]:
        before = pages[-1]["first_key"]
        pages.append(json.loads(answers.texts[f"{path}before={before}&limit=1000&min_level=30"]))
    assert [[line["message"] for line in page["items"]] for page in pages] == [[], [], ["careful"]]


def test_what_has_no_room_is_left_out(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "_MOST_BYTES", 5_000)
    record(history, tasks=50, name="many")
    with history.reader() as reader:
        answers = Answers(reader)
        answers.gather("run-1")

    assert "/api/runs/run-1" in answers.texts
    assert len(answers.texts) < 50


def test_a_key_is_what_the_page_makes_of_path_and_query() -> None:
    assert key_of("/api/x", {}) == "/api/x"
    assert key_of("/api/x", {"b": 1, "a": "ä b&c~"}) == "/api/x?a=%C3%A4+b%26c%7E&b=1"
    assert key_of("/api/x", {"expand": ["t", "u"]}) == "/api/x?expand=t&expand=u"


def test_what_is_not_there_is_one_clear_error(history: History, page: str, tmp_path: Path) -> None:
    record(history)
    with history.reader() as reader:
        with pytest.raises(RunNotFoundError, match="nobody"):
            export_html(reader, "nobody", page)
        with pytest.raises(LaunchError, match="This installation has no page"):
            export_html(reader, "run-1", str(tmp_path / "nowhere"))
