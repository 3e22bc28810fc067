"""The states, and the one table of changes between them."""

from __future__ import annotations

import pytest

from headrace.engine.states import TRANSITIONS, TYPE_OF, State, StateName, StateType
from headrace.engine.task_run import IllegalTransitionError, Phase, TaskRun

TERMINAL = {StateType.COMPLETED, StateType.FAILED, StateType.CRASHED, StateType.CANCELLED}


def test_every_name_has_a_type_and_a_place_in_the_table() -> None:
    assert set(TYPE_OF) == set(StateName) == set(TRANSITIONS)
    assert set(TYPE_OF.values()) == set(StateType)


def test_a_terminal_state_is_final_and_every_other_one_leads_on() -> None:
    for name in StateName:
        assert name.type.is_terminal == (name.type in TERMINAL)
        assert bool(TRANSITIONS[name]) != name.type.is_terminal, name


def test_every_state_can_be_reached_from_the_first_ones() -> None:
    reached, new = set[StateName](), {StateName.SCHEDULED}
    while new:
        reached |= new
        new = {after for name in new for after in TRANSITIONS[name]} - reached
    assert reached == set(StateName)


def test_every_run_can_be_cancelled_and_can_crash_until_it_has_ended() -> None:
    for name in StateName:
        if not name.type.is_terminal:
            assert {StateName.CANCELLED, StateName.CRASHED} <= TRANSITIONS[name]


def test_only_what_ran_completes_and_only_what_did_not_is_cached_or_replayed() -> None:
    before = {name: {b for b in StateName if name in TRANSITIONS[b]} for name in StateName}
    assert before[StateName.COMPLETED] == {StateName.RUNNING, StateName.RETRYING, StateName.CANCELLING}
    assert before[StateName.CACHED] == before[StateName.REPLAYED] == {StateName.PENDING}
    assert before[StateName.UPSTREAM_FAILED] == {StateName.PENDING}


def test_a_state_reads_as_its_name_and_its_reason() -> None:
    assert str(State(StateName.COMPLETED, 0)) == "Completed"
    assert str(State(StateName.CANCELLED, 0, "flow failed")) == "Cancelled: flow failed"
    assert str(StateType.FAILED) == "FAILED"


def test_a_state_knows_whether_the_run_has_ended() -> None:
    assert State(StateName.TIMED_OUT, 0).is_terminal
    assert not State(StateName.AWAITING_RETRY, 0).is_terminal


@pytest.mark.parametrize("name", list(StateName))
def test_a_task_run_changes_by_the_table_only(name: StateName) -> None:
    for after in StateName:
        run = TaskRun(1, at_us=0)
        run.name = name
        if after in TRANSITIONS[name]:
            run.change(after, 1)
            assert run.name is after
        else:
            with pytest.raises(IllegalTransitionError, match=f"task run 1: {after} may not follow {name}"):
                run.change(after, 1)


def test_a_plain_run_has_its_three_states_and_needs_no_list_for_them() -> None:
    run = TaskRun(1, at_us=1)
    assert run.changes == [(StateName.PENDING, 1, None)]
    run.began_us, run.ended_us, run.name = 2, 3, StateName.COMPLETED
    assert run.changes == [
        (StateName.PENDING, 1, None),
        (StateName.RUNNING, 2, None),
        (StateName.COMPLETED, 3, None),
    ]


def test_a_defect_crashes_a_run_in_whatever_state() -> None:
    run = TaskRun(1, at_us=1)
    run.crash(2, "a defect")
    assert (run.name, run.phase) == (StateName.CRASHED, Phase.ENDED)
    assert run.changes[-1] == (StateName.CRASHED, 2, "a defect")


def test_a_notebook_shows_a_state_with_its_name_and_message() -> None:
    shown = State(StateName.FAILED, 1, "it is <broken>")._repr_html_()
    assert "Failed" in shown
    assert "it is &lt;broken&gt;" in shown
