"""Whether this process is at rest: every thread of it waits, and none of them for the processor.

This is how an automatic clock knows that nothing can happen any more but by the passing of time. It asks the
operating system, not the engine: so it holds for whatever a task does, in whichever thread.
"""

from __future__ import annotations

import os
import threading
import time

_LOOK_SECONDS = 0.001
_NOISE_NS = 20_000
_LOOKS_AT_REST = 2
_WAITS = frozenset("SITtZX")


def wait_for_rest(*, patience_seconds: float) -> None:
    """Wait until the other threads of this process are at rest, or until patience is at its end.

    They are when, in two looks, a millisecond apart, none had used the processor nor stood in line for it. One look
    is not enough: a thread that has just been woken may wait for the interpreter, which the looking one holds.
    """
    end = time.monotonic() + patience_seconds
    quiet_looks = 0
    while quiet_looks < _LOOKS_AT_REST and time.monotonic() < end:
        before = _used_by_others_ns()
        time.sleep(_LOOK_SECONDS)
        is_quiet = _used_by_others_ns() - before < _NOISE_NS and not _is_any_runnable()
        quiet_looks = quiet_looks + 1 if is_quiet else 0


def _used_by_others_ns() -> int:
    return time.process_time_ns() - time.thread_time_ns()


def _is_any_runnable() -> bool:
    """Whether another thread stands in line for a processor. Only Linux tells; elsewhere the time used must do."""
    own = str(threading.get_native_id())
    try:
        threads = os.listdir("/proc/self/task")
    except OSError:
        return False
    return any(_state_of(thread) not in _WAITS for thread in threads if thread != own)


def _state_of(thread: str) -> str:
    try:
        with open(f"/proc/self/task/{thread}/stat", "rb") as file:
            return chr(file.read().rpartition(b") ")[2][0])
    except (OSError, IndexError):  # it has ended
        return "X"
