"""Waiting on an event loop. Imported by those who wait there, since asyncio is not free."""

from __future__ import annotations

import asyncio
import threading

from headrace.completion import Gate


class LoopGate(Gate):
    """A wait of one asyncio task, opened from any thread by calling it."""

    __slots__ = ("_loop", "_thread_id", "waiter")

    def __init__(self, *, retrieves: bool) -> None:
        self.retrieves = retrieves
        self._loop = asyncio.get_running_loop()
        self._thread_id = threading.get_ident()
        self.waiter: asyncio.Future[None] = self._loop.create_future()

    def __call__(self) -> None:
        """Open it."""
        if threading.get_ident() == self._thread_id:
            self._open()
            return
        try:
            self._loop.call_soon_threadsafe(self._open)
        except RuntimeError:  # the loop is closed: nobody waits there any more
            return

    def _open(self) -> None:
        if not self.waiter.done():
            self.waiter.set_result(None)
