"""A call whose value may be elsewhere: it comes when somebody asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headrace.task_runners.call import Far, FarCall
from headrace.task_runners.remote.errand import SentAlong
from headrace.task_runners.remote.pickling import loads

if TYPE_CHECKING:
    from typing import Protocol

    from headrace.history.cache import CachedValue
    from headrace.task_runners.call import Call
    from headrace.task_runners.remote.outcome import Outcome

    class Source(Protocol):
        """Where values on a cluster come from."""

        def fetch(self, call: RemoteCall) -> Any:
            """The value of a task run that completed; waits for it."""


class Pickled(Far):
    """A value that came with its outcome; unpickled when somebody asks."""

    __slots__ = ("pickled",)

    def __init__(self, pickled: bytes) -> None:
        self.pickled = pickled

    def fetch(self, call: Call) -> Any:
        """The value."""
        return loads(self.pickled)


class OnCluster(Far):
    """A value that stayed on the cluster."""

    __slots__ = ("source",)

    is_near = False

    def __init__(self, source: Source) -> None:
        self.source = source

    def fetch(self, call: RemoteCall) -> Any:  # type: ignore[override]  # whose value is on a cluster is such a call
        """The value; waits for it."""
        return self.source.fetch(call)


class RemoteCall(FarCall):
    """``handle`` is the engine's own reference to the result of the latest attempt: it lives as long as the call.

    ``outcome`` is there when the value stayed on the cluster. ``executed`` tells of the execution that gave the value:
    when it began by the worker's clock, when it began and ended by ours, and where.
    """

    __slots__ = ("__weakref__", "executed", "handle", "outcome")

    executed: tuple[int, int, int, str] | None
    handle: Any
    outcome: Outcome | None

    def as_sent_along(self) -> Any:
        """The value, as it stands in the arguments of a downstream."""
        held = self._held
        return SentAlong(held.pickled) if type(held) is Pickled else self.value

    def value_of(self, found: CachedValue) -> Any:
        """It stays a pickle, which downstreams are sent along, until somebody here asks for it."""
        self.handle = self.outcome = self.executed = None
        pickled = found.result.pickled
        return super().value_of(found) if pickled is None else Pickled(pickled)


def new_replayed_call() -> RemoteCall:
    """A call that no worker will see, still empty otherwise."""
    call: RemoteCall = object.__new__(RemoteCall)
    call.handle = call.outcome = call.executed = None
    return call
