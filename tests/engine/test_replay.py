"""What a resume makes of a call: replayed, or run again and why."""

from __future__ import annotations

from typing import Any

import pytest

from headrace.engine.replay import BY_POSITION, PastRun, Replay
from headrace.engine.states import StateName

COMPLETED = StateName.COMPLETED


def past(id: int, task: str = "fetch", **facts: Any) -> PastRun:
    """A run that completed with a value, unless something else is said."""
    plain = PastRun(id, task, id - 1, None, f"k{id}", COMPLETED, held="value")
    return plain._replace(**facts)


def why_again(replay: Replay, run: PastRun, code: str | None = "code") -> str | None:
    """Why such a call is executed, as it comes in."""
    recognised = replay.recognise(run.task, run.parent, str(run.key))
    assert recognised is not None
    assert recognised.id == run.id
    return replay.why_again(recognised, code)


# -- recognising ------------------------------------------------------------------------------------


def test_a_call_is_recognised_by_its_task_its_parent_and_its_arguments() -> None:
    replay = Replay([past(1), past(2, parent=1), past(3, "clean")])
    assert replay.recognise("fetch", None, "k2") is None
    assert replay.recognise("clean", None, "k1") is None
    found = replay.recognise("fetch", 1, "k2")
    assert found is not None
    assert found.id == 2


def test_equal_calls_are_recognised_in_their_order_and_each_once() -> None:
    replay = Replay([past(1, key="k"), past(2, key="k")])
    found = [replay.recognise("fetch", None, "k") for _ in range(3)]
    assert [run and run.id for run in found] == [1, 2, None]


def test_a_call_whose_arguments_nobody_had_looked_at_takes_the_place_of_any_of_its_task() -> None:
    replay = Replay([past(1), past(2, key=None, state=StateName.CANCELLED)])
    found = replay.recognise("fetch", None, "new")
    assert found is not None
    assert (found.id, replay.why_again(found, None)) == (2, "it ended Cancelled")


def test_new_calls_get_ids_above_all_that_were_given() -> None:
    assert Replay([past(3), past(7)]).last_id == 7
    assert Replay([]).last_id == 0


def test_what_is_not_called_again_is_left() -> None:
    replay = Replay([past(2), past(1), past(3, BY_POSITION)])
    replay.recognise("fetch", None, "k2")
    assert [run.id for run in replay.left()] == [1, 3]


# -- why it runs again --------------------------------------------------------------------------------


def test_what_completed_with_a_stored_value_is_replayed() -> None:
    for state in (COMPLETED, StateName.CACHED, StateName.REPLAYED):
        assert why_again(Replay([past(1, state=state)]), past(1)) is None


@pytest.mark.parametrize(
    ("state", "why"),
    [
        (StateName.FAILED, "it ended Failed"),
        (StateName.CRASHED, "it ended Crashed"),
        (StateName.UPSTREAM_FAILED, "it ended UpstreamFailed"),
        (StateName.RUNNING, "it had not ended"),
    ],
)
def test_what_did_not_complete_runs_again(state: StateName, why: str) -> None:
    assert why_again(Replay([past(1, state=state, held=None)]), past(1)) == why


def test_a_lost_value_is_made_once_more_and_touches_nothing_downstream() -> None:
    replay = Replay([past(1, held=None, note="larger than 1 MiB"), past(2, "clean", upstreams=(1,))])
    assert why_again(replay, past(1)) == "its result was not stored: larger than 1 MiB"
    assert why_again(replay, past(2, "clean")) is None
    assert why_again(Replay([past(1, held=None)]), past(1)) == "its result was not stored"


def test_changed_code_runs_again_and_so_does_what_depends_on_it() -> None:
    replay = Replay(
        [past(1), past(2, "clean", upstreams=(1,)), past(3, "load", upstreams=(2,)), past(4)],
        codes={"fetch": frozenset({"old", "older"})},
    )
    assert why_again(replay, past(1), "new") == "its code has changed"
    assert why_again(replay, past(2, "clean"), "any") == "it depends on fetch-0"
    assert why_again(replay, past(3, "load"), "any") == "it depends on clean-1"
    assert why_again(replay, past(4), "older") is None


def test_several_touched_upstreams_are_counted() -> None:
    replay = Replay(
        [past(1, state=StateName.FAILED), past(2, state=StateName.FAILED), past(3, "sum", upstreams=(1, 2))]
    )
    why_again(replay, past(1))
    why_again(replay, past(2))
    assert why_again(replay, past(3, "sum")) == "it depends on fetch-0 and 1 more"


def test_what_a_person_names_runs_again_and_so_do_the_tasks_that_it_calls() -> None:
    runs = [past(1), past(2, parent=1), past(3, parent=2), past(4)]
    replay = Replay(runs, is_named=lambda run: run.id == 1)
    assert why_again(replay, runs[0]) == "it was asked for"
    assert why_again(replay, runs[1]) == "the task run that called it was asked for"
    assert why_again(replay, runs[2]) == "the task run that called it was asked for"
    assert why_again(replay, runs[3]) is None


def test_a_subflow_that_goes_on_touches_what_takes_its_value() -> None:
    replay = Replay([past(1, upstreams=("flow-run",)), past(2)])
    replay.mark_again("flow-run", "inner")
    assert replay.is_touched(("flow-run",))
    assert not replay.is_touched((2,))
    assert why_again(replay, past(1)) == "it depends on inner"
