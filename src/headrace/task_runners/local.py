"""A session in this process: sync tasks in threads, async tasks on a loop."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from headrace.task_runners.runner import Session
from headrace.task_runners.threads import WorkerThreads

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

    from headrace.task_runners.call import Call
    from headrace.task_runners.loops import LoopWorker


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

    def interrupt(self, call: Call) -> bool:
        """Cancel an async attempt. A thread cannot be stopped."""
        return call.task.is_async and self._loop().interrupt(call)

    def close(self) -> None:
        """Let the threads go. The loop is not ours to stop."""
        self._threads.close()
