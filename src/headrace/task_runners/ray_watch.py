"""Whether Ray is still there.

When its head is gone, Ray itself notices nothing for a minute, and then ends the process that is connected to it. So
a thread of ours knocks at its doors, and those who use the connection hear of it within seconds.
"""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Place = tuple[str, int]

_INTERVAL_SECONDS = 1.0
_KNOCK_SECONDS = 2.0
_MISSES = 3


class Watch:
    """Knocks at these places once a second, as long as somebody wants to know."""

    def __init__(self, places: Sequence[Place]) -> None:
        self._places = places
        self._tell: list[Callable[[], None]] = []
        self._lock = threading.Lock()
        self._ending: threading.Event | None = None
        self.is_lost = False

    def begin(self, tell: Callable[[], None]) -> None:
        """Have this called when one of the places is gone."""
        with self._lock:
            self._tell.append(tell)
            if self._ending is None and self._places:
                self._ending = threading.Event()
                threading.Thread(
                    target=self._work, args=(self._ending,), name="headrace-ray-watch", daemon=True
                ).start()

    def end(self, tell: Callable[[], None]) -> None:
        """That one does not want to know any more."""
        with self._lock:
            if tell in self._tell:
                self._tell.remove(tell)
            if not self._tell and self._ending is not None:
                self._ending.set()
                self._ending = None

    def _work(self, ending: threading.Event) -> None:
        misses = 0
        while not ending.wait(_INTERVAL_SECONDS):
            misses = 0 if all(map(is_there, self._places)) else misses + 1
            if misses == _MISSES:
                self.note_loss()
                return

    def look(self) -> None:
        """Something was lost: look at once whether it was Ray."""
        if not self.is_lost and not all(map(is_there, self._places)):
            self.note_loss()

    def note_loss(self) -> None:
        """It is gone: tell everybody, once."""
        with self._lock:
            if self.is_lost:
                return
            self.is_lost = True
            told = list(self._tell)
        for tell in told:
            tell()


def is_there(place: Place) -> bool:
    """Whether somebody listens there."""
    try:
        socket.create_connection(place, _KNOCK_SECONDS).close()
    except OSError:
        return False
    return True
