"""What ``asyncio.gather`` asks of a future, so that it waits for a task run without an asyncio task in between.

To all else in asyncio a ``TaskFuture`` is a coroutine. To ``gather``, which looks at the outcome of each of its
children, it is a future that calls back: that is several times as fast, and retrieves in the same way.
"""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

from headrace.completion import Gate
from headrace.slot_loans import lend_slot, reclaim_slot

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextvars import Context

    from headrace.futures import TaskFuture


class GatherGate(Gate):
    """The wait of a ``gather`` for one of its children. Opened from any thread by calling it."""

    __slots__ = ("_callback", "_context", "_future", "_loan", "_loop", "_thread_id")

    def __init__(
        self, future: TaskFuture[Any], callback: Callable[[Any], object], context: Context | None
    ) -> None:
        self.retrieves = True
        self._future = future
        self._callback = callback
        self._context = context
        self._loop = asyncio.get_running_loop()
        self._thread_id = threading.get_ident()
        self._loan = lend_slot(future._source)

    def __call__(self) -> None:
        """Open it."""
        reclaim_slot(self._loan)
        if threading.get_ident() == self._thread_id:
            self._loop.call_soon(self._open, context=self._context)
            return
        try:
            self._loop.call_soon_threadsafe(self._open, context=self._context)
        except RuntimeError:  # the loop is closed: nobody waits there any more
            return

    def _open(self) -> None:
        source = self._future._source
        if not source.has_completed and isinstance(source.exception(), StopIteration):
            self._callback(self._stand_in())
        else:
            self._callback(self._future)

    def _stand_in(self) -> asyncio.Future[Any]:
        """A future with another exception: nothing that can be awaited may raise ``StopIteration``."""
        stand_in = self._loop.create_future()
        error = RuntimeError(f"{self._future.name} raised StopIteration")
        error.__cause__ = self._future.exception()
        stand_in.set_exception(error)
        return stand_in
