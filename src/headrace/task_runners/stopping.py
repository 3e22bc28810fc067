"""The end of an attempt that was to stop: since its run was cancelled, or since it has executed for too long."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from headrace.engine.events import Ending
from headrace.errors import TaskTimedOut
from headrace.task_runners.call import Report
from headrace.tracebacks import strip_engine_frames

if TYPE_CHECKING:
    from types import TracebackType

    from headrace.task_runners.call import Call


def is_timed_out(call: Call, number: int) -> bool:
    """Whether that attempt has passed its deadline."""
    return call.is_timed_out and call.number == number


def post_end_of_stop(
    call: Call,
    number: int,
    *,
    started_us: int,
    worker: str,
    how: str,
    frames: TracebackType | None = None,
) -> None:
    """Post the end of an attempt that was to stop; ``how`` tells what came of it, ``frames`` where it is.

    A person's retry functions may be asked: neither by the thread that drains, nor by the one that keeps time.
    """

    def post() -> None:
        call.driver.post(report_of_stop(call, number, started_us, worker, how, frames=frames))

    if is_timed_out(call, number) and call.task.asks_before_retry:
        threading.Thread(target=post, name="headrace-retry", daemon=True).start()
    else:
        post()


def report_of_stop(
    call: Call,
    number: int,
    started_us: int,
    worker: str,
    how: str,
    cause: BaseException | None = None,
    frames: TracebackType | None = None,
) -> Report:
    """The report of an attempt that ended since it was to stop.

    ``cause`` is what its code raised of its own, ``frames`` are where it was when its time ran out.
    """
    ended_us = call.driver.now_us()
    if not is_timed_out(call, number):
        return Report(
            call, number, started_us, ended_us, Ending.CANCELLED, None, None, worker, cause, how or None
        )  # fmt: skip
    told = f"did not end within {call.timeout_seconds:g} s" + (f"; {how}" if how else "")
    error = TaskTimedOut(f"{call.display_name} {told}").with_traceback(frames)
    error.__cause__ = cause
    strip_engine_frames(error)
    delay = call.driver.retry_delay_seconds(call, error)
    return Report(
        call, number, started_us, ended_us, Ending.TIMED_OUT, None, None, worker, error, f"it {told}", delay
    )  # fmt: skip
