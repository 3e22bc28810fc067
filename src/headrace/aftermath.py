"""The aftermath: hooks and log lines that follow from decisions of the engine.

They run user code, so they run outside the engine's work: one after another in a thread of their own,
which starts with the first of them.
"""

from __future__ import annotations

import threading
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from headrace.completion import Milestone
from headrace.logging import log_defect

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Callable


class Aftermath:
    """What is to be called after the engine has decided, in order, for one flow run."""

    def __init__(self, loop: AbstractEventLoop | None) -> None:
        self._loop = loop
        self._queue: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._is_started = False
        self._has_thread = True

    def put(self, chore: Callable[[], None]) -> None:
        """Have this called after all that was put before. It must not raise."""
        self._queue.put(chore)
        if not self._is_started:
            self._is_started = True
            try:
                threading.Thread(target=self._work, name="headrace-hooks", daemon=True).start()
            except RuntimeError:  # the interpreter shuts down: who waits for the marker does the work
                self._has_thread = False

    def put_hook(self, hook: Callable[..., Any], subject: Any, run: Any, state: Any) -> None:
        """Have a hook called, an async one on the flow's loop; what it raises is logged and changes nothing."""
        self.put(lambda: self._call_hook(hook, subject, run, state))

    def put_marker(self) -> Milestone | None:
        """Something that completes when all that was put has been called; ``None`` if nothing was."""
        if not self._is_started:
            return None
        marker = Milestone()
        self.put(marker.complete)
        if not self._has_thread:
            self._queue.put(None)
            self._work()
        return marker

    def close(self) -> None:
        """Let the thread go once it has done what is there."""
        if self._is_started:
            self._queue.put(None)

    def _work(self) -> None:
        while (chore := self._queue.get()) is not None:
            chore()

    def _call_hook(self, hook: Callable[..., Any], subject: Any, run: Any, state: Any) -> None:
        try:
            answer = hook(subject, run, state)
            if hasattr(answer, "__await__"):
                self._finish_on_loop(answer)
        except BaseException as error:
            name = getattr(hook, "__name__", repr(type(hook)))
            log_defect(
                f"hook {name!r} of {run.display_name} raised; the run's state stays {state.name}", error
            )

    def _finish_on_loop(self, answer: Any) -> None:
        import asyncio

        from headrace.task_runners.loops import background_loop

        async def finish() -> None:
            await answer

        loop = self._loop if self._loop is not None else background_loop().loop
        asyncio.run_coroutine_threadsafe(finish(), loop).result()
