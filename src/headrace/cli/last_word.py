"""Ends the process of a command whose flow run has ended, and whose main thread does not come back from it.

A function that swallows what is to interrupt it is given up: it holds the main thread for as long as it likes. So may an
async task on the loop of its flow, which `asyncio.run` waits for.
"""

from __future__ import annotations

import os
import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from headrace.engine.states import StateName
from headrace.history import default_history

if TYPE_CHECKING:
    from collections.abc import Callable

    from headrace.flow_runs import FlowRun

_LOOP_PATIENCE_SECONDS = 2.0
"""How long the loop of a flow run that was stopped has to come to its end."""


class LastWord:
    """Who tells of the end of the flow run, and ends the process with its exit code: the main thread or another, never both."""

    def __init__(self, flow_run: FlowRun, tell: Callable[[BaseException | None], int]) -> None:
        """``tell`` is given what the run raised, and gives the exit code."""
        self._flow_run = flow_run
        self._tell = tell
        self._is_back = threading.Event()
        self._is_taken = threading.Lock()
        flow_run.add_done_callback(self._watch)

    def take(self) -> None:
        """The main thread is back: the last word is its own. If another has it already, the process ends here."""
        self._is_back.set()
        if not self._is_taken.acquire(blocking=False):
            threading.Event().wait()

    def _watch(self) -> None:
        """The run has ended."""
        run = self._flow_run
        if run.is_given_up:
            patience_seconds = 0.0
        elif run.flow.is_async and run.state.name in (StateName.CANCELLED, StateName.TIMED_OUT):
            patience_seconds = _LOOP_PATIENCE_SECONDS
        else:
            return
        threading.Thread(
            target=self._leave, args=(patience_seconds,), name="headrace-last-word", daemon=True
        ).start()

    def _leave(self, patience_seconds: float) -> None:
        if self._is_back.wait(patience_seconds) or not self._is_taken.acquire(blocking=False):
            return
        code = 1
        try:
            code = self._tell(self._flow_run.error)
            default_history().close()
        finally:
            for stream in (sys.stdout, sys.stderr):
                with suppress(Exception):  # a pipe that nobody reads
                    stream.flush()
            os._exit(code)
