"""What a session asks of the engine under it, and what it hears from there."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headrace.errors import ClusterUnavailableError
    from headrace.task_runners.remote.errand import PackedCommission
    from headrace.task_runners.remote.remote_call import RemoteCall


class Given:
    """A large argument that was put on the cluster; ``handle`` is the engine's own reference to it."""

    __slots__ = ("handle",)

    def __init__(self, handle: Any) -> None:
        self.handle = handle


class Attempt:
    """One attempt of a call, on its way to a worker and back.

    ``upstreams`` are the calls whose results go along, and large arguments, in the order in which the errand counts them.
    ``handle`` is the engine's own reference to the result, from the moment the attempt was handed over. ``began_us`` is
    when it began by the worker's clock, ``started_us`` by ours.
    """

    __slots__ = (
        "adoption", "began_us", "by_value", "call", "commission", "errand", "handed_us", "handle", "has_begun", "heard",
        "is_over", "number", "packed", "packed_early", "started_us", "upstreams", "worker",
    )  # fmt: skip

    def __init__(self, call: RemoteCall, number: int) -> None:
        self.call = call
        self.number = number
        self.handle: Any = None
        call.handle = None
        self.commission: PackedCommission
        self.errand: bytes = b""
        self.upstreams: list[RemoteCall | Given] = []
        self.by_value: frozenset[str] = frozenset()
        self.adoption: Any = None
        self.packed: bytes | None = None
        self.heard = 0
        self.has_begun = False
        self.is_over = False
        self.packed_early: bytes | None = None
        self.handed_us = call.driver.now_us()
        self.began_us = 0
        self.started_us = 0
        self.worker = ""

    def place(self, handle: Any) -> None:
        """The engine has it, and refers to its result so; the call needs that unless its value has come already."""
        self.handle = handle
        if not self.is_over or self.call.outcome is not None:
            self.call.handle = handle


class Listener(ABC):
    """What the engine tells, from any thread of its own."""

    @abstractmethod
    def landed(self, attempt: Attempt, packed: bytes) -> None:
        """The outcome of an attempt has come."""

    @abstractmethod
    def heard(self, news: bytes) -> None:
        """A worker tells of attempts that execute."""

    @abstractmethod
    def lost(self, attempt: Attempt, cause: str, *, max_retries: int = 0) -> None:
        """The worker that executed the attempt is gone, or the attempt with it.

        So often it is tried again for that, whether or not its task has retries; -1 is always.
        """

    @abstractmethod
    def missed(self, attempt: Attempt) -> None:
        """The attempt was not executed, since an upstream's result was not to be had."""

    @abstractmethod
    def again(self, attempt: Attempt) -> None:
        """The attempt was not executed, through no fault of its own: hand it over once more."""

    @abstractmethod
    def repeated(self, call: RemoteCall, packed: bytes) -> None:
        """The engine executed a call anew that had completed, for it had lost the value: the new outcome."""

    @abstractmethod
    def disconnected(self, error: ClusterUnavailableError) -> None:
        """The cluster is gone."""


class Engine(ABC):
    """An engine such as Dask or Ray, for one session. All but ``close`` is called in the session's own thread."""

    dashboard: str | None = None
    """The address of the page on which the engine shows what it does; known once it is open."""

    interrupts = False
    """Whether what is dropped is interrupted where it executes: then it stops soon, but for what Python does not see into."""

    values_outlive_it = False
    """Whether the values of results can be fetched after the engine was closed."""

    @abstractmethod
    def open(self, address: str, listener: Listener) -> None:
        """Connect, or start what is temporary. Workers reach the listener by that address.

        Raises ``ClusterUnavailableError``.
        """

    @abstractmethod
    def hand_over(self, attempts: Sequence[Attempt]) -> None:
        """Have these attempts executed, and give each its handle."""

    @abstractmethod
    def put(self, packed: bytes, body: Any) -> Any:
        """Put a value on the cluster: a handle like that of a result. ``packed`` is the outcome that goes with it."""

    @abstractmethod
    def drop(self, attempt: Attempt) -> bool:
        """Do not begin the attempt if it has not begun; nobody waits for it any more.

        Whether one that has begun is stopped by that.
        """

    def recall(self, attempt: Attempt) -> bool | None:
        """Take back an attempt that was handed over and has not told that it began: ``True`` if it never will.

        ``False`` if it has begun, or is over; ``None``, as it stands, where that cannot be known at once.
        """
        return None

    @abstractmethod
    def fetch(self, handle: Any) -> Any:
        """The body of a result, in any thread: waits for it. Raises ``ClusterUnavailableError`` or what the engine raises."""

    @abstractmethod
    def close(self) -> None:
        """Let the connection go, and stop what is temporary."""
