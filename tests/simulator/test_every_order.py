"""Small flows, each in every order in which its events can fall: the model agrees, and the outcomes are these."""

from __future__ import annotations

import pytest

from headrace.engine.events import Ending
from tests.simulator.orders import Outcome, Plan, Run, play_every_order

RETURNS, RAISES, CRASHES = Ending.RETURNED, Ending.RAISED, Ending.CRASHED

ONE_OUTCOME = {
    "an upstream that fails, for one who minds and one who does not": (
        Plan({1: Run(endings=(RAISES,)), 2: Run(), 3: Run((1, 2)), 4: Run(tolerated=(1,))}, slots=1),
        Outcome("Completed", ("Failed", "Completed", "UpstreamFailed", "Completed")),
    ),
    "two upstreams that fail": (
        Plan({1: Run(endings=(RAISES,)), 2: Run(endings=(CRASHES,)), 3: Run((1, 2)), 4: Run((3,))}),
        Outcome("Failed", ("Failed", "Crashed", "UpstreamFailed", "UpstreamFailed"), unseen=(1, 2)),
    ),
    "a retry beside another run, with one slot": (
        Plan({1: Run(endings=(RAISES, RETURNS)), 2: Run((1,)), 3: Run()}, slots=1),
        Outcome("Completed", ("Completed", "Completed", "Completed")),
    ),
    "a retry in vain": (
        Plan({1: Run(endings=(RAISES, RAISES)), 2: Run((1,)), 3: Run()}, slots=2),
        Outcome("Failed", ("Failed", "UpstreamFailed", "Completed"), unseen=(1,)),
    ),
    "a task that calls a task and waits for it, with one slot": (
        Plan({1: Run(calls=4), 2: Run(), 3: Run((2,))}, slots=1, children={4: Run()}),
        Outcome("Completed", ("Completed", "Completed", "Completed", "Completed")),
    ),
    "a task that calls one which waits for a retry, with one slot": (
        Plan({1: Run(endings=(RAISES, RETURNS)), 2: Run(calls=3)}, slots=1, children={3: Run((1,))}),
        Outcome("Completed", ("Completed", "Completed", "Completed")),
    ),
    "a returned failure": (
        Plan({1: Run(endings=(RAISES,)), 2: Run((1,)), 3: Run(endings=(RAISES,))}, returned=(2,)),
        Outcome("Failed", ("Failed", "UpstreamFailed", "Failed"), unseen=(3,)),
    ),
    "a fan-in that is wider than its slots": (
        Plan({1: Run(), 2: Run(), 3: Run(), 4: Run((1, 2, 3))}, slots=2),
        Outcome("Completed", ("Completed",) * 4),
    ),
    "a chain that starts ahead": (
        Plan({1: Run(), 2: Run((1,)), 3: Run((2,))}, starts_ahead=True),
        Outcome("Completed", ("Completed",) * 3),
    ),
    "a chain that starts ahead, as far as it has slots": (
        Plan({1: Run(), 2: Run((1,)), 3: Run((2,))}, slots=4, starts_ahead=True),
        Outcome("Completed", ("Completed",) * 3),
    ),
    "a run that starts ahead of a retry": (
        Plan({1: Run(endings=(RAISES, RETURNS)), 2: Run((1,))}, slots=4, starts_ahead=True),
        Outcome("Completed", ("Completed",) * 2),
    ),
    "a run that starts ahead of a retry in vain": (
        Plan({1: Run(endings=(RAISES, RAISES)), 2: Run((1,))}, starts_ahead=True),
        Outcome("Failed", ("Failed", "UpstreamFailed"), unseen=(1,)),
    ),
    "a fan-in that starts ahead of a failure": (
        Plan({1: Run(endings=(RAISES,)), 2: Run(), 3: Run((2, 1))}, slots=6, starts_ahead=True),
        Outcome("Failed", ("Failed", "Completed", "UpstreamFailed"), unseen=(1,)),
    ),
    "a run that starts ahead, and fails once itself": (
        Plan({1: Run(), 2: Run((1,), endings=(RAISES, RETURNS))}, slots=4, starts_ahead=True),
        Outcome("Completed", ("Completed",) * 2),
    ),
}


@pytest.mark.parametrize("name", ONE_OUTCOME)
def test_the_outcome_of_a_flow_does_not_depend_on_the_order_of_events(name: str) -> None:
    plan, outcome = ONE_OUTCOME[name]
    outcomes = play_every_order(plan)
    assert set(outcomes) == {outcome}
    assert sum(outcomes.values()) > 5


DONE, CANCELLED = "Completed", "Cancelled"

SOME_OUTCOMES = {
    "a cancelled run, and one after it": (
        Plan({1: Run(), 2: Run((1,))}, cancelled=(1,)),
        {Outcome(DONE, (DONE, DONE)), Outcome(DONE, (CANCELLED, "UpstreamFailed"))},
    ),
    "a cancelled flow with a retry": (
        Plan({1: Run(endings=(RAISES, RETURNS)), 2: Run((1,))}, cancelled=(None,)),
        {
            Outcome(DONE, (DONE, DONE)),  # the cancel came after the end
            Outcome(CANCELLED, (DONE, DONE)),
            Outcome(CANCELLED, (DONE, CANCELLED)),
            Outcome(CANCELLED, (CANCELLED, CANCELLED)),
            Outcome(CANCELLED, ("Failed", CANCELLED), unseen=(1,)),  # it is not tried again
        },
    ),
    "a function that raises": (
        Plan({1: Run(can_be_stopped=False), 2: Run((1,))}, ending=RAISES),
        {Outcome("Failed", (DONE, DONE)), Outcome("Failed", (DONE, CANCELLED))},
    ),
    "a failure that somebody looks at, perhaps too late": (
        Plan({1: Run(endings=(RAISES,)), 2: Run((1,))}, retrieved=(2,)),
        {
            Outcome(DONE, ("Failed", "UpstreamFailed")),
            Outcome("Failed", ("Failed", "UpstreamFailed"), unseen=(1,)),
        },
    ),
    "a cancelled run that another one started ahead of": (
        Plan({1: Run(), 2: Run((1,))}, starts_ahead=True, cancelled=(1,)),
        {Outcome(DONE, (DONE, DONE)), Outcome(DONE, (CANCELLED, "UpstreamFailed"))},
    ),
    "a cancelled run that started ahead": (
        Plan({1: Run(), 2: Run((1,), can_be_stopped=False)}, starts_ahead=True, cancelled=(2,)),
        {Outcome(DONE, (DONE, DONE)), Outcome(DONE, (DONE, CANCELLED))},
    ),
    "a cancelled flow with a run that started ahead": (
        Plan({1: Run(), 2: Run((1,))}, slots=4, starts_ahead=True, cancelled=(None,)),
        {
            Outcome(DONE, (DONE, DONE)),
            Outcome(CANCELLED, (DONE, DONE)),
            Outcome(CANCELLED, (DONE, CANCELLED)),
            Outcome(CANCELLED, (CANCELLED, CANCELLED)),
        },
    ),
    "a function that raises with a run that started ahead": (
        Plan({1: Run(can_be_stopped=False), 2: Run((1,))}, starts_ahead=True, ending=RAISES),
        {Outcome("Failed", (DONE, DONE)), Outcome("Failed", (DONE, CANCELLED))},
    ),
    "a task that is cancelled while it waits for one that it called": (
        Plan(
            {1: Run(can_be_stopped=False, calls=3), 2: Run()},
            slots=1,
            children={3: Run()},
            cancelled=(1,),
        ),
        {
            Outcome(DONE, (DONE, DONE, DONE)),
            Outcome(DONE, (CANCELLED, DONE, DONE)),
            Outcome(DONE, (CANCELLED, DONE, CANCELLED)),  # called unheard, after the end of the flow
        },
    ),
}


@pytest.mark.parametrize("name", SOME_OUTCOMES)
def test_a_flow_that_is_disturbed_has_these_outcomes_and_no_other(name: str) -> None:
    plan, outcomes = SOME_OUTCOMES[name]
    assert set(play_every_order(plan)) == outcomes


@pytest.mark.nightly
@pytest.mark.timeout(1800)
def test_two_cancels_in_every_order_of_a_fan_in_with_a_retry() -> None:
    plan = Plan(
        {1: Run(endings=(RAISES, RETURNS)), 2: Run(), 3: Run((1, 2)), 4: Run(tolerated=(3,))},
        slots=1,
        cancelled=(1, 2),
    )
    outcomes = play_every_order(plan)
    assert sum(outcomes.values()) > 50_000
    runs = {
        (DONE, DONE, DONE),
        (DONE, CANCELLED, "UpstreamFailed"),
        (CANCELLED, DONE, "UpstreamFailed"),
        (CANCELLED, CANCELLED, "UpstreamFailed"),
        ("Failed", DONE, "UpstreamFailed"),  # a cancelled run is not tried again
        ("Failed", CANCELLED, "UpstreamFailed"),
    }
    assert set(outcomes) == {Outcome(DONE, (*three, DONE)) for three in runs}


@pytest.mark.nightly
@pytest.mark.timeout(1800)
def test_a_cancel_in_every_order_of_a_chain_that_starts_ahead_of_a_retry() -> None:
    plan = Plan(
        {1: Run(endings=(RAISES, RETURNS)), 2: Run((1,)), 3: Run((2,))},
        slots=4,
        starts_ahead=True,
        cancelled=(2,),
    )
    outcomes = play_every_order(plan)
    assert sum(outcomes.values()) > 20_000
    assert set(outcomes) == {
        Outcome(DONE, (DONE, DONE, DONE)),
        Outcome(DONE, (DONE, CANCELLED, "UpstreamFailed")),
    }
