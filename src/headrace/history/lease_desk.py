"""The desk where this process asks for leases: one thread, which waits so that nobody else has to.

It sleeps as long as nobody here waits. While somebody does, it looks every few hundredths of a second whether another
process has written, and more seldom whether one that holds something is still there. Invariants:

- Only the desk's thread uses the lease book, so the leases of a process are asked for in the order of its calls.
- A lease is told once: that it is granted, or why it cannot be. One that was given back before is not told at all.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from headrace.clock import now_us
from headrace.completion import Completion
from headrace.engine.leases import is_limited, why_not_for
from headrace.errors import HistoryError, WouldDeadlockError
from headrace.history.database import explain, is_busy
from headrace.history.lease_book import LeaseRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from headrace.engine.leases import Demand
    from headrace.history.lease_book import Exchange, LeaseBook

_LOOK_SECONDS = 0.02
_LOOK_FOR_THE_DEAD_SECONDS = 0.1
_TRY_AGAIN_SECONDS = 0.05

_logger = logging.getLogger("headrace.history")


class Lease(Completion):
    """A part of one limit or of several. It is done when it is granted, or when ``error`` says why it cannot be."""

    __slots__ = (
        "_callbacks",
        "demand",
        "error",
        "holder",
        "is_done",
        "is_ended",
        "key",
        "own",
        "when_waiting",
    )

    def __init__(
        self,
        demand: Demand,
        holder: str,
        own: Mapping[str, int],
        when_waiting: Callable[[list[str]], None] | None,
    ) -> None:
        self.demand = demand
        self.holder = holder
        self.own = own
        self.when_waiting = when_waiting
        self.key: int | None = None
        self.error: Exception | None = None
        self.is_ended = False
        self.is_done = False
        self._callbacks: list[Callable[[], None]] | None = None


class LeaseDesk:
    """Asks for leases, and gives them back. Its methods never block."""

    def __init__(self, open_book: Callable[[], LeaseBook]) -> None:
        """``open_book`` is called by the desk's own thread, when it is needed first."""
        self._open_book = open_book
        self._book: LeaseBook | None = None
        self._slips: SimpleQueue[Lease | None] = SimpleQueue()
        self._waiting: dict[int, Lease] = {}
        self._again_us: int | None = None
        self._next_look_for_the_dead = 0.0
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None

    def ask(
        self,
        demand: Demand,
        holder: str,
        *,
        own: Mapping[str, int] | None = None,
        when_waiting: Callable[[list[str]], None] | None = None,
    ) -> Lease:
        """Asks for a lease: it is done when it is granted.

        ``own`` is how many slots of which limits who asks holds already, and does not give back before it goes on.
        ``when_waiting`` is told once, by the desk's thread, for which limits it has to wait.
        """
        lease = Lease(demand, holder, own or {}, when_waiting)
        self._hand_in(lease)
        return lease

    def end(self, lease: Lease) -> None:
        """Gives a lease back, or takes back the wish for it."""
        lease.is_ended = True
        self._hand_in(lease)

    def close(self) -> None:
        """Gives the book back. Nobody holds or waits for anything any more."""
        if self._thread is not None:
            self._slips.put(None)
            self._thread.join()

    def _hand_in(self, lease: Lease) -> None:
        self._slips.put(lease)
        if self._thread is None:
            with self._starting:
                if self._thread is None:
                    thread = threading.Thread(target=self._run, name="headrace-leases", daemon=True)
                    thread.start()
                    self._thread = thread

    # The desk's thread.

    def _run(self) -> None:
        while True:
            slips = self._gather()
            self._serve([slip for slip in slips if slip is not None])
            if None in slips:
                break
        if self._book is not None:
            self._book.close()

    def _gather(self) -> list[Lease | None]:
        """What was handed in, all of it; nothing if it is time to look round first."""
        slips: list[Lease | None] = []
        try:
            slips.append(self._slips.get(timeout=self._patience()))
            while True:
                slips.append(self._slips.get_nowait())
        except Empty:
            return slips

    def _patience(self) -> float | None:
        if not self._waiting:
            return None
        if self._again_us is None:
            return _LOOK_SECONDS
        return min(max((self._again_us - now_us()) / 1e6, 0.0), _LOOK_SECONDS)

    def _serve(self, slips: list[Lease]) -> None:
        new = [
            lease
            for lease in dict.fromkeys(slips)
            if lease.key is None and not (lease.is_ended or lease.is_done)
        ]
        ended = [lease for lease in dict.fromkeys(slips) if lease.is_ended and lease.key is not None]
        try:
            if new or ended:
                self._exchange(new, ended)
            elif self._waiting:
                self._look_round()
        except Exception as error:
            self._refuse(new, error)

    def _exchange(self, new: list[Lease], ended: list[Lease]) -> None:
        limits = self._opened().limits() if new else {}
        free = [lease for lease in new if not is_limited(lease.demand, limits)]
        for lease in free:  # nobody has to write down what keeps nobody waiting
            lease.complete()
        for lease in new:
            why = why_not_for(lease.own, lease.demand, limits)
            if why is not None:
                lease.error = WouldDeadlockError(why)
                lease.complete()
        new = [lease for lease in new if not lease.is_done]
        if not new and not ended:
            return
        requests = [LeaseRequest(lease.demand, lease.holder) for lease in new]
        keys = [lease.key for lease in ended if lease.key is not None]
        exchange = self._insist(lambda book: book.exchange(requests, keys))
        for lease in ended:
            assert lease.key is not None
            self._waiting.pop(lease.key, None)
        for lease, key in zip(new, exchange.keys, strict=True):
            if isinstance(key, str):
                lease.error = ValueError(key)
                lease.complete()
            else:
                lease.key = key
                self._waiting[key] = lease
        self._tell(exchange)
        for lease in new:
            if not lease.is_done and lease.when_waiting is not None:
                lease.when_waiting([name for name in lease.demand if name in limits])

    def _look_round(self) -> None:
        book = self._opened()
        now = time.monotonic()
        has_news = book.has_news()
        if now >= self._next_look_for_the_dead:
            self._next_look_for_the_dead = now + _LOOK_FOR_THE_DEAD_SECONDS
            has_news = book.end_those_of_the_dead() or has_news
        if has_news or (self._again_us is not None and now_us() >= self._again_us):
            exchange = book.look()
            self._tell(exchange or self._insist(lambda book: book.exchange([], [])))

    def _tell(self, exchange: Exchange) -> None:
        self._again_us = exchange.again_us
        for key in sorted([key for key in exchange.held if key in self._waiting]):
            self._waiting.pop(key).complete()

    def _insist(self, act: Callable[[LeaseBook], Exchange]) -> Exchange:
        """Another program may keep the database locked: that costs nothing but time."""
        while True:
            try:
                return act(self._opened())
            except sqlite3.Error as error:
                if not is_busy(error):
                    raise
                time.sleep(_TRY_AGAIN_SECONDS)

    def _opened(self) -> LeaseBook:
        if self._book is None:
            self._book = self._open_book()
        return self._book

    def _refuse(self, new: list[Lease], error: Exception) -> None:
        """The history cannot be used: whoever waits is told so, and decides what to make of it."""
        cause = error if isinstance(error, HistoryError) else explain(error, "with the limits")
        _logger.error("Limits cannot be kept: %s", cause, exc_info=error)
        leases = [*new, *self._waiting.values()]
        self._waiting.clear()
        for lease in leases:
            lease.error = cause
            lease.complete()
