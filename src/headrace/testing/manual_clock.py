"""A clock that a test sets: retries that wait for hours take no time, and their waiting can be looked at."""

from __future__ import annotations

import heapq
import threading
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, NamedTuple

from headrace.clock import use_clock
from headrace.testing.rest import wait_for_rest

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from typing import Self

    from headrace.clock import Timer

_START_US = 1_767_225_600_000_000
_PATIENCE_SECONDS = 1.0


class ManualClock:
    """A time that passes only when it is told to. It begins at midnight UTC of 2026-01-01, always.

    In a ``with`` block, flow runs that begin inside it go by this clock. There are two ways to tell it:

    - ``advance(seconds)``: the test moves it, while the flow runs beside it (``flow.submit()``).
    - ``ManualClock(automatic=True)``: as soon as nothing in this process runs any more, the clock jumps to the
      end of the shortest delay. So a test just calls its flow; delays end in the order in which they would have.

    ``delays`` are the delays that were begun, in seconds, in the order of their beginning.

    >>> from headrace import flow, get_run_context, task
    >>> @task(retries=3, retry_delay_seconds=[60, 600, 3600])
    ... def fetch() -> int:
    ...     attempt = get_run_context().attempt
    ...     if attempt < 4:
    ...         raise OSError("not yet")
    ...     return attempt
    >>> @flow
    ... def load() -> int:
    ...     return fetch()
    >>> with ManualClock(automatic=True) as clock:
    ...     load(), clock.delays
    (4, (60.0, 600.0, 3600.0))
    """

    def __init__(self, *, automatic: bool = False) -> None:
        self._now_us = _START_US
        self._timers: list[tuple[int, int, Callable[[], object]]] = []
        self._order = count()
        self._changed = threading.Condition(threading.Lock())
        self._delays: list[float] = []
        self._is_automatic = automatic
        self._jumper: threading.Thread | None = None
        self._use: AbstractContextManager[None] | None = None

    # -- in a test -----------------------------------------------------------------------------

    def __enter__(self) -> Self:
        self._use = use_clock(self)
        self._use.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        assert self._use is not None
        self._use.__exit__(None, None, None)
        self.hold()

    @property
    def delays(self) -> tuple[float, ...]:
        """Every delay that was begun, in seconds, those that are over included."""
        with self._changed:
            return tuple(self._delays)

    @property
    def pending(self) -> tuple[float, ...]:
        """How many seconds each delay that is not over has left, the shortest first."""
        with self._changed:
            return tuple((due_us - self._now_us) / 1e6 for due_us, _, _ in sorted(self._timers, key=_due_us))

    @property
    def elapsed(self) -> float:
        """Seconds by which the clock has moved since its beginning."""
        return (self._now_us - _START_US) / 1e6

    def advance(self, seconds: float) -> None:
        """Move the clock: every delay that ends in this span ends, each at its time, in their order.

        Time stands still while a task runs: a delay that begins in answer to one that ended just now begins at
        the end of the span. Raises ``ValueError`` for a negative span.
        """
        if seconds < 0:
            raise ValueError(f"advance({seconds!r}): time does not go back")
        end_us = self._now_us + round(seconds * 1e6)
        while (callback := self._take_due(end_us)) is not None:
            callback()

    def wait_until_pending(self, count: int = 1, *, timeout: float = 10.0) -> None:
        """Wait, in real time, until so many delays have begun and are not over: then the flow waits for the clock.

        Raises ``TimeoutError`` if that takes more than ``timeout`` real seconds.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: len(self._timers) >= count, timeout):
                raise TimeoutError(f"{len(self._timers)} delays are pending after {timeout} s, not {count}")

    def hold(self) -> None:
        """Stop jumping: from now on only ``advance`` moves the clock."""
        with self._changed:
            self._is_automatic = False
            self._changed.notify_all()

    # -- for the engine ------------------------------------------------------------------------

    def now_us(self) -> int:
        """Microseconds since the Unix epoch, as this clock has it."""
        return self._now_us

    def call_later(self, seconds: float, callback: Callable[[], object]) -> Timer:
        """Call back, in the thread that moves the clock, once it has moved so far."""
        with self._changed:
            self._delays.append(seconds)
            entry = (self._now_us + round(seconds * 1e6), next(self._order), callback)
            heapq.heappush(self._timers, entry)
            self._changed.notify_all()
            if self._is_automatic and self._jumper is None:
                self._jumper = threading.Thread(target=self._jump, name="headrace-manual-clock", daemon=True)
                self._jumper.start()
        return _ManualTimer(partial(self._drop, entry))

    def _drop(self, entry: tuple[int, int, Callable[[], object]]) -> None:
        with self._changed:
            if entry in self._timers:
                self._timers.remove(entry)
                heapq.heapify(self._timers)

    def _take_due(self, end_us: int) -> Callable[[], object] | None:
        """Move to the next delay that ends by then, or to that time if there is none."""
        with self._changed:
            if not self._timers or self._timers[0][0] > end_us:
                self._now_us = max(self._now_us, end_us)
                return None
            due_us, _, callback = heapq.heappop(self._timers)
            self._now_us = max(self._now_us, due_us)
            return callback

    def _jump(self) -> None:
        """End one delay after another, each when everything that may still begin a shorter one has come to rest."""
        while True:
            wait_for_rest(patience_seconds=_PATIENCE_SECONDS)
            with self._changed:
                if not self._timers or not self._is_automatic:
                    self._jumper = None
                    return
                due_us, _, callback = heapq.heappop(self._timers)
                self._now_us = max(self._now_us, due_us)
            callback()


class _ManualTimer(NamedTuple):
    cancel: Callable[[], None]


def _due_us(timer: tuple[int, int, Callable[[], object]]) -> tuple[int, int]:
    return timer[:2]
