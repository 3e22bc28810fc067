"""Time, as the driver gets it: what o'clock it is, and timers.

The system's clock serves all flows of a process with one thread, started when the first timer is set.
"""

from __future__ import annotations

import heapq
import threading
import time
from collections import deque
from contextlib import contextmanager
from itertools import count
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


_time_ns = time.time_ns


def now_us() -> int:
    """The time in microseconds since the Unix epoch."""
    return _time_ns() // 1000


def duration(microseconds: int) -> str:
    """How long something took, with about three digits, for a person.

    >>> duration(412), duration(3_210), duration(1_240_000), duration(125_000_000), duration(3_780_000_000)
    ('412 µs', '3.2 ms', '1.24 s', '2 min 05 s', '1 h 03 min')
    """
    seconds = max(microseconds, 0) / 1e6
    if seconds < 0.001:
        return f"{max(microseconds, 0)} µs"
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms" if seconds >= 0.09995 else f"{seconds * 1000:.1f} ms"
    if seconds < 9.995:
        return f"{seconds:.2f} s"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    if whole < 86_400:
        return f"{whole // 3600} h {whole % 3600 // 60:02} min"
    return f"{whole // 86_400} d {whole % 86_400 // 3600} h"


class Timer(Protocol):
    """A callback that is to come."""

    def cancel(self) -> None:
        """Do not call back, unless that is happening just now."""


class Clock(Protocol):
    """What the driver asks of time."""

    def now_us(self) -> int:
        """Microseconds since the Unix epoch."""

    def call_later(self, seconds: float, callback: Callable[[], object]) -> Timer:
        """Call back, in a thread of the clock's choice, once this much time has passed."""


class _SystemTimer:
    """A timer of the system's clock. One that is cancelled stays in the heap until it is due, and holds nothing."""

    __slots__ = ("callback",)

    def __init__(self, callback: Callable[[], object]) -> None:
        self.callback: Callable[[], object] | None = callback

    def cancel(self) -> None:
        """Do not call back."""
        self.callback = None


class SystemClock:
    """The real time. Its thread also takes over work that others hand on."""

    def __init__(self) -> None:
        self._timers: list[tuple[float, int, _SystemTimer]] = []
        self._errands: deque[Callable[[], object]] = deque()
        self._order = count()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    now_us = staticmethod(now_us)

    def call_later(self, seconds: float, callback: Callable[[], object]) -> Timer:
        """Call back in the clock's thread once this much time has passed."""
        due = time.monotonic() + seconds
        timer = _SystemTimer(callback)
        with self._changed:
            heapq.heappush(self._timers, (due, next(self._order), timer))
            if self._timers[0][2] is timer:
                self._wake()
        return timer

    def call_soon(self, callback: Callable[[], object]) -> None:
        """Call back in the clock's thread, now."""
        with self._changed:
            self._errands.append(callback)
            self._wake()

    def start(self) -> None:
        """Start the clock's thread now, for those who may need it when no thread can be started any more."""
        with self._changed:
            self._wake()

    def _wake(self) -> None:
        if self._thread is None:
            thread = threading.Thread(target=self._run, name="headrace-clock", daemon=True)
            try:
                thread.start()
            except RuntimeError:  # the interpreter shuts down
                return
            self._thread = thread
        self._changed.notify()

    def _run(self) -> None:
        while True:
            for callback in self._wait_for_due():
                try:
                    callback()
                except Exception as defect:  # of one flow run: the timers of all others go on
                    threading.excepthook(
                        threading.ExceptHookArgs((type(defect), defect, defect.__traceback__, self._thread))
                    )

    def _wait_for_due(self) -> list[Callable[[], object]]:
        with self._changed:
            while True:
                due = list(self._errands)
                self._errands.clear()
                now = time.monotonic()
                while self._timers and self._timers[0][0] <= now:
                    callback = heapq.heappop(self._timers)[2].callback
                    if callback is not None:
                        due.append(callback)
                if due:
                    return due
                self._changed.wait(
                    min(self._timers[0][0] - now, _LONGEST_WAIT_SECONDS) if self._timers else None
                )


_LONGEST_WAIT_SECONDS = threading.TIMEOUT_MAX

system_clock = SystemClock()
"""The clock of this process."""


_clocks: list[Clock] = [system_clock]


def current_clock() -> Clock:
    """The clock that flow runs begun now go by: the system's, or the one that a test put in its place."""
    return _clocks[-1]


@contextmanager
def use_clock(clock: Clock) -> Iterator[None]:
    """Let flow runs begun inside the block go by this clock."""
    _clocks.append(clock)
    try:
        yield
    finally:
        _clocks.remove(clock)


def _forget_threads_after_fork() -> None:
    system_clock.__init__()  # type: ignore[misc]


def _register() -> None:
    import os

    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_forget_threads_after_fork)


_register()
