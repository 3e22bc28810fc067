"""The columns of a flow run's task runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headrace.engine.states import State, StateName
from headrace.history.facts import AttemptFact, Failure

if TYPE_CHECKING:
    from headrace.history import History

BASE = 1_000_000
PENDING, RUNNING, COMPLETED = StateName.PENDING, StateName.RUNNING, StateName.COMPLETED


def record(history: History, facts: Any, *task_runs: Any) -> None:
    history.record(facts.flow()._replace(states=(State(PENDING, BASE), State(RUNNING, BASE + 1))))
    for task_run in task_runs:
        history.record(task_run)
    history.flush()


def at(task_run: Any, submitted: int, started: int | None, ended: int | None) -> Any:
    times = [time for time in (submitted, started, ended) if time is not None]
    states = tuple(
        State((PENDING, RUNNING, COMPLETED)[place], BASE + time) for place, time in enumerate(times)
    )
    moved = {"started_us": started and BASE + started, "ended_us": ended and BASE + ended}
    return task_run._replace(states=states, **moved)


def test_columns_hold_a_value_for_each_task_run_in_the_order_of_ids(
    api: Any, history: History, facts: Any
) -> None:
    record(
        history,
        facts,
        at(facts.task(2, task="b", index=0, worker="w-2", parent=1), 20, 30, None),
        at(facts.task(1, task="a", index=4, worker="w-1"), 10, 11, 12),
        at(facts.task(3, task="a", index=5, worker=None, name="mine"), 30, None, None),
    )

    columns = api.get("/api/runs/run-1/timeline")

    assert columns.pop("as_of_us") > BASE
    assert columns == {
        "base_us": BASE, "tasks": ["a", "b"], "states": ["Completed", "Running", "Pending"], "workers": ["w-1", "w-2"],
        "id": [1, 2, 3], "task": [0, 1, 0], "index": [4, 0, 5], "parent": [None, 1, None], "state": [0, 1, 2],
        "submitted": [10, 20, 30], "started": [11, 30, None], "ended": [12, None, None], "worker": [0, 1, None],
        "attempts": [1, 1, 1], "name": {"3": "mine"}, "retries": {}, "next_after": None,
    }  # fmt: skip


def test_the_attempts_of_a_run_that_was_tried_again_are_told_as_spans(
    api: Any, history: History, facts: Any
) -> None:
    failure = Failure("E", "m", "t")
    attempts = (
        AttemptFact(1, BASE + 11, BASE + 12, "w", failure),
        AttemptFact(2, BASE + 13, BASE + 14, "w", failure),
        AttemptFact(3, BASE + 15, BASE + 16, "w", None),
    )
    record(history, facts, at(facts.task(1, attempts=attempts, attempt_count=3), 10, 15, 16))
    assert api.get("/api/runs/run-1/timeline")["retries"] == {"1": [[11, 12], [13, 14], [15, 16]]}


def test_pages_follow_one_another(api: Any, history: History, facts: Any) -> None:
    record(history, facts, *[facts.task(number) for number in range(1, 6)])
    first = api.get("/api/runs/run-1/timeline", limit=3)
    second = api.get("/api/runs/run-1/timeline", limit=3, after=first["next_after"])
    assert (first["id"], second["id"], second["next_after"]) == ([1, 2, 3], [4, 5], None)


def test_what_has_not_ended_or_has_changed_since_is_told_alone(
    api: Any, history: History, facts: Any
) -> None:
    record(
        history,
        facts,
        at(facts.task(1), 10, 11, 12),
        at(facts.task(2), 10, 11, 50),
        at(facts.task(3), 10, 11, None),
        at(facts.task(4), 60, None, None),
    )
    assert api.get("/api/runs/run-1/timeline", changed_since_us=BASE + 50)["id"] == [2, 3, 4]


def test_a_run_without_task_runs_has_empty_columns(api: Any, history: History, facts: Any) -> None:
    record(history, facts)
    assert api.get("/api/runs/run-1/timeline")["id"] == []


def test_a_page_ends_before_a_megabyte_however_long_the_names(api: Any, history: History, facts: Any) -> None:
    names = ["\x01" * 1000 + str(number) for number in range(800)]
    record(history, facts, *[facts.task(number + 1, name=name) for number, name in enumerate(names)])
    seen: list[int] = []
    after = 0
    while after is not None:
        page = api.get("/api/runs/run-1/timeline", after=after)
        seen += page["id"]
        after = page["next_after"]
    assert seen == list(range(1, 801))


def test_changes_of_states_are_the_same_in_pages_of_any_size(api: Any, history: History, facts: Any) -> None:
    """Also of those that took a detour: they may have begun long before a page and end long after it."""
    detour = (
        StateName.PENDING,
        StateName.RUNNING,
        StateName.AWAITING_RETRY,
        StateName.RETRYING,
        StateName.FAILED,
    )
    states = facts.states(*detour)
    long = facts.states(*detour[:3])
    tasks = [facts.task(number) for number in range(1, 6)]
    long += facts.states(*detour[3:])
    record(
        history,
        facts,
        *tasks,
        facts.task(6)._replace(states=states, ended_us=states[-1].at_us),
        facts.task(7)._replace(states=long, ended_us=long[-1].at_us),
    )
    whole = api.get("/api/runs/run-1/states")["items"]
    assert len(whole) == 5 * 3 + 2 * 5 + 2
    for limit in (1, 2, 5):
        page = api.get("/api/runs/run-1/states", limit=limit)
        paged = page["items"]
        while page["next_cursor"] is not None:
            page = api.get("/api/runs/run-1/states", limit=limit, cursor=page["next_cursor"])
            paged += page["items"]
        assert paged == whole
