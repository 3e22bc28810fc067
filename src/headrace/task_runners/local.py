"""A session in this process: sync tasks in threads, async tasks on a loop."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from headrace.task_runners.runner import Session
from headrace.task_runners.threads import WorkerThreads
from headrace.thread_marks import find_mark

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

    from headrace.task_runners.call import Call
    from headrace.task_runners.loops import LoopWorker


_PATIENCE_SECONDS = 1.0
"""How long a thread may take to come to its next step: one that sleeps or computes outside of Python does not come."""


class LocalSession(Session):
    """Executes attempts with this process's own threads and loops.

    It is opened in the thread of the flow's loop, when the flow has one. asyncio is imported when the first
    async task starts, and not before.
    """

    def __init__(self, loop: AbstractEventLoop | None) -> None:
        self._threads = WorkerThreads("worker")
        self.wants_tending = False
        self._loop_worker: LoopWorker | None = None
        if loop is not None:
            from headrace.task_runners.loops import LoopWorker

            self._loop_worker = LoopWorker(loop, threading.get_ident())

    def start(self, call: Call) -> None:
        """Give the call to a thread or to the loop, by the kind of its function."""
        if call.task.is_async:
            self._loop().start(call)
        elif self._threads.start(call):
            self.wants_tending = True

    def _loop(self) -> LoopWorker:
        if self._loop_worker is None:
            from headrace.task_runners.loops import background_loop

            self._loop_worker = background_loop()
        return self._loop_worker

    def tend(self) -> None:
        """Add a thread where calls wait for one."""
        self.wants_tending = False
        self._threads.grow()

    def interrupt(self, call: Call, number: int) -> bool:
        """Cancel an async attempt; have the thread of another one interrupted, in its own code."""
        if call.task.is_async:
            return self._loop().interrupt(call)
        from headrace.pursuit import Pursuit  # few attempts are stopped

        Pursuit(
            call,
            number,
            is_over=lambda: call.is_done or call.number != number,
            give_up=lambda: call.driver.give_up(call, number),
            patience_seconds=_PATIENCE_SECONDS,
        ).begin()
        return True

    def write_off(self, call: Call, number: int) -> str:
        """The thread that does not come back counts no longer, and leaves when it does."""
        mark = None if call.task.is_async else find_mark(call, number)
        if mark is None:
            return ""
        self._threads.write_off(mark.thread_id)
        return mark.name

    def close(self) -> None:
        """Let the threads go. The loop is not ours to stop."""
        self._threads.close()
