"""Events: what happened. The driver posts them, the orchestrator handles them one at a time.

A ``TaskRun`` is an event itself: posting it submits it. Every time is in microseconds since the Unix
epoch. What every task run passes through is a plain slotted class, which the driver extends by what only
it needs to know: one object instead of two, and a named tuple costs twice as much to make.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from headrace.engine.states import StateName
from headrace.engine.task_run import TaskRun


class Ending(Enum):
    """How an attempt, or the function of a flow, came to its end."""

    RETURNED = "returned"
    RAISED = "raised"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed out"
    CRASHED = "crashed"


class RunNoticed(NamedTuple):
    """A run lasts long enough to be worth a row before it ends."""

    id: int
    at_us: int


class AttemptStarted(NamedTuple):
    """An attempt began to execute. Reported only for attempts that last, or that were noticed before."""

    id: int
    number: int
    at_us: int


class AttemptFinished:
    """An attempt came to its end, or is waited for no longer: then it goes on unheard.

    ``retry_delay_seconds`` is ``None`` when it shall not be tried again.
    """

    __slots__ = ("ended_us", "ending", "id", "number", "reason", "retry_delay_seconds", "started_us")

    def __init__(
        self,
        id: int,
        number: int,
        started_us: int,
        ended_us: int,
        ending: Ending,
        reason: str | None = None,
        retry_delay_seconds: float | None = None,
    ) -> None:
        self.id = id
        self.number = number
        self.started_us = started_us
        self.ended_us = ended_us
        self.ending = ending
        self.reason = reason
        self.retry_delay_seconds = retry_delay_seconds


class Admitted(NamedTuple):
    """Nothing that the admission desk looks after keeps the run from starting."""

    id: int
    at_us: int


class AdmissionDelayed(NamedTuple):
    """The run has to wait at the desk, for a limit that others have used up."""

    id: int
    at_us: int
    reason: str


class ValueFound:
    """What the run would give is known already: it ends without an attempt, in the state ``name``."""

    __slots__ = ("at_us", "id", "name", "reason")

    def __init__(self, id: int, at_us: int, name: StateName, reason: str | None = None) -> None:
        self.id = id
        self.at_us = at_us
        self.name = name
        self.reason = reason


class AttemptWithdrawn(NamedTuple):
    """An attempt was taken back before it began to execute."""

    id: int
    number: int
    at_us: int


class AttemptSkipped(NamedTuple):
    """The task runner did not execute the attempt, since the value of an upstream was not to be had."""

    id: int
    number: int
    at_us: int


class DeadlinePassed(NamedTuple):
    """An attempt has executed for as long as it may; ``id`` is ``None`` for the whole flow run."""

    id: int | None
    number: int
    at_us: int


class TimerFired(NamedTuple):
    """The delay before a retry is over."""

    id: int
    at_us: int


class CancelRequested(NamedTuple):
    """Somebody wants a task run cancelled; ``id`` is ``None`` for the whole flow run."""

    id: int | None
    at_us: int
    reason: str


class FailureRetrieved(NamedTuple):
    """Somebody looked at how this run failed: it, and what it failed for, is no longer unseen."""

    id: int


class SlotLent(NamedTuple):
    """A run blocks until another one ends, and lends its slot as long as it does."""

    id: int
    awaited: int


class SlotReclaimed(NamedTuple):
    """The lender stopped waiting before the awaited run ended."""

    id: int
    awaited: int


class RunAdopted(NamedTuple):
    """A child run that came to its end elsewhere, by the same rules: its record is complete.

    ``is_seen``: its failure, if it has one, was retrieved there.
    """

    run: TaskRun
    is_seen: bool


class RunReplayed(NamedTuple):
    """A call whose value is known when it is made: its ``report`` has it. It ends at once, in the state ``name``.

    It completed in an earlier epoch, or the cache has the value.
    """

    run: TaskRun
    name: StateName = StateName.REPLAYED
    reason: str | None = None


class OutsiderJoined(NamedTuple):
    """A run of another flow takes part, as an upstream or as a subflow.

    The flow run's end waits for an ``owned`` outsider, and its failure must be retrieved.
    """

    id: int
    owned: bool


class OutsiderEnded(NamedTuple):
    """The outsider came to its end."""

    id: int
    at_us: int
    completed: bool


class FlowStarted(NamedTuple):
    """The flow's function is about to be called."""

    at_us: int


class FlowPaused(NamedTuple):
    """The flow's function waits for a person; ``id`` tells this wait from others of the flow run."""

    id: int
    at_us: int
    prompt: str


class FlowWentOn(NamedTuple):
    """The function waits for that person no longer."""

    id: int
    at_us: int


class FlowGivenUp(NamedTuple):
    """The grace of a flow run that is to stop is over: what has not ended goes on unheard."""

    at_us: int


class FunctionEnded(NamedTuple):
    """The flow's function came to its end; ``returned`` are the runs whose futures are in its value.

    Those in ``tolerated`` are there, too, and may have failed: the value holds their exceptions then.
    """

    at_us: int
    ending: Ending
    reason: str | None = None
    returned: tuple[int, ...] = ()
    tolerated: tuple[int, ...] = ()


Event = (
    TaskRun
    | RunNoticed
    | Admitted
    | AdmissionDelayed
    | ValueFound
    | AttemptStarted
    | AttemptFinished
    | AttemptWithdrawn
    | AttemptSkipped
    | DeadlinePassed
    | TimerFired
    | CancelRequested
    | FailureRetrieved
    | SlotLent
    | SlotReclaimed
    | RunAdopted
    | RunReplayed
    | OutsiderJoined
    | OutsiderEnded
    | FlowStarted
    | FlowPaused
    | FlowWentOn
    | FlowGivenUp
    | FunctionEnded
)
