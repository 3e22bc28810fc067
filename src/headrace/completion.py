"""Something that ends once, and those who wait for it."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_callbacks_lock = Lock()

_LOOK_UP_SECONDS = 0.25
"""How long a wait without a deadline blocks at a time.

A signal that comes in the instant before a thread blocks is not seen by Python until that thread is awake again:
without this, a Ctrl-C could be left lying for as long as the wait takes.
"""


class Completion:
    """Ends once; whoever waits is called back once.

    No lock is taken as long as nobody waits. Invariant: the ending thread sets ``is_done`` before it looks
    for callbacks, a waiting one leaves its callback before it looks at ``is_done``; so one of them sees the
    other.

    It has no room of its own, so that a class with slots can be one: whoever takes it in starts with
    ``is_done = False`` and ``_callbacks = None``.
    """

    __slots__ = ()

    is_done: bool
    _callbacks: list[Callable[[], None]] | None

    def add_done_callback(self, callback: Callable[[], None]) -> None:
        """Call back when it has ended, in the thread that ends it; at once if it has."""
        with _callbacks_lock:
            if self._callbacks is None:
                self._callbacks = [callback]  # type: ignore[misc]  # who takes it in gives it room
            else:
                self._callbacks.append(callback)
        if self.is_done:
            self.call_back()

    def remove_done_callback(self, callback: Callable[[], None]) -> None:
        """Take a callback back, unless it has been called."""
        with _callbacks_lock:
            if self._callbacks and callback in self._callbacks:
                self._callbacks.remove(callback)

    def complete(self) -> None:
        """It has ended: call back whoever waits."""
        self.is_done = True  # type: ignore[misc]
        if self._callbacks is not None:
            self.call_back()

    def call_back(self) -> None:
        """Call back whoever waits."""
        with _callbacks_lock:
            callbacks, self._callbacks = self._callbacks, None  # type: ignore[misc]
        defect: BaseException | None = None
        for callback in callbacks or ():
            try:
                callback()
            except BaseException as error:  # the others wait all the same
                defect = defect or error
        if defect is not None:
            raise defect

    @property
    def is_being_retrieved(self) -> bool:
        """Whether somebody waits for it who will look at its outcome."""
        return any(isinstance(callback, Gate) and callback.retrieves for callback in self._callbacks or ())

    def block(self, timeout: float | None = None, *, retrieves: bool = False) -> bool:
        """Wait until it has ended; ``False`` if ``timeout`` seconds ran out first."""
        if self.is_done:
            return True
        gate = Gate(retrieves=retrieves)
        self.add_done_callback(gate)
        if gate.wait(timeout):
            return True
        self.remove_done_callback(gate)
        return self.is_done


class Milestone(Completion):
    """A completion that is nothing else besides.

    >>> milestone = Milestone()
    >>> milestone.complete()
    >>> milestone.block()
    True
    """

    __slots__ = ("_callbacks", "is_done")

    def __init__(self) -> None:
        self.is_done = False
        self._callbacks = None


class Gate:
    """A wait of one thread, opened by calling it, once or more often. ``retrieves`` says that it will look at the outcome."""

    __slots__ = ("_lock", "retrieves")

    def __init__(self, *, retrieves: bool) -> None:
        self.retrieves = retrieves
        self._lock = Lock()
        self._lock.acquire()

    def __call__(self) -> None:
        """Open it."""
        try:
            self._lock.release()
        except RuntimeError:  # it is open
            return

    def wait(self, timeout: float | None) -> bool:
        """Wait until it is opened; ``False`` if ``timeout`` seconds ran out first."""
        if timeout is not None:
            return self._lock.acquire(timeout=max(timeout, 0))
        while not self._lock.acquire(timeout=_LOOK_UP_SECONDS):
            pass
        return True
