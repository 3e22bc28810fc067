"""What Dask's workers execute for us."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from headrace.task_runners.remote.errand import PackedCommission
from headrace.task_runners.remote.outpost import execute_errand
from headrace.task_runners.remote.reporter import Reporter

if TYPE_CHECKING:
    from collections.abc import Sequence


class Landed:
    """The result of a Dask task of ours: a packed outcome, and the value where that is too large for it."""

    __slots__ = ("body", "packed")

    def __init__(self, packed: bytes, body: Any = None) -> None:
        self.packed = packed
        self.body = body

    def __reduce__(self) -> tuple[type[Landed], tuple[Any, ...]]:
        return type(self), (self.packed, self.body)

    def __sizeof__(self) -> int:
        """What Dask counts as the memory that it takes."""
        from dask.sizeof import sizeof

        return 100 + len(self.packed) + int(sizeof(self.body))


class LandedWithBody(Landed):
    """One with a value beside the outcome. That it is one, the client knows before it has it."""

    __slots__ = ()


def run_errand(digest: bytes, commission: bytes, errand: bytes, upstreams: Sequence[Landed]) -> Landed:
    """Execute an errand on this worker."""
    packed, body = execute_errand(
        PackedCommission(digest, commission),
        errand,
        [(upstream.packed, upstream.body) for upstream in upstreams],
        worker=_worker_name(),
        reporter=_reporter(),
    )
    return Landed(packed) if body is None else LandedWithBody(packed, body)


def outcome_of(landed: Landed) -> bytes:
    """The outcome without the value beside it."""
    return landed.packed


def body_of(landed: Landed) -> Any:
    """The value beside the outcome."""
    return landed.body


def _worker_name() -> str:
    """Where it executes: the worker's address, and which of its threads."""
    from distributed import get_worker

    thread = threading.current_thread().name.rpartition("-")[2]
    return f"{get_worker().address.partition('://')[2]}/{thread}"


def _reporter() -> Reporter:
    """The one reporter of this process. Several workers in one process share it."""
    global _the_reporter
    with _making:
        if _the_reporter is None:
            from distributed import get_worker

            worker = get_worker()
            _the_reporter = Reporter(worker.log_event)
        return _the_reporter


_making = threading.Lock()
_the_reporter: Reporter | None = None
