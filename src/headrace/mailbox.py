"""The mailbox: many threads post, one at a time handles, nobody waits.

To post is to append and to try the lock without blocking; whoever gets it drains. Invariants:

- *No wake-up is lost.* The lock is a plain one: a post from inside a drain finds it taken and only
  appends; after letting go, the drainer looks again.
- *Nobody is captured.* A drain handles a bounded number of events and hands the rest on.
- *A defect ends the run, not the world.* What ``handle`` raises goes to ``on_defect``, and the drain goes on.
"""

from __future__ import annotations

from collections import deque
from threading import Lock
from typing import TYPE_CHECKING, Generic, TypeVar

from headrace.interrupts import shielded

if TYPE_CHECKING:
    from collections.abc import Callable

EventT = TypeVar("EventT")

_FEW = 256


class Mailbox(Generic[EventT]):
    """Events in the order of their posting, handled by one thread at a time.

    ``limit`` gives how many events the present thread may handle in one go, and is asked after the first 256;
    ``hand_on`` takes a function that handles the rest and sees that it is called soon, elsewhere or later.
    ``afterwards`` is called by whoever has drained, with the lock let go, if ``has_more_to_do`` was set meanwhile.

    >>> seen = []
    >>> Mailbox(seen.append, on_defect=print, limit=lambda: 100, hand_on=print).post("event")
    >>> seen
    ['event']
    """

    __slots__ = (
        "_afterwards",
        "_events",
        "_hand_on",
        "_handle",
        "_limit",
        "_lock",
        "_on_defect",
        "has_more_to_do",
    )

    def __init__(
        self,
        handle: Callable[[EventT], None],
        *,
        on_defect: Callable[[BaseException], None],
        limit: Callable[[], int],
        hand_on: Callable[[Callable[[], None]], None],
        afterwards: Callable[[], None] = lambda: None,
    ) -> None:
        self._events: deque[EventT] = deque()
        self._lock = Lock()
        self._handle = handle
        self._on_defect = on_defect
        self._limit = limit
        self._hand_on = hand_on
        self._afterwards = afterwards
        self.has_more_to_do = False

    @shielded
    def post(self, event: EventT) -> None:
        """Have the event handled, by this thread or by the one that is draining."""
        if self._events or not self._lock.acquire(False):
            self._events.append(event)
            self.drain()
            return
        # Nobody drains and nothing waits: the event is the front of the queue without having been in it.
        handle = self._handle  # a call through an attribute that is no method would cost as much again
        try:
            handle(event)
        except BaseException as defect:
            self._on_defect(defect)
        finally:
            self._lock.release()
        if self._events:
            self.drain()
        elif self.has_more_to_do:
            self._do_more()

    @shielded
    def drain(self) -> None:
        """Handle what is there, unless another thread does."""
        if self._lock.acquire(False):
            self._drain()
            if self.has_more_to_do:
                self._do_more()

    def _do_more(self) -> None:
        self.has_more_to_do = False
        self._afterwards()

    def _drain(self) -> None:
        """Handle events with the lock held; let go, and look again."""
        events, handle = self._events, self._handle
        left, is_patient = _FEW, False
        while True:
            try:
                while events and left:
                    left -= 1
                    handle(events.popleft())
                    if not left and not is_patient:
                        is_patient = True
                        left = max(self._limit() - _FEW, 0)
            except BaseException as defect:
                self._on_defect(defect)
            finally:
                self._lock.release()
            if not events:
                return
            if not left:
                self._hand_on(self.drain)
                return
            if not self._lock.acquire(False):
                return
