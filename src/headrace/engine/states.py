"""The states of flow runs and task runs, and the one table of changes between them.

A *type* says what a state means to the engine (nine of them); a *name* says what a person
reads (``TimedOut`` is a FAILED). Nothing here knows how a change comes about.
"""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping


class StateType(StrEnum):
    """What a state means: whether a run waits, runs, or how it ended. Each compares equal to its own name.

    >>> StateType.FAILED.is_terminal, StateType.FAILED == "FAILED"
    (True, True)
    """

    SCHEDULED = "SCHEDULED"
    PENDING = "PENDING"
    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    CANCELLING = "CANCELLING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CRASHED = "CRASHED"
    CANCELLED = "CANCELLED"

    @property
    def is_terminal(self) -> bool:
        """Whether a run in a state of this type has ended."""
        return self in _TERMINAL_TYPES


_TERMINAL_TYPES = frozenset({StateType.COMPLETED, StateType.FAILED, StateType.CRASHED, StateType.CANCELLED})


class StateName(StrEnum):
    """What a person reads: every name a state can have.

    >>> StateName.TIMED_OUT.type
    <StateType.FAILED: 'FAILED'>
    """

    SCHEDULED = "Scheduled"
    AWAITING_RETRY = "AwaitingRetry"
    PENDING = "Pending"
    AWAITING_SLOT = "AwaitingSlot"
    RUNNING = "Running"
    RETRYING = "Retrying"
    PAUSED = "Paused"
    CANCELLING = "Cancelling"
    COMPLETED = "Completed"
    CACHED = "Cached"
    REPLAYED = "Replayed"
    FAILED = "Failed"
    TIMED_OUT = "TimedOut"
    UPSTREAM_FAILED = "UpstreamFailed"
    CRASHED = "Crashed"
    CANCELLED = "Cancelled"

    @property
    def type(self) -> StateType:
        """The type that this name belongs to."""
        return TYPE_OF[self]


_NAMES_BY_TYPE: dict[StateType, tuple[StateName, ...]] = {
    StateType.SCHEDULED: (StateName.SCHEDULED, StateName.AWAITING_RETRY),
    StateType.PENDING: (StateName.PENDING, StateName.AWAITING_SLOT),
    StateType.RUNNING: (StateName.RUNNING, StateName.RETRYING),
    StateType.PAUSED: (StateName.PAUSED,),
    StateType.CANCELLING: (StateName.CANCELLING,),
    StateType.COMPLETED: (StateName.COMPLETED, StateName.CACHED, StateName.REPLAYED),
    StateType.FAILED: (StateName.FAILED, StateName.TIMED_OUT, StateName.UPSTREAM_FAILED),
    StateType.CRASHED: (StateName.CRASHED,),
    StateType.CANCELLED: (StateName.CANCELLED,),
}

TYPE_OF: Mapping[StateName, StateType] = MappingProxyType(
    {name: state_type for state_type, names in _NAMES_BY_TYPE.items() for name in names}
)

_ENDED_EARLY = (StateName.CANCELLED, StateName.CRASHED)
_ENDED_BY_RUNNING = (
    StateName.COMPLETED,
    StateName.FAILED,
    StateName.TIMED_OUT,
    StateName.AWAITING_RETRY,
    StateName.PAUSED,
    StateName.CANCELLING,
    *_ENDED_EARLY,
)

TRANSITIONS: Mapping[StateName, frozenset[StateName]] = MappingProxyType(
    {
        StateName.SCHEDULED: frozenset({StateName.PENDING, *_ENDED_EARLY}),
        StateName.PENDING: frozenset(
            {
                StateName.AWAITING_SLOT,
                StateName.RUNNING,
                StateName.CACHED,
                StateName.REPLAYED,
                StateName.FAILED,
                StateName.TIMED_OUT,
                StateName.UPSTREAM_FAILED,
                *_ENDED_EARLY,
            }
        ),
        StateName.AWAITING_SLOT: frozenset(
            {StateName.RUNNING, StateName.RETRYING, StateName.TIMED_OUT, *_ENDED_EARLY}
        ),
        StateName.AWAITING_RETRY: frozenset(
            {StateName.AWAITING_SLOT, StateName.RETRYING, StateName.TIMED_OUT, *_ENDED_EARLY}
        ),
        StateName.RUNNING: frozenset(_ENDED_BY_RUNNING),
        StateName.RETRYING: frozenset(_ENDED_BY_RUNNING),
        StateName.PAUSED: frozenset(
            {StateName.RUNNING, StateName.CANCELLING, StateName.TIMED_OUT, *_ENDED_EARLY}
        ),
        StateName.CANCELLING: frozenset(
            {
                StateName.COMPLETED,
                StateName.FAILED,
                StateName.TIMED_OUT,
                StateName.AWAITING_RETRY,  # an attempt of a flow passed its time, and was stopped
                *_ENDED_EARLY,
            }
        ),
        StateName.COMPLETED: frozenset(),
        StateName.CACHED: frozenset(),
        StateName.REPLAYED: frozenset(),
        StateName.FAILED: frozenset(),
        StateName.TIMED_OUT: frozenset(),
        StateName.UPSTREAM_FAILED: frozenset(),
        StateName.CRASHED: frozenset(),
        StateName.CANCELLED: frozenset(),
    }
)
"""Which name may follow which. A terminal state is final: nothing follows it."""


Change = tuple[StateName, int, "str | None"]
"""A state as the engine and the history hold it: name, microseconds since the Unix epoch, reason.

A bare tuple: it costs a tenth of a ``State``, and every task run has three of them at least."""


class State(NamedTuple):
    """Where a run stands, since when and why: what ``future.state`` and ``future.wait()`` give.

    ``name`` is what a person reads, and compares equal to that text; ``at_us`` counts microseconds since the Unix
    epoch; ``message`` is the reason, if there is one. A terminal state is final.

    >>> state = State(StateName.CANCELLED, 0, "flow failed")
    >>> state.name == "Cancelled", state.type, state.is_terminal
    (True, <StateType.CANCELLED: 'CANCELLED'>, True)
    >>> str(state)
    'Cancelled: flow failed'
    """

    name: StateName
    at_us: int
    message: str | None = None

    @property
    def type(self) -> StateType:
        """What the state means."""
        return TYPE_OF[self.name]

    @property
    def is_terminal(self) -> bool:
        """Whether the run has ended."""
        return self.type.is_terminal

    def __str__(self) -> str:
        return f"{self.name}: {self.message}" if self.message else self.name.value

    def _repr_html_(self) -> str:
        """What a notebook shows of it."""
        from headrace.notebooks import state_html  # few scripts are notebooks

        return state_html(self.name, self.type, self.message)
