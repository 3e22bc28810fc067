"""One task run, who waited for whom, what happened when, and the way that took longest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from headrace.engine.states import State, StateName
from headrace.history.facts import AttemptFact, Failure, StoredResult
from headrace.history.task_details import Neighbour
from headrace.server.api.task_runs import waited_of

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


def test_a_task_run_has_all_that_was_recorded(
    api: Any, history: History, facts: Any, make_facts: Any
) -> None:
    failure = Failure("ValueError", "no", "Traceback")
    record(
        history,
        facts.flow(),
        facts.task(1, task="load", index=0),
        facts.task(
            2, PENDING, RUNNING, FAILED, task="sum", index=3, name="mine", tags=("t",), upstreams=(1, "other/7"),
            parameters='{"x":1}', worker="w", failure=failure, result=StoredResult(None, None, "too large"),
            attempt_count=2, attempts=(AttemptFact(1, 10, 20, "w", failure), AttemptFact(2, 30, 40, "w", failure)),
        ),
        facts.task(3, upstreams=(2,)),
        facts.task(4, upstreams=(2, 3)),
        facts.task(22, upstreams=(21,)),
        make_facts("sub").flow(parent="run-1/2"),
    )  # fmt: skip

    run = api.get("/api/runs/run-1/task-runs/2")

    assert (run["name"], run["task"], run["index"], run["tags"]) == ("mine", "sum", 3, ["t"])
    assert run["upstreams"] == [
        {"id": 1, "name": "load-0", "state": "Completed", "state_type": "COMPLETED", "run": None},
        {"id": "other/7", "name": "other/7", "state": None, "state_type": None, "run": "other"},
    ]
    assert [(ref["id"], ref["name"]) for ref in run["downstreams"]] == [(3, "my_task-2"), (4, "my_task-3")]
    assert (run["upstream_count"], run["downstream_count"]) == (2, 2)
    assert [attempt["failure"]["message"] for attempt in run["attempts"]] == ["no", "no"]
    assert run["failure"] == {"type": "ValueError", "message": "no", "traceback": "Traceback"}
    assert [subflow["id"] for subflow in run["subflows"]] == ["sub"]
    assert run["storage"] is None
    assert run["result_note"] == "too large"


def test_other_flow_runs_that_it_waited_for_are_told_by_name(
    api: Any, history: History, facts: Any, make_facts: Any
) -> None:
    """And one that did not start, for one of them failed, waited for them alone."""
    other = make_facts("other")
    record(
        history,
        other.flow(PENDING, RUNNING, FAILED, flow="region", name="apac"),
        facts.flow(),
        facts.task(1, PENDING, StateName.UPSTREAM_FAILED, upstreams=("other", "other/7", "gone/1")),
    )
    run = api.get("/api/runs/run-1/task-runs/1")

    assert [(ref["name"], ref["state"], ref["run"]) for ref in run["upstreams"]] == [
        ("region / apac", "Failed", "other"),
        ("region / apac, task run 7", None, "other"),
        ("gone/1", None, "gone"),
    ]
    assert run["waited"] == {"upstreams_us": run["ended_us"] - run["submitted_us"], "slot_us": 0, "ran_us": 0}


def test_of_a_stored_result_the_size_is_told(api: Any, history: History, facts: Any) -> None:
    record(history, facts.flow(), facts.task(1))
    assert api.get("/api/runs/run-1/task-runs/1")["storage"] == {
        "serializer": "pickle",
        "size": 4,
        "is_in_file": False,
    }


@pytest.mark.parametrize(("number", "status"), [(2, 404), (0, 422), (2**32, 422), ("x", 422), ("1.0", 422)])
def test_a_task_run_that_is_not_there_is_a_problem(
    api: Any, history: History, facts: Any, number: Any, status: int
) -> None:
    record(history, facts.flow(), facts.task(1))
    assert api.problem(f"/api/runs/run-1/task-runs/{number}")[0] == status


def task_run(facts: Any, history: History, *times: int, attempts: Any = ()) -> Any:
    names = (PENDING, RUNNING, COMPLETED)[: len(times)]
    states = tuple(State(name, at_us) for name, at_us in zip(names, times, strict=True))
    started = times[1] if len(times) > 1 else None
    ended = times[2] if len(times) > 2 else None
    fact = facts.task(
        1, started_us=started, ended_us=ended, attempts=attempts, attempt_count=max(len(attempts), 1)
    )
    record(history, facts.flow(), fact._replace(states=states, started_us=started, ended_us=ended))
    with history.reader() as reader:
        return reader.get_task_run(reader.get_run("run-1"), 1)


def upstream(ended_us: int | None) -> Neighbour:
    return Neighbour(7, "up", "Completed", "COMPLETED", ended_us)


@pytest.mark.parametrize(
    ("times", "upstreams", "waited"),
    [
        ((100, 150, 400), [], (0, 50, 250)),
        ((100, 150, 400), [120], (20, 30, 250)),
        ((100, 150, 400), [50], (0, 50, 250)),
        ((100, 150, 400), [120, 140], (40, 10, 250)),
        ((100, 150), [120], (20, 30, 850)),
        ((100,), [None], (900, 0, 0)),
        ((100,), [], (0, 900, 0)),
    ],
    ids=str,
)
def test_the_time_of_a_task_run_is_told_apart(
    history: History, facts: Any, times: Any, upstreams: Any, waited: Any
) -> None:
    found = waited_of(task_run(facts, history, *times), [upstream(ended) for ended in upstreams], 1000)
    assert (found.upstreams_us, found.slot_us, found.ran_us) == waited


def test_all_attempts_count_as_running(history: History, facts: Any) -> None:
    failure = Failure("E", "m", "t")
    attempts = (AttemptFact(1, 110, 150, "w", failure), AttemptFact(2, 200, 260, "w", None))
    found = waited_of(task_run(facts, history, 100, 200, 260, attempts=attempts), [], 1000)
    assert (found.upstreams_us, found.slot_us, found.ran_us) == (0, 10, 100)


def test_edges_come_as_columns_and_page_by_page_even_inside_one_task_run(
    api: Any, history: History, facts: Any
) -> None:
    record(
        history,
        facts.flow(),
        facts.task(1),
        facts.task(2, upstreams=(1,)),
        facts.task(3, upstreams=(1, 2, "other/7")),
    )
    pairs: list[tuple[Any, int]] = []
    after: int | None = 0
    while after is not None:
        page = api.get("/api/runs/run-1/edges", after=after, limit=2)
        pairs += zip(page["upstream"], page["downstream"], strict=True)
        after = page["next_after"]
    assert pairs == [(1, 2), (1, 3), (2, 3), ("other/7", 3)]


def test_the_critical_path_goes_back_over_what_ended_last(api: Any, history: History, facts: Any) -> None:
    def ended(number: int, at_us: int, *upstreams: Any) -> Any:
        times = (State(PENDING, 1), State(RUNNING, 2), State(COMPLETED, at_us))
        return facts.task(number, upstreams=upstreams)._replace(states=times, started_us=2, ended_us=at_us)

    record(
        history,
        facts.flow(),
        ended(1, 10),
        ended(2, 30, 1),
        ended(3, 20, 1),
        ended(4, 50, 2, 3, "other/7"),
        ended(5, 40, 3),
    )
    assert api.get("/api/runs/run-1/critical-path") == {"task_runs": [1, 2, 4]}


def test_a_run_without_task_runs_has_no_critical_path(api: Any, history: History, facts: Any) -> None:
    record(history, facts.flow())
    assert api.get("/api/runs/run-1/critical-path") == {"task_runs": []}


def test_every_change_of_a_state_is_told_in_the_order_of_time(api: Any, history: History, facts: Any) -> None:
    states = (State(PENDING, 1), State(RUNNING, 2), State(FAILED, 90, "1 failed"))
    plain = (State(PENDING, 10), State(RUNNING, 20), State(COMPLETED, 30))
    other = (State(PENDING, 10), State(RUNNING, 25), State(FAILED, 40, "no"))
    record(
        history,
        facts.flow()._replace(states=states, started_us=2, ended_us=90),
        facts.task(1)._replace(states=plain, started_us=20, ended_us=30),
        facts.task(2)._replace(states=other, started_us=25, ended_us=40),
    )
    seen: list[Any] = []
    cursor = None
    while True:
        page = api.get("/api/runs/run-1/states", limit=2, **({"cursor": cursor} if cursor else {}))
        seen += [(item["at_us"], item["task_run"], item["state"], item["reason"]) for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == [
        (1, None, "Pending", None), (2, None, "Running", None), (10, 1, "Pending", None), (10, 2, "Pending", None),
        (20, 1, "Running", None), (25, 2, "Running", None), (30, 1, "Completed", None), (40, 2, "Failed", "no"),
        (90, None, "Failed", "1 failed"),
    ]  # fmt: skip


def test_what_happened_before_a_resume_is_told_too(
    api: Any, history: History, facts: Any, query: Any
) -> None:
    record(history, facts.flow(), facts.task(1))
    earlier = '[{"epoch":1,"states":[["Pending",1],["Failed",2,"no"]],"failure":null}]'
    query("UPDATE flow_runs SET earlier = ?, epoch = 2", earlier)
    query("UPDATE task_runs SET earlier = ?, epoch = 2", earlier)
    items = api.get("/api/runs/run-1/states")["items"]
    assert [(item["at_us"], item["task_run"], item["state"], item["epoch"]) for item in items[:4]] == [
        (1, None, "Pending", 1),
        (1, 1, "Pending", 1),
        (2, None, "Failed", 1),
        (2, 1, "Failed", 1),
    ]
    assert items[-1]["epoch"] == 2
