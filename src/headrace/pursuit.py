"""Who interrupts a thread, and tries until the moment is right: see ``thread_marks`` for which moments are."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from headrace.clock import system_clock
from headrace.thread_marks import find_mark

if TYPE_CHECKING:
    from collections.abc import Callable

_SHORTEST_PAUSE_SECONDS = 0.0005
_LONGEST_PAUSE_SECONDS = 0.05


class Pursuit:
    """Interrupts an attempt as soon as its thread is in its code, and does so once.

    The thread may be in the engine just now, or in the code of a run that it executes inside this one: then it is tried
    again, until ``is_over`` says that it has come to its end. ``give_up`` is called if it has not when the patience is over.
    """

    def __init__(
        self,
        run: Any,
        number: int,
        *,
        is_over: Callable[[], bool],
        give_up: Callable[[], None],
        patience_seconds: float,
    ) -> None:
        self._run = run
        self._number = number
        self._is_over = is_over
        self._give_up = give_up
        self._end = time.monotonic() + patience_seconds
        self._pause_seconds = _SHORTEST_PAUSE_SECONDS
        self._is_sent = False

    def begin(self) -> None:
        """Interrupt it, in the clock's thread."""
        system_clock.call_soon(self._try)

    def _try(self) -> None:
        if self._is_over():
            return
        left_seconds = self._end - time.monotonic()
        if left_seconds <= 0:
            self._give_up()
            return
        mark = None if self._is_sent else find_mark(self._run, self._number)
        if mark is not None:
            self._is_sent = mark.interrupt(self._run, self._number)
        self._pause_seconds = min(2 * self._pause_seconds, _LONGEST_PAUSE_SECONDS)
        system_clock.call_later(min(self._pause_seconds, left_seconds), self._try)
