"""Worker threads that grow on demand.

A thread is added when an attempt waits and every thread is busy in user code: so a thousand short tasks
are run by a handful of threads, and two hundred that sleep get two hundred.
"""

from __future__ import annotations

import threading
from queue import SimpleQueue
from typing import TYPE_CHECKING

from headrace.task_runners.execution import execute

if TYPE_CHECKING:
    from headrace.task_runners.call import Call


class WorkerThreads:
    """Threads that execute calls, the first come first.

    Invariant: while a call waits in the queue, some thread is on its way to it. A thread marks itself as
    busy *before* it looks whether more waits; a caller queues *before* it looks who is busy; so one of the
    two sees the other, and adds a thread.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._queue: SimpleQueue[Call | None] = SimpleQueue()
        self._busy: set[int] = set()
        self._count = 0
        self._growing = threading.Lock()
        self._is_closed = False

    def start(self, call: Call) -> None:
        """Have the call executed by a thread."""
        self._queue.put(call)

    def grow(self) -> None:
        """Add a thread if a call waits for one."""
        while len(self._busy) >= self._count and not self._queue.empty():
            if not self._growing.acquire(False):
                return
            try:
                if len(self._busy) >= self._count and not self._is_closed:
                    self._add_thread()
                    return
            finally:
                self._growing.release()

    def _add_thread(self) -> None:
        self._count += 1
        number = self._count
        thread = threading.Thread(
            target=self._work, args=(number,), name=f"{self._name}-{number}", daemon=True
        )
        try:
            thread.start()
        except RuntimeError:  # the system has no more: those there are will do
            self._count -= 1
            if self._count == 0:
                raise

    def close(self) -> None:
        """Let the threads go as soon as they have done what they are at."""
        self._is_closed = True
        for _ in range(self._count):
            self._queue.put(None)

    def _work(self, number: int) -> None:
        queue, busy = self._queue, self._busy
        while True:
            call = queue.get()
            if call is None:
                return
            busy.add(number)
            if len(busy) >= self._count and not queue.empty():
                self.grow()
            try:
                execute(call)
            except BaseException as defect:  # of the engine: the user's went into the report
                call.driver.crash(defect)
            busy.discard(number)
            call = None  # idle, it must not keep the last call's value alive
