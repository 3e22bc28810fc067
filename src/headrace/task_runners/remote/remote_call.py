"""A call whose value may be elsewhere: it comes when somebody asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from headrace.task_runners.call import Call
from headrace.task_runners.remote.errand import SentAlong
from headrace.task_runners.remote.pickling import loads

if TYPE_CHECKING:
    from typing import Protocol

    from headrace.history.cache import CachedValue
    from headrace.task_runners.remote.outcome import Outcome

    class Source(Protocol):
        """Where values on a cluster come from."""

        def fetch(self, call: RemoteCall) -> Any:
            """The value of a task run that completed; waits for it."""


class Pickled(NamedTuple):
    """A value that came with its outcome; unpickled when somebody asks."""

    pickled: bytes


class OnCluster(NamedTuple):
    """A value that stayed on the cluster."""

    source: Source


class RemoteCall(Call):
    """``handle`` is the engine's own reference to the result of the latest attempt: it lives as long as the call.

    ``outcome`` is there when the value stayed on the cluster. ``executed`` tells of the execution that gave the value:
    when it began by the worker's clock, when it began and ended by ours, and where.
    """

    __slots__ = ("__weakref__", "_held", "executed", "handle", "outcome")

    executed: tuple[int, int, int, str] | None
    handle: Any
    outcome: Outcome | None
    _held: Any

    def as_sent_along(self) -> Any:
        """The value, as it stands in the arguments of a downstream."""
        held = self._held
        return SentAlong(held.pickled) if type(held) is Pickled else held

    def value_of(self, found: CachedValue) -> Any:
        """It stays a pickle, which downstreams are sent along, until somebody here asks for it."""
        self.handle = None
        pickled = found.result.pickled
        return found.load() if pickled is None else Pickled(pickled)

    @property
    def is_elsewhere(self) -> bool:
        """Whether asking for the value means to wait for it."""
        return self.has_completed and type(self._held) is OnCluster

    @property
    def value(self) -> Any:
        """What the run returned."""
        held = self._held
        if type(held) is Pickled:
            held = self._held = loads(held.pickled)
        elif type(held) is OnCluster:
            held = self._held = held.source.fetch(self)
        return held

    @value.setter
    def value(self, held: Any) -> None:
        self._held = held
