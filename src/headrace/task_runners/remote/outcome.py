"""What comes back from a worker: how an attempt ended, and whatever of it is small enough to travel.

An outcome with a small value carries the value's pickle, which serves the flow's process, the history and the
downstreams on the cluster alike. A large value is the *body* beside the outcome; it stays where it is.
"""

from __future__ import annotations

from _pickle import dumps, loads
from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple

from headrace.history.results import PROTOCOL

if TYPE_CHECKING:
    from typing import Self

    from headrace.history.facts import Failure, StoredResult, TaskRunFact
    from headrace.task_runners.remote.exceptions import PackedError


class Landing(Enum):
    """How an errand came to its end."""

    RETURNED = 0
    RAISED = 1
    CANCELLED = 2
    SKIPPED = 3
    """An upstream had no value: nothing was executed."""
    UNREADABLE = 4
    """The commission or the errand could not be unpickled: nothing was executed."""


class Line(NamedTuple):
    """A log line; ``task_run`` is the id that the run has on the worker."""

    task_run: int
    at_us: int
    level: int
    logger: str
    message: str


class Child(NamedTuple):
    """A task run that the attempt called, with the ids that runs have on the worker.

    ``task`` is the pickled task where the flow's process has to call its hooks.
    """

    fact: TaskRunFact
    roots: tuple[int, ...]
    is_seen: bool
    error: PackedError | None
    task: bytes | None


class Outcome(NamedTuple):
    """How one attempt ended. ``told`` is how many of its lines were sent before."""

    landing: Landing
    number: int
    started_us: int
    ended_us: int
    worker: str
    stored: StoredResult | None = None
    """What travels of the value."""
    run_name: str | None = None
    parameters: str | None = None
    reason: str | None = None
    failure: Failure | None = None
    error: PackedError | None = None
    told: int = 0
    lines: tuple[Line, ...] = ()
    children: tuple[Child, ...] = ()
    kept: StoredResult | None = None
    """What the history is to have of the value, if that is something else."""
    missing: str | None = None
    """The module that could not be imported, if that is why the errand was unreadable."""

    def pack(self) -> bytes:
        """As it travels. What a value or an exception of the user's is in it, is a pickle inside."""
        landing, *rest = self
        return dumps((landing.value, *rest), PROTOCOL)

    @classmethod
    def unpack(cls, packed: bytes) -> Self:
        """The outcome."""
        landing, *rest = loads(packed)
        return cls(_LANDINGS[landing], *rest)

    @property
    def recorded(self) -> StoredResult | None:
        """What the history is to have of the value."""
        return self.kept or self.stored

    @property
    def has_body(self) -> bool:
        """Whether the value is beside the outcome, not in it."""
        return self.landing is Landing.RETURNED and self.stored is not None and self.stored.pickled is None

    def value(self, body: Any) -> Any:
        """The value that was returned; ``body`` is what came along with the outcome."""
        assert self.stored is not None
        return body if self.stored.pickled is None else loads(self.stored.pickled)


_LANDINGS = list(Landing)
