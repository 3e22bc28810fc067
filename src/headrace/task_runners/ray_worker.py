"""What Ray's workers execute for us."""

from __future__ import annotations

import os
import signal
import threading
from functools import cache
from typing import TYPE_CHECKING, Any

from headrace.task_runners.ray_post import send
from headrace.task_runners.remote.errand import PackedCommission
from headrace.task_runners.remote.outpost import execute_errand
from headrace.task_runners.remote.reporter import Reporter

if TYPE_CHECKING:
    from headrace.task_runners.remote.outpost import Landed


def run_errand(digest: bytes, commission: bytes, errand: bytes, *upstreams: Any) -> Landed:
    """Execute an errand on this worker. ``upstreams`` are their outcomes, each followed by the value beside it."""
    return execute_errand(
        PackedCommission(digest, commission),
        errand,
        list(zip(upstreams[::2], upstreams[1::2], strict=True)),
        worker=_worker_name(),
        reporter=_reporter(),
    )


@cache
def _worker_name() -> str:
    """Where it executes: the node's address, and the process."""
    from ray.util import get_node_ip_address

    return f"{get_node_ip_address()}/{os.getpid()}"


@cache
def _reporter() -> Reporter:
    """The one reporter of this process, made by its first errand."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, _pay_no_heed)
    return Reporter(send)


def _pay_no_heed(_signal: int, _frame: object) -> None:
    """Ray withdraws what has not begun by a KeyboardInterrupt, which could come a moment after it has begun.

    An attempt that begins goes on to its end, or is stopped with its process.
    """
