"""The record of one task run: where it stands and how it came there."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from headrace.engine.states import TRANSITIONS, StateName

if TYPE_CHECKING:
    from headrace.engine.states import Change

_PENDING = StateName.PENDING


class IllegalTransitionError(AssertionError):
    """The engine tried a change of state that TRANSITIONS does not list: a defect of Headrace."""


class Phase(Enum):
    """What a run waits for. Invariant: it is in exactly one phase."""

    WAITING = "waits for its upstreams"
    QUEUED = "waits for a slot"
    ACTIVE = "its attempt is with the task runner"
    DELAYED = "waits for its retry"
    ENDED = "has ended"


class TaskRun:
    """One task run, as the orchestrator sees it. Only the orchestrator changes it.

    ``upstreams`` must complete before it starts; ``tolerated`` upstreams only have to end. ``number`` counts
    its attempts, the present one included. ``roots`` are the runs that it failed for: itself, or failed ones
    upstream; empty as long as nothing went wrong.
    """

    # What is the same for nearly every run at first stands on the class: making a run sets only the rest.
    holds_slot: bool = False
    is_noticed: bool = False
    number: int = 0
    phase: Phase = Phase.WAITING
    name: StateName = StateName.PENDING
    roots: tuple[int, ...] = ()

    def __init__(
        self,
        id: int,
        at_us: int,
        retries: int = 0,
        upstreams: tuple[int, ...] = (),
        tolerated: tuple[int, ...] = (),
        needs_slot: bool = True,
    ) -> None:
        self.id = id
        self.retries = retries
        self.upstreams = upstreams
        self.tolerated = tolerated
        self.needs_slot = needs_slot
        self.changes: list[Change] = [(_PENDING, at_us, None)]

    def change(self, name: StateName, at_us: int, reason: str | None = None) -> None:
        """Come into a state, which TRANSITIONS must allow."""
        if name not in TRANSITIONS[self.name]:
            raise IllegalTransitionError(f"task run {self.id}: {name} may not follow {self.name}")
        self.name = name
        self.changes.append((name, at_us, reason))
