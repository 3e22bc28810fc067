"""Names and texts of any kind stay text and small; what is damaged is told as such, and of which run."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from starlette.applications import Starlette

from headrace.engine.states import StateName
from headrace.history.facts import AttemptFact, Failure, StoredResult
from headrace.server.api.encoding import encoded
from headrace.server.api.paging import cursor_of, fitting, keys_of
from headrace.server.api.problems import RefusedError
from headrace.server.metrics import CONTENT_TYPE, Metric, exposition, metrics_route
from tests.server.api.conftest import Lender

if TYPE_CHECKING:
    from headrace.history import History

PENDING, RUNNING, FAILED = StateName.PENDING, StateName.RUNNING, StateName.FAILED

NASTY = "<script>alert('x')</script> \x1b[31m \x00 \ud800 \u202e \U0001f600 \\ \" \n"
OF_A_RUN = (
    "",
    "/subflows",
    "/timeline",
    "/edges",
    "/graph",
    "/critical-path",
    "/task-runs/1",
    "/logs",
    "/states",
)


def record(history: History, *all_facts: Any) -> None:
    for fact in all_facts:
        history.record(fact)
    history.flush()


def full_of(facts: Any, text: str) -> list[Any]:
    """A flow run, a task run and a log line with that text wherever one can be."""
    failure = Failure(text, text, text)
    attempts = tuple(AttemptFact(number, 1, 2, text, failure) for number in (1, 2))
    return [
        facts.flow(
            PENDING, RUNNING, FAILED, name=text, flow=text, version=text, tags=(text, "t") * 2, parameters=text,
            result=StoredResult(None, text, text), failure=failure,
        ),
        facts.task(
            1, PENDING, RUNNING, FAILED, name=text, task=text, tags=(text, "t") * 2, worker=text, parameters=text,
            attempts=attempts, attempt_count=2, failure=failure, upstreams=(text,), result=StoredResult(None, text, text),
        ),
        facts.log(text, 1),
    ]  # fmt: skip


@pytest.mark.parametrize("place", OF_A_RUN)
@pytest.mark.parametrize("text", [NASTY, "x" * 1_000_000, "\x01" * 200_000])
def test_texts_of_any_kind_and_length_are_told(
    api: Any, history: History, facts: Any, place: str, text: str
) -> None:
    record(history, *full_of(facts, text))
    api.get(f"/api/runs/run-1{place}")


@pytest.mark.parametrize("path", ["/api/runs", "/api/flows", "/api/flow-names", "/api/tags", "/api/search"])
def test_lists_of_long_texts_stay_small(api: Any, history: History, make_facts: Any, path: str) -> None:
    for number in range(30):
        facts = make_facts(f"run-{number}")
        record(history, *full_of(facts, "\x01x" * 30_000 + str(number)))
    api.get(path, **({"text": "x"} if path == "/api/search" else {}))


def test_markup_and_signs_of_terminals_arrive_as_the_text_they_are(
    api: Any, history: History, facts: Any
) -> None:
    record(history, facts.flow(name="<b>\x1b[31m\x00\u202e"))
    assert api.get("/api/runs/run-1")["name"] == "<b>\x1b[31m\x00\u202e"


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE flow_runs SET states = 'no JSON'",
        "UPDATE flow_runs SET tags = '{'",
        "UPDATE flow_runs SET failure = '[]'",
        "UPDATE flow_runs SET provenance = '{'",
    ],
)
def test_a_damaged_run_is_a_problem_that_names_it(
    api: Any, history: History, facts: Any, query: Any, damage: str
) -> None:
    record(history, facts.flow(), facts.task(1))
    query(damage)
    status, detail = api.problem("/api/runs/run-1")
    assert status == 503
    assert "run-1" in detail
    assert "damaged" in detail or "cannot be" in detail


@pytest.mark.parametrize("place", ["/edges", "/graph", "/states", "/task-runs/1"])
def test_a_damaged_task_run_is_a_problem_that_names_its_run(
    api: Any, history: History, facts: Any, query: Any, place: str
) -> None:
    record(history, facts.flow(), facts.task(1))
    query("UPDATE task_runs SET upstreams = 'no JSON', detour = 'no JSON'")
    status, detail = api.problem(f"/api/runs/run-1{place}")
    assert status == 503
    assert "run-1" in detail


# Pages ---------------------------------------------------------------------------------------------


def test_a_cursor_gives_back_what_it_was_made_of() -> None:
    assert keys_of(cursor_of(1_700_000_000_000_000, 7), 2) == (1_700_000_000_000_000, 7)


@pytest.mark.parametrize(
    "cursor", ["", "!", "bnVsbA", cursor_of(1), cursor_of(1, 2, 3), cursor_of(1, 2**63), "W" * 900]
)
def test_a_cursor_of_others_is_refused(cursor: str) -> None:
    with pytest.raises(RefusedError):
        keys_of(cursor, 2)


def test_a_page_has_one_item_at_least_and_room_for_no_more_than_fits() -> None:
    assert fitting(["x" * 100] * 5, 250) == ["x" * 100] * 2
    assert fitting(["x" * 100], 10) == ["x" * 100]
    assert fitting([], 10) == []


def test_a_lone_surrogate_does_not_break_an_answer() -> None:
    assert encoded({"a": "\ud800"}) == b'{"a":"?"}'


# Metrics -------------------------------------------------------------------------------------------

LINE = re.compile(
    r'[a-z_]+(\{([a-z_]+="(?:[^"\\\n]|\\\\|\\"|\\n)*")(,[a-z_]+="(?:[^"\\\n]|\\\\|\\"|\\n)*")*\})? -?[0-9.e+]+'
)


def check_format(text: str) -> dict[str, str]:
    """The samples by name and labels. Every line has to be one of the text format."""
    assert text.endswith("\n")
    samples: dict[str, str] = {}
    described: set[str] = set()
    for line in text.removesuffix("\n").split("\n"):
        if line.startswith("# "):
            _, word, name, _ = line.split(" ", 3)
            assert word in ("HELP", "TYPE")
            described.add(name)
            continue
        assert LINE.fullmatch(line), line
        series, _, value = line.rpartition(" ")
        assert series.partition("{")[0] in described
        assert series not in samples
        samples[series] = value
    return samples


def test_metrics_count_runs_by_flow_and_state(api: Any, history: History, make_facts: Any) -> None:
    record(
        history, make_facts("a").flow(PENDING, RUNNING, FAILED), make_facts("b").flow(), make_facts("b").task(1, PENDING),
        make_facts("c").flow(flow=NASTY),
    )  # fmt: skip
    app = Starlette(routes=[metrics_route(Lender(history.location))])
    api.app = app
    answer = api.request("/metrics")
    assert answer.headers["content-type"] == CONTENT_TYPE
    samples = check_format(answer.text)
    assert samples['headrace_flow_runs{flow="my_flow",state_type="FAILED"}'] == "1"
    assert samples['headrace_flow_runs{flow="my_flow",state_type="RUNNING"}'] == "1"
    assert samples['headrace_task_runs_under_way{state_type="PENDING"}'] == "1"
    assert int(samples["headrace_history_bytes"]) > 0


def test_values_and_labels_are_written_as_the_format_wants() -> None:
    text = exposition([Metric("m", "What.", [({"a": 'x"\\\ny'}, 1.5), ({}, 2)])])
    assert text == '# HELP m What.\n# TYPE m gauge\nm{a="x\\"\\\\\\ny"} 1.5\nm 2\n'
