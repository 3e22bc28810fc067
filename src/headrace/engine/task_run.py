"""The record of one task run: where it stands and how it came there."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from headrace.engine.states import TRANSITIONS, StateName

if TYPE_CHECKING:
    from headrace.engine.events import AttemptFinished, ValueFound
    from headrace.engine.states import Change


class IllegalTransitionError(AssertionError):
    """The engine tried a change of state that TRANSITIONS does not list: a defect of Headrace."""


class Phase(Enum):
    """What a run waits for. Invariant: it is in exactly one phase."""

    WAITING = "waits for its upstreams"
    UNADMITTED = "waits for its upstreams, and is then to be admitted"
    AT_DESK = "waits to be admitted"
    QUEUED = "waits for a slot"
    AHEAD = "its attempt is with the task runner, which waits for its upstreams"
    ACTIVE = "its attempt is with the task runner"
    DELAYED = "waits for its retry"
    ENDED = "has ended"


WAITING = Phase.WAITING
UNADMITTED = Phase.UNADMITTED
PENDING = StateName.PENDING
COMPLETED = StateName.COMPLETED
"""Short names: a module global costs a fifth of an attribute of an enum."""


class TaskRun:
    """One task run, as the orchestrator sees it. Only the orchestrator changes it.

    ``upstreams`` must complete before it starts; ``tolerated`` upstreams only have to end. ``number`` counts
    its attempts, the present one included. ``roots`` are the runs that it failed for: itself, or failed ones
    upstream; empty as long as nothing went wrong. ``report`` is the event that ended its last attempt, from then until
    the run is settled, or that gave its value without one. A run that ``needs_admission`` is to pass the admission desk
    before it takes a slot. A run that goes Pending, Running, Completed and is noticed by nobody before its end keeps three
    times and no list of states: ``submitted_us``, ``began_us``, ``ended_us``. ``waits`` counts what it blocks for: it
    lends its slot meanwhile. ``is_cancelled`` says that its attempt is to stop; so does ``is_timed_out``, of this one
    attempt, since that has executed for ``timeout_seconds``.
    """

    __slots__ = (
        "_story",
        "began_us",
        "ended_us",
        "holds_slot",
        "id",
        "is_cancelled",
        "is_noticed",
        "is_timed_out",
        "name",
        "needs_slot",
        "number",
        "phase",
        "report",
        "retries",
        "roots",
        "submitted_us",
        "timeout_seconds",
        "tolerated",
        "upstreams",
        "waits",
    )

    def __init__(
        self,
        id: int,
        at_us: int,
        *,
        retries: int = 0,
        upstreams: tuple[int, ...] = (),
        tolerated: tuple[int, ...] = (),
        needs_slot: bool = True,
        needs_admission: bool = False,
        timeout_seconds: float | None = None,
    ) -> None:
        self.id = id
        self.submitted_us = at_us
        self.retries = retries
        self.upstreams = upstreams
        self.tolerated = tolerated
        self.needs_slot = needs_slot
        self.holds_slot = False
        self.is_noticed = False
        self.is_cancelled = False
        self.is_timed_out = False
        self.timeout_seconds = timeout_seconds
        self.waits = 0
        self.number = 0
        self.phase = UNADMITTED if needs_admission else WAITING
        self.name = PENDING
        self.roots: tuple[int, ...] = ()
        self.report: AttemptFinished | ValueFound | None = None
        self.began_us: int
        self.ended_us: int
        self._story: list[Change] | None = None

    @property
    def is_being_retrieved(self) -> bool:
        """Whether somebody waits for it who will look at how it failed. Those who can be waited for know better."""
        return False

    @property
    def is_readmitted(self) -> bool:
        """Whether each of its attempts has to pass the admission desk, and not only the first."""
        return False

    @property
    def changes(self) -> list[Change]:
        """Its states, in order. A plain run has its three spelled out only when somebody asks."""
        if self._story is not None:
            return self._story
        story: list[Change] = [(StateName.PENDING, self.submitted_us, None)]
        if self.name is COMPLETED:
            story.append((StateName.RUNNING, self.began_us, None))
            story.append((StateName.COMPLETED, self.ended_us, None))
        return story

    def change(self, name: StateName, at_us: int, reason: str | None = None) -> None:
        """Come into a state, which TRANSITIONS must allow; reports that overtook each other tell no earlier time."""
        if name not in TRANSITIONS[self.name]:
            raise IllegalTransitionError(f"task run {self.id}: {name} may not follow {self.name}")
        if self._story is None:
            self._story = self.changes
        self.name = name
        self._story.append((name, max(at_us, self._story[-1][1]), reason))

    def crash(self, at_us: int, reason: str) -> None:
        """Come to the end that a defect of the engine makes, from whatever state."""
        self._story = [*self.changes, (StateName.CRASHED, at_us, reason)]
        self.name = StateName.CRASHED
        self.phase = Phase.ENDED
