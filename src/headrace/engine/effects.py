"""Effects: what to do about an event. The orchestrator orders them, the driver performs them in order.

The two that every task run passes through are bare tuples with a name: they cost a third of a named tuple. Where one
of them is all that there is to do about the event's own run, the orchestrator answers with a constant, which costs
nothing at all.
"""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from headrace.engine.events import AttemptFinished, AttemptStarted
    from headrace.engine.states import Change
    from headrace.engine.task_run import TaskRun


class StartAttempt(tuple["TaskRun"]):
    """Hand the run's next attempt to the task runner."""

    __slots__ = ()

    run = property(itemgetter(0), doc="The run.")


class Settle(tuple["TaskRun"]):
    """The run has ended: record it, give its future the outcome, wake who waits for it, run its hooks."""

    __slots__ = ()

    run = property(itemgetter(0), doc="The run.")


_ITS_OWN: Any = "the event's own run"

START_ITS_ATTEMPT = (StartAttempt((_ITS_OWN,)),)
"""The whole answer to most submissions: start the attempt of the run that the event is."""

SETTLE_ITS_RUN = (Settle((_ITS_OWN,)),)
"""The whole answer to the end of most attempts: settle the run that the event is of."""


class Admit(NamedTuple):
    """Ask the admission desk about the run, which answers by ``Admitted`` or ``ValueFound``."""

    run: TaskRun


class SetTimer(NamedTuple):
    """Post ``TimerFired`` for the run after this many seconds."""

    run: TaskRun
    seconds: float


class SetDeadline(NamedTuple):
    """Post ``DeadlinePassed`` so many seconds after ``since_us``; without a run it is the flow run's."""

    run: TaskRun | None
    number: int
    seconds: float
    since_us: int


class Interrupt(NamedTuple):
    """Take the attempt back if it has not begun; stop it if it has, unless ``only_withdraw``.

    An attempt that has not ended when ``grace_seconds`` are over is given up: post its end, as of one that goes on
    unheard. ``None`` where nobody waits for it any more.
    """

    run: TaskRun
    number: int
    only_withdraw: bool
    grace_seconds: float | None = None


class StopFlow(NamedTuple):
    """Interrupt the flow's function if it has not ended, and cancel the subflows.

    Post ``FlowGivenUp`` when ``grace_seconds`` are over.
    """

    reason: str
    grace_seconds: float


class Record(NamedTuple):
    """Tell the history where the run stands. ``report`` is there when an attempt has just ended."""

    run: TaskRun
    report: AttemptFinished | None = None


class PostAgain(NamedTuple):
    """Post an event that came too early: now is its time."""

    event: AttemptStarted | AttemptFinished


class RunHooks(NamedTuple):
    """A run came into a state that is not its last: call the hooks of that state."""

    run: TaskRun
    change: Change


class RecordFlow(NamedTuple):
    """Tell the history where the flow run stands."""

    changes: tuple[Change, ...]


class EndFlow(NamedTuple):
    """The flow run has ended. ``unseen`` failures were retrieved by nobody; ``returned`` ones are in its value."""

    changes: tuple[Change, ...]
    unseen: tuple[int, ...]
    returned: tuple[int, ...]


Effect = (
    StartAttempt
    | Settle
    | Admit
    | SetTimer
    | SetDeadline
    | Interrupt
    | PostAgain
    | Record
    | RunHooks
    | RecordFlow
    | StopFlow
    | EndFlow
)
