"""Log lines, flows, filters, comparisons and what is found: the lists of the API that are not of runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from headrace.engine.states import State, StateName
from headrace.history import log_pages, searching
from headrace.history.deletion import delete_runs
from headrace.history.facts import Failure
from headrace.history.searching import Part, pattern_of
from headrace.server.api.search import excerpt_of

if TYPE_CHECKING:
    from headrace.history import History

PENDING, RUNNING, COMPLETED, FAILED = (
    StateName.PENDING,
    StateName.RUNNING,
    StateName.COMPLETED,
    StateName.FAILED,
)


def record(history: History, *all_facts: Any) -> None:
    for fact in all_facts:
        history.record(fact)
    history.flush()


def took(facts: Any, created_us: int, duration_us: int, ending: StateName = COMPLETED, **changes: Any) -> Any:
    """A flow run that was created and began then, and ended so much later."""
    ended_us = created_us + duration_us
    states = (State(PENDING, created_us), State(RUNNING, created_us), State(ending, ended_us))
    return facts.flow(**changes)._replace(states=states, started_us=created_us, ended_us=ended_us)


# Log lines -----------------------------------------------------------------------------------------


@pytest.fixture
def logged(history: History, facts: Any) -> None:
    """Lines ``line 0`` to ``line 9``: the even ones of the flow, the odd ones of task run 1; the last is an error."""
    lines = [
        facts.log(f"line {number}", number % 2 or None, 40 if number == 9 else 20) for number in range(10)
    ]
    record(history, facts.flow(), facts.task(1, task="load", index=0), *lines)


def messages(page: Any) -> list[str]:
    return [item["message"] for item in page["items"]]


@pytest.mark.usefixtures("logged")
@pytest.mark.parametrize(
    ("query", "expected", "has_more"),
    [
        ({"limit": 3}, [0, 1, 2], True),
        ({"tail": "true", "limit": 3}, [7, 8, 9], True),
        ({"tail": "true"}, list(range(10)), False),
        ({"task_run": 1, "limit": 2}, [1, 3], True),
        ({"task_run": 0}, [0, 2, 4, 6, 8], False),
        ({"min_level": 30}, [9], False),
        ({"text": "LINE 4"}, [4], False),
        ({"text": "%"}, [], False),
    ],
    ids=str,
)
def test_log_lines_are_filtered(api: Any, query: Any, expected: list[int], *, has_more: bool) -> None:
    page = api.get("/api/runs/run-1/logs", **query)
    assert messages(page) == [f"line {number}" for number in expected]
    assert page["has_more"] is has_more


@pytest.mark.usefixtures("logged")
def test_log_lines_are_read_on_in_both_directions(api: Any) -> None:
    last = api.get("/api/runs/run-1/logs", tail="true", limit=3)
    before = api.get("/api/runs/run-1/logs", before=last["first_key"], limit=3)
    again = api.get("/api/runs/run-1/logs", after=before["last_key"], limit=3)
    assert messages(before) == ["line 4", "line 5", "line 6"]
    assert again["items"] == last["items"]
    assert not again["has_more"]


@pytest.mark.usefixtures("logged")
def test_a_rare_text_is_looked_for_a_stretch_at_a_time(api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_pages, "_STEP", 4)
    rare = {"text": "line 5"}
    forwards = [api.get("/api/runs/run-1/logs", **rare)]
    while forwards[-1]["has_more"]:
        forwards.append(api.get("/api/runs/run-1/logs", after=forwards[-1]["last_key"], **rare))
    backwards = [api.get("/api/runs/run-1/logs", tail="true", **rare)]
    while backwards[-1]["has_more"]:
        backwards.append(api.get("/api/runs/run-1/logs", before=backwards[-1]["first_key"], **rare))
    assert [messages(page) for page in forwards] == [[], ["line 5"], []]
    assert [messages(page) for page in backwards] == [[], ["line 5"], []]


@pytest.mark.usefixtures("logged")
def test_a_page_that_is_full_ends_the_stretch_at_its_last_line(api: Any) -> None:
    first = api.get("/api/runs/run-1/logs", task_run=1, limit=2)
    last = api.get("/api/runs/run-1/logs", task_run=1, limit=2, tail="true")
    assert (first["last_key"], last["first_key"]) == (first["items"][-1]["key"], last["items"][0]["key"])
    assert first["has_more"]
    assert last["has_more"]


def test_the_log_of_a_run_without_lines_has_no_keys(api: Any, history: History, facts: Any) -> None:
    record(history, facts.flow())
    for query in ({}, {"tail": "true"}, {"text": "zebra"}):
        page = api.get("/api/runs/run-1/logs", **query)
        assert page == {"items": [], "first_key": None, "last_key": None, "has_more": False}


@pytest.mark.usefixtures("logged")
def test_a_log_line_names_its_task_run(api: Any) -> None:
    first, second = api.get("/api/runs/run-1/logs", limit=2)["items"]
    assert (first["task_run"], first["task_run_name"]) == (None, None)
    assert (second["task_run"], second["task_run_name"]) == (1, "load-0")


@pytest.mark.usefixtures("logged")
def test_directions_exclude_one_another(api: Any) -> None:
    assert api.problem("/api/runs/run-1/logs", tail="true", after=1)[0] == 422


def test_long_lines_end_a_page_early(api: Any, history: History, facts: Any) -> None:
    record(history, facts.flow(), *[facts.log("\x01" * 40_000) for _ in range(20)])
    page = api.get("/api/runs/run-1/logs")
    assert 1 <= len(page["items"]) < 20
    assert page["has_more"]
    tail = api.get("/api/runs/run-1/logs", tail="true")
    assert tail["last_key"] == page["first_key"] + 19


# Filters, flows, comparisons -----------------------------------------------------------------------


def test_filters_are_offered_what_there_is(api: Any, history: History, make_facts: Any) -> None:
    record(
        history,
        make_facts("a").flow(flow="load", tags=("eu", "b")),
        make_facts("b").flow(flow="a", tags=("eu",)),
    )
    assert api.get("/api/flow-names") == {"items": ["a", "load"]}
    assert api.get("/api/tags") == {"items": ["b", "eu"]}


def test_a_histogram_counts_runs_by_time_and_state(api: Any, history: History, make_facts: Any) -> None:
    for number, at_us in enumerate((100, 109, 150, 199)):
        record(history, took(make_facts(f"r{number}"), at_us, 1, FAILED if number == 1 else COMPLETED))
    assert api.get("/api/runs/histogram", buckets=10) == {
        "from_us": 100,
        "step_us": 10,
        "buckets": [
            {"COMPLETED": 1, "FAILED": 1},
            {},
            {},
            {},
            {},
            {"COMPLETED": 1},
            {},
            {},
            {},
            {"COMPLETED": 1},
        ],
    }
    between = api.get("/api/runs/histogram", buckets=2, since_us=150, until_us=250)
    assert between == {"from_us": 150, "step_us": 50, "buckets": [{"COMPLETED": 2}, {}]}


def test_a_histogram_of_nothing_is_empty(api: Any) -> None:
    assert api.get("/api/runs/histogram")["buckets"] == []


def test_a_flow_is_told_by_its_runs(api: Any, history: History, make_facts: Any) -> None:
    for number in range(20):
        duration = 100 if number < 10 else 200 + number
        record(history, took(make_facts(f"r{number:02}"), 1000 * (number + 1), duration))
    record(history, took(make_facts("bad"), 30_000, 5, FAILED), make_facts("now").flow(PENDING, RUNNING))

    [flow] = api.get("/api/flows")["items"]

    assert (flow["runs"], len(flow["last"])) == (22, 20)
    assert [run["id"] for run in flow["last"][-3:]] == ["r19", "bad", "now"]
    assert flow["last"][-1]["duration_us"] is None
    assert flow["success_rate"] == pytest.approx(20 / 21)
    assert (flow["median_us"], flow["p95_us"]) == (155, 218)
    assert flow["trend"] == pytest.approx(214.5 / 100)


def test_a_flow_that_never_completed_has_no_durations(api: Any, history: History, facts: Any) -> None:
    record(history, facts.flow(PENDING, RUNNING))
    [flow] = api.get("/api/flows")["items"]
    assert [flow[name] for name in ("success_rate", "median_us", "p95_us", "trend")] == [None] * 4


def test_two_runs_are_compared(api: Any, history: History, make_facts: Any) -> None:
    a, b = make_facts("a"), make_facts("b")
    record(
        history, a.flow(parameters='{"day":1,"same":[1]}'), a.task(1, task="load"), a.task(2, task="old"),
        b.flow(parameters='{"day":2,"same":[1],"new":null}'), b.task(1, task="load"),
        b.task(2, PENDING, RUNNING, task="load"),
    )  # fmt: skip

    both = api.get("/api/runs/compare", a="a", b="b")

    assert [run["id"] for run in both["runs"]] == ["a", "b"]
    assert both["parameters"] == [
        {"name": "day", "a": "1", "b": "2", "is_same": False},
        {"name": "same", "a": "[1]", "b": "[1]", "is_same": True},
        {"name": "new", "a": None, "b": "null", "is_same": False},
    ]
    load, old = both["tasks"]
    assert load["a"] == {"runs": 1, "counts": {"COMPLETED": 1}, "ran_us": 1, "median_us": 1}
    assert load["b"]["counts"] == {"COMPLETED": 1, "RUNNING": 1}
    assert (old["task"], old["b"]) == ("old", None)


def test_a_comparison_counts_runs_that_have_not_ended(api: Any, history: History, facts: Any) -> None:
    endings = ((), (PENDING, RUNNING), (PENDING,))
    record(
        history,
        facts.flow(),
        *[
            facts.task(number, *endings[number % 3], task=("load it", "add")[number % 2])
            for number in range(1, 31)
        ],
    )
    whole = api.get("/api/runs/compare", a="run-1", b="run-1")
    assert [(pair["task"], pair["a"]["counts"], pair["a"]["median_us"]) for pair in whole["tasks"]] == [
        ("add", {"PENDING": 5, "RUNNING": 5, "COMPLETED": 5}, 1),
        ("load it", {"PENDING": 5, "RUNNING": 5, "COMPLETED": 5}, 1),
    ]


@pytest.mark.parametrize(("query", "status"), [({"a": "a"}, 422), ({"a": "a", "b": "nope"}, 404)])
def test_a_comparison_needs_two_runs(
    api: Any, history: History, make_facts: Any, query: Any, status: int
) -> None:
    record(history, make_facts("a").flow())
    assert api.problem("/api/runs/compare", **query)[0] == status


# Search --------------------------------------------------------------------------------------------


@pytest.fixture
def told(history: History, make_facts: Any) -> None:
    """``herring`` in the name of a run, in that of a task run, in a failure and in a log line, and nowhere else."""
    first, second = make_facts("first"), make_facts("second")
    record(
        history,
        first.flow(name="red-HERRING"),
        second.flow(PENDING, RUNNING, FAILED, failure=Failure("E", "no herring here", "t")),
        second.task(1, task="herring", index=0),
        second.task(2, task="herring", index=1),
        second.task(3, PENDING, RUNNING, FAILED, failure=Failure("E", "a Herring bone", "t")),
        second.log("smoked herring", 3),
        second.log("eel"),
    )


@pytest.mark.usefixtures("told")
def test_a_text_is_found_in_names_messages_and_log_lines(api: Any) -> None:
    page = api.get("/api/search", text="herring")
    assert [(hit["kind"], hit["run"]["id"], hit["task_run"], hit["excerpt"]) for hit in page["items"]] == [
        ("message", "second", None, "no herring here"),
        ("run", "first", None, "my_flow red-HERRING"),
        ("message", "second", 3, "a Herring bone"),
        ("task_run", "second", 1, "herring-0"),
        ("log", "second", 3, "smoked herring"),
    ]
    assert page["next_cursor"] is None


@pytest.mark.usefixtures("told")
def test_pages_of_hits_follow_one_another(api: Any) -> None:
    whole = api.get("/api/search", text="herring")["items"]
    seen: list[Any] = []
    cursor = None
    while True:
        page = api.get("/api/search", text="herring", limit=1, **({"cursor": cursor} if cursor else {}))
        seen += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == whole


@pytest.mark.usefixtures("told")
def test_a_long_history_is_looked_through_piece_by_piece(
    history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    pieces = {part: (*names[:2], 1) for part, names in searching._STATEMENTS.items()}
    monkeypatch.setattr(searching, "_STATEMENTS", pieces)
    found: list[str] = []
    place: searching.Place | None = searching.START
    with history.reader() as reader:
        while place is not None:
            hits, place = searching.search(reader, "herring", place=place, limit=50)
            found += [hit.text for hit in hits]
    assert found == [
        "no herring here",
        "my_flow red-HERRING",
        "a Herring bone",
        "herring-0",
        "smoked herring",
    ]


@pytest.mark.usefixtures("told")
def test_what_is_deleted_is_not_found(api: Any, history: History) -> None:
    delete_runs(history.location, ["second"])
    assert [hit["run"]["id"] for hit in api.get("/api/search", text="herring")["items"]] == ["first"]


@pytest.mark.usefixtures("told")
@pytest.mark.parametrize("text", ["h_rring", "%", "\\", "' OR 1"])
def test_a_text_is_no_pattern(api: Any, text: str) -> None:
    assert api.get("/api/search", text=text)["items"] == []


@pytest.mark.parametrize(
    "query", [{}, {"text": " "}, {"text": "a\0"}, {"text": "a", "cursor": "WzksMV0"}], ids=str
)
def test_a_search_for_nothing_is_refused(api: Any, query: Any) -> None:
    assert api.problem("/api/search", **query)[0] == 422


def test_signs_of_patterns_stand_for_themselves() -> None:
    assert pattern_of("50%_\\") == "%50\\%\\_\\\\%"


def test_an_excerpt_shows_what_stands_round_the_text() -> None:
    message = "a" * 500 + "NEEDLE" + "b" * 500
    excerpt = excerpt_of(message, "needle")
    assert excerpt.startswith("…a")
    assert excerpt.endswith("b…")
    assert "NEEDLE" in excerpt
    assert len(excerpt) <= 250


def test_parts_are_looked_through_in_their_order() -> None:
    assert list(Part) == [Part.FLOW_RUNS, Part.TASK_RUNS, Part.LOGS]
