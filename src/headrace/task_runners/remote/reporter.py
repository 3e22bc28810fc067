"""What a worker tells of attempts while they execute: that they began, and what they log.

A short attempt tells nothing: its lines come with its outcome. One that lasts is told of by the worker's one reporting
thread, some times a second; the first one after a pause, at once.
"""

from __future__ import annotations

import threading
import time
from _pickle import dumps
from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from headrace.history.results import PROTOCOL

if TYPE_CHECKING:
    from collections.abc import Callable

    from headrace.task_runners.remote.outcome import Line
    from headrace.task_runners.remote.outpost import Outpost

_INTERVAL_SECONDS = 0.05
_PAUSE_SECONDS = 0.02
_IDLE_INTERVALS = 20


class Began(NamedTuple):
    """An attempt began to execute."""

    started_us: int
    worker: str
    run_name: str | None


class News(NamedTuple):
    """A message about one attempt."""

    id: int
    number: int
    content: Began | Line


class Reporter:
    """Sends the news of all attempts of this process, with the function that the engine gave: ``send(address, news)``."""

    def __init__(self, send: Callable[[str, bytes], None]) -> None:
        self._send = send
        self._current: set[Outpost] = set()
        self._waking = threading.Event()
        self._is_asleep = True
        self._thread: threading.Thread | None = None
        self._ended_at = 0.0

    def begin(self, outpost: Outpost) -> None:
        """An attempt begins."""
        self._current.add(outpost)
        if self._is_asleep:
            self._wake()
        if time.monotonic() - self._ended_at > _PAUSE_SECONDS:
            self._tell([outpost])

    def end(self, outpost: Outpost) -> None:
        """It is over: what has not been told comes with the outcome."""
        self._current.discard(outpost)
        self._ended_at = time.monotonic()

    def _wake(self) -> None:
        self._is_asleep = False
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="headrace-reporter", daemon=True)
            self._thread.start()
        self._waking.set()

    def _work(self) -> None:
        while True:
            self._waking.wait()
            self._waking.clear()
            idle_intervals = 0
            before: set[Outpost] = set()
            while idle_intervals < _IDLE_INTERVALS:
                time.sleep(_INTERVAL_SECONDS)
                current = self._current.copy()
                idle_intervals = 0 if current else idle_intervals + 1
                self._tell([outpost for outpost in current if outpost in before])
                before = current
            self._is_asleep = True
            if self._current:  # it came between our look and our mark
                self._wake()

    def _tell(self, outposts: list[Outpost]) -> None:
        news: defaultdict[str, list[News]] = defaultdict(list)
        for outpost in outposts:
            news[outpost.address] += outpost.take_news()
        for address, items in news.items():
            if items:
                try:
                    self._send(address, dumps([tuple(item) for item in items], PROTOCOL))
                except Exception:  # nobody listens any more: the attempt goes on all the same
                    return
