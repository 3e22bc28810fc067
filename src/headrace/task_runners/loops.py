"""Event loops: where the attempts of async tasks run.

Those of an async flow run on its own loop; those of sync flows on one background loop a process.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from typing import TYPE_CHECKING

from headrace.task_runners.call import NO_CONTEXT
from headrace.task_runners.execution import execute_async

if TYPE_CHECKING:
    from headrace.task_runners.call import Call


class LoopWorker:
    """Runs calls as asyncio tasks of one loop, begun in the order of their starting.

    Calls may be started from any thread. One wake-up of the loop serves all that were started since.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, thread_id: int) -> None:
        self.loop = loop
        self.thread_id = thread_id
        self._ready: deque[Call] = deque()
        self._is_awake = False

    def start(self, call: Call) -> None:
        """Have the call begun at the next turn of the loop."""
        self._ready.append(call)
        if not self._is_awake:
            self._is_awake = True
            if threading.get_ident() == self.thread_id:
                self.loop.call_soon(self._begin)
            else:
                self.loop.call_soon_threadsafe(self._begin)

    def _begin(self) -> None:
        self._is_awake = False  # before the queue is emptied: see the invariant of Completion
        ready = self._ready
        while ready:
            call = ready.popleft()
            if call.context is NO_CONTEXT:  # it was taken back, and the run has ended
                continue
            context = call.context if not call.retries else call.context.copy()
            call.asyncio_task = self.loop.create_task(execute_async(call), context=context)

    def interrupt(self, call: Call) -> bool:
        """Cancel the call's asyncio task."""
        task = call.asyncio_task
        if task is None or self.loop.is_closed():
            return False
        self.loop.call_soon_threadsafe(task.cancel)
        return True


_background: LoopWorker | None = None
_background_lock = threading.Lock()


def background_loop() -> LoopWorker:
    """The loop of this process for async tasks of sync flows; started when first asked for."""
    global _background
    with _background_lock:
        if _background is None:
            _background = _start_background_loop()
        return _background


def is_background_loop(loop: object) -> bool:
    """Whether this is the loop of ``background_loop``."""
    return _background is not None and _background.loop is loop


def _start_background_loop() -> LoopWorker:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="headrace-loop", daemon=True)
    thread.start()
    assert thread.ident is not None
    return LoopWorker(loop, thread.ident)


def _forget_after_fork() -> None:
    global _background
    _background = None


def _register() -> None:
    import os

    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_forget_after_fork)


_register()
