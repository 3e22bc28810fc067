"""What Ray's workers execute for us."""

from __future__ import annotations

import os
import signal
import threading
from _pickle import loads
from functools import cache
from typing import TYPE_CHECKING, Any

from headrace.task_runners.ray_post import send
from headrace.task_runners.remote.errand import PackedCommission
from headrace.task_runners.remote.outpost import execute_errand
from headrace.task_runners.remote.reporter import Reporter

if TYPE_CHECKING:
    from headrace.task_runners.remote.outpost import Landed

NO_BODY = b""
"""Bytes take the shortest way through Ray."""


def run_errand(order: bytes, *values: Any) -> Landed:
    """Execute an errand on this worker.

    ``order`` is a pickle of the commission's digest, the commission and the errand: in one piece, since Ray takes its
    time for each argument. ``values`` are the outcomes of the upstreams, each followed by the value beside it, and the
    commission where it is too large for the order.
    """
    digest, commission, errand = loads(order)
    upstreams = list(zip(values[::2], values[1::2], strict=False))
    outcome, body = execute_errand(
        PackedCommission(digest, commission or values[-1]),
        errand,
        upstreams,
        worker=_worker_name(),
        reporter=_reporter(),
    )
    return outcome, NO_BODY if body is None else body


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
