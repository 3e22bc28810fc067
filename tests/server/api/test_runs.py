"""The list of flow runs and one flow run, as the API tells of them."""

from __future__ import annotations

import os
from typing import Any

import pytest

from headrace import concurrency, flow, task
from headrace.engine.states import StateName
from headrace.history import History, use_history
from headrace.history.facts import Failure, StoredResult

PENDING, RUNNING, COMPLETED, FAILED = (
    StateName.PENDING,
    StateName.RUNNING,
    StateName.COMPLETED,
    StateName.FAILED,
)


@pytest.fixture
def five_runs(history: History, make_facts: Any) -> None:
    """Runs ``run-0`` to ``run-4`` a second apart, two of them of one moment, and a subflow of the last."""
    for number in range(5):
        facts = make_facts(f"run-{number}")
        fact = facts.flow(
            PENDING, RUNNING, FAILED if number % 2 else COMPLETED, name=f"Otter-{number}", tags=("eu",)
        )
        at_us = 1_000_000 * max(number, 1)
        history.record(fact._replace(states=tuple(state._replace(at_us=at_us) for state in fact.states)))
        history.record(facts.task(1))
    sub = make_facts("sub").flow(PENDING, RUNNING, COMPLETED, flow="other", parent="run-4/1")
    history.record(sub)
    history.flush()


def ids(page: Any) -> list[str]:
    return [item["id"] for item in page["items"]]


@pytest.mark.usefixtures("five_runs")
def test_pages_of_runs_follow_one_another_without_gap_or_repetition(api: Any) -> None:
    seen: list[str] = []
    cursor = None
    while True:
        page = api.get("/api/runs", limit=2, **({"cursor": cursor} if cursor else {}))
        seen += ids(page)
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == ["run-4", "run-3", "run-2", "run-1", "run-0"]


@pytest.mark.usefixtures("five_runs")
@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"state": "FAILED"}, ["run-3", "run-1"]),
        ({"state": "Completed"}, ["run-4", "run-2", "run-0"]),
        ({"flow": "other"}, []),
        ({"flow": "other", "roots_only": "false"}, ["sub"]),
        ({"tag": "eu", "limit": 1}, ["run-4"]),
        ({"text": "OTTER-3"}, ["run-3"]),
        ({"since_us": 3_000_000}, ["run-4", "run-3"]),
        ({"until_us": 3_000_000}, ["run-2", "run-1", "run-0"]),
        ({"since_us": 2_000_000, "until_us": 3_000_000}, ["run-2"]),
    ],
    ids=str,
)
def test_runs_are_filtered(api: Any, filters: dict[str, Any], expected: list[str]) -> None:
    assert ids(api.get("/api/runs", **filters)) == expected


@pytest.mark.usefixtures("five_runs")
def test_a_row_counts_its_task_runs_by_state(api: Any) -> None:
    row = api.get("/api/runs", limit=1)["items"][0]
    assert row["task_runs"] == {"COMPLETED": 1}
    assert row["tags"] == ["eu"]


@pytest.mark.parametrize(
    "query",
    [
        {"limit": "0"},
        {"limit": "201"},
        {"limit": "ten"},
        {"limit": "1e3"},
        {"since_us": "9" * 30},
        {"since_us": "-1"},
        {"until_us": str(2**63)},
        {"state": "Asleep"},
        {"roots_only": "yes"},
        {"cursor": "zz"},
        {"cursor": "WzFd"},
        {"cursor": "é"},
        {"cursor": "WzEsdHJ1ZV0"},
        {"text": "x" * 1001},
        {"colour": "red"},
        {"limit": ["1", "2"]},
    ],
    ids=str,
)
def test_values_that_cannot_be_used_are_refused(api: Any, query: dict[str, Any]) -> None:
    status, detail = api.problem("/api/runs", **query)
    assert status == 422
    assert next(iter(query)) in detail


@pytest.mark.usefixtures("five_runs")
def test_a_run_is_named_by_its_whole_id_only(api: Any) -> None:
    assert api.get("/api/runs/run-3")["id"] == "run-3"
    for name in ("run-", "Otter-3", "RUN-3", "%"):
        status, detail = api.problem(f"/api/runs/{name}")
        assert status == 404
        assert "no flow run" in detail


def test_a_run_tells_what_failed_from_what_did_not_start_for_that(
    api: Any, history: History, facts: Any, make_facts: Any
) -> None:
    for other in (facts, make_facts("another")):
        history.record(other.flow(PENDING, RUNNING, FAILED))
        history.record(other.task(1, PENDING, RUNNING, FAILED))
        history.record(other.task(2, PENDING, StateName.UPSTREAM_FAILED, upstreams=(1,)))
    history.flush()

    run = api.get("/api/runs/run-1")

    assert (run["task_runs"], run["upstream_failed"]) == ({"FAILED": 2}, 1)


def test_a_run_has_all_that_was_recorded(api: Any, history: History, make_facts: Any) -> None:
    fact = make_facts("full").flow(
        PENDING, RUNNING, FAILED, version="1.2", parameters='{"x":1}', result=StoredResult(None, '"p"', "too large"),
        failure=Failure("E", "m", "t"), provenance='{"entry_point":"f.py:f","dashboard":"http://localhost:8787"}',
    )  # fmt: skip
    history.record(fact)
    history.flush()

    run = api.get("/api/runs/full")

    assert (run["version"], run["parameters"], run["result_preview"], run["result_note"]) == (
        "1.2", '{"x":1}', '"p"', "too large",
    )  # fmt: skip
    assert run["failure"] == {"type": "E", "message": "m", "traceback": "t"}
    assert [state["name"] for state in run["states"]] == ["Pending", "Running", "Failed"]
    assert run["dashboard_url"] == "http://localhost:8787"
    assert run["provenance"]["entry_point"] == "f.py:f"


@pytest.mark.parametrize("address", ["javascript:alert(1)", "data:text/html,x", 7, None])
def test_only_an_address_of_the_web_becomes_a_link(
    api: Any, history: History, make_facts: Any, address: Any
) -> None:
    import json

    history.record(make_facts("run").flow(provenance=json.dumps({"dashboard": address})))
    history.flush()
    assert api.get("/api/runs/run")["dashboard_url"] is None


@pytest.mark.parametrize(
    ("states", "actions"),
    [
        ((PENDING, RUNNING), ["cancel"]),
        ((PENDING, RUNNING, FAILED), ["resume", "run_again", "delete"]),
        ((PENDING, RUNNING, COMPLETED), ["run_again", "delete"]),
    ],
)
def test_a_run_says_what_can_be_done_with_it(
    api: Any, history: History, make_facts: Any, states: Any, actions: list[str]
) -> None:
    history.record(make_facts("run").flow(*states, provenance='{"entry_point":"f.py:f"}'))
    history.flush()
    assert api.get("/api/runs/run")["actions"] == actions


@pytest.mark.usefixtures("five_runs")
def test_a_run_has_its_subflows(api: Any) -> None:
    assert ids(api.get("/api/runs/run-4/subflows")) == ["sub"]
    assert api.get("/api/runs/run-4")["subflows"] == 1


def test_a_run_says_who_of_it_waits_for_which_limits_and_who_holds_these(api: Any, history: History) -> None:
    @task
    def query(name: str) -> None:
        with concurrency("db", 1):
            pass

    @flow
    def report() -> None:
        query.map(range(7))

    def waits_of(run: str) -> Any:
        return api.get(f"/api/runs/{run}")["waits"]

    with use_history(history):
        with concurrency("db", 1):
            future = report.submit()
            while not ids(api.get("/api/runs")):
                future.wait(timeout=0.01)
            while not (waits := waits_of(future.flow_run_id)) or waits[0]["who_count"] < 7:
                future.wait(timeout=0.01)
        future.result()

    here = {"name": f"process {os.getpid()}", "run": None, "task_run": None}
    (wait,) = waits
    assert (wait["limits"], wait["held_by"], wait["held_by_count"]) == (["db"], [here], 1)
    assert len(wait["who"]) == 5
    assert {party["run"] for party in wait["who"]} == {future.flow_run_id}
    assert all(party["task_run"] for party in wait["who"])
    assert waits_of(future.flow_run_id) == []
