"""Worker threads that grow on demand.

A thread is added when an attempt waits and every thread is busy in user code: so a thousand short tasks
are run by a handful of threads, and two hundred that sleep get two hundred.
"""

from __future__ import annotations

import threading
from queue import SimpleQueue
from threading import get_ident
from typing import TYPE_CHECKING

from headrace.task_runners.execution import attempt
from headrace.thread_marks import own_mark

if TYPE_CHECKING:
    from headrace.task_runners.call import Call
    from headrace.thread_marks import ThreadMark


class WorkerThreads:
    """Threads that execute calls, the first come first.

    Invariant: while a call waits in the queue, some thread is on its way to it. A thread marks itself as
    busy *before* it looks whether more waits; a caller queues *before* it looks who is busy; so one of the
    two sees the other, and adds a thread.

    A thread that reports the end of an attempt often starts another one by that. It keeps the first such
    call for itself, since it is about to be free: so a chain of tasks runs in one thread, and wakes nobody.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._queue: SimpleQueue[Call | None] = SimpleQueue()
        self._busy: set[int] = set()
        self._kept: dict[int, Call | None] = {}
        self._written_off: set[int] = set()
        self._count = 0
        self._growing = threading.Lock()
        self._is_closed = False

    def start(self, call: Call) -> bool:
        """Have the call executed by a thread; whether there are too few, so that ``grow`` is due."""
        if self._kept:
            thread_id = get_ident()
            if self._kept.get(thread_id, call) is None:
                self._kept[thread_id] = call
                return False
        self._queue.put(call)
        return len(self._busy) >= self._count

    def grow(self) -> None:
        """Add a thread if a call waits for one."""
        has_added = True
        while (
            has_added and len(self._busy) >= self._count and not self._queue.empty() and not self._is_closed
        ):
            if not self._growing.acquire(False):
                return  # who has it looks again after letting go
            try:
                has_added = len(self._busy) < self._count or self._add_thread()
            finally:
                self._growing.release()

    def write_off(self, thread_id: int) -> None:
        """Count on this thread no longer: it leaves when it comes back. Another one may take its place."""
        with self._growing:
            if thread_id not in self._written_off and thread_id in self._busy:
                self._written_off.add(thread_id)
                self._busy.discard(thread_id)
                self._count -= 1
        self.grow()

    def close(self) -> None:
        """Let the threads go as soon as they have done what they are at."""
        self._is_closed = True
        for _ in range(self._count):
            self._queue.put(None)

    def _add_thread(self) -> bool:
        self._count += 1
        thread = threading.Thread(target=self._work, name=f"{self._name}-{self._count}", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # there are no more: those there are will do
            self._count -= 1
            if self._count == 0:
                self._work_here()
                return True
            return False
        return True

    def _work_here(self) -> None:
        """Not one thread is to be had, as when the interpreter shuts down: who starts the calls executes them, too."""
        thread_id, mark = get_ident(), own_mark()
        while not self._queue.empty():
            call = self._queue.get()
            while call is not None:
                call = self._execute(call, thread_id, mark)

    def _work(self) -> None:
        queue, busy, thread_id = self._queue, self._busy, get_ident()
        mark = own_mark()
        kept: Call | None = None
        while True:  # a loop of this form is one that the interpreter learns to run faster
            if self._written_off and kept is None and thread_id in self._written_off:
                self._written_off.discard(thread_id)  # the next thread may well get the same id
                return
            call = kept or queue.get()
            if call is None:
                return
            busy.add(thread_id)
            if len(busy) >= self._count and not queue.empty():
                self.grow()
            kept = self._execute(call, thread_id, mark)
            call = None  # idle, it must not keep the last call's value alive

    def _execute(self, call: Call, thread_id: int, mark: ThreadMark) -> Call | None:
        """Execute an attempt and post its report: the call to execute next, if that started one."""
        try:
            report = attempt(call, mark)
            self._busy.discard(thread_id)
            if report is None:
                return None
            self._kept[thread_id] = None
            post = call.driver.post
            post(report)
        except BaseException as defect:  # of the engine: the user's went into the report
            self._busy.discard(thread_id)
            call.driver.crash(defect)
        return self._kept.pop(thread_id, None)
