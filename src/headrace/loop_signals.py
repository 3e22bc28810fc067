"""The signals that ask a process to end, while an async flow runs on the main thread's loop."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from headrace.interrupts import Terminated, exit_of

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Iterator

    from headrace.flow_runs import FlowRun

_ENDS = ("SIGTERM", "SIGHUP")


@contextmanager
def ended_by_signal(loop: AbstractEventLoop, run: FlowRun) -> Iterator[None]:
    """Let the first such signal cancel the flow run, and end the process when that has ended.

    Only where nobody else handles it; the second one is not ours, and ends the process at once.
    """
    received: list[int] = []
    taken = [number for number in _unhandled() if _handle(loop, number, run, received)]
    try:
        yield
    except BaseException as error:
        if received:
            raise exit_of(Terminated(received[0])) from error
        raise
    finally:
        for number in taken:
            loop.remove_signal_handler(number)
    if received:
        raise exit_of(Terminated(received[0]))


def _unhandled() -> list[int]:
    if threading.get_ident() != threading.main_thread().ident:
        return []
    numbers = [getattr(signal, name) for name in _ENDS if hasattr(signal, name)]
    return [number for number in numbers if signal.getsignal(number) is signal.SIG_DFL]


def _handle(loop: AbstractEventLoop, number: int, run: FlowRun, received: list[int]) -> bool:
    def cancel() -> None:
        received.append(number)
        loop.remove_signal_handler(number)
        run.cancel("interrupted")

    try:
        loop.add_signal_handler(number, cancel)
    except (
        NotImplementedError,
        RuntimeError,
        ValueError,
    ):  # no loop of Unix, or one that is not the main thread's
        return False
    return True
