"""What Dask's workers execute for us."""

from __future__ import annotations

import atexit
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from headrace.task_runners.dask_marks import Marks
from headrace.task_runners.remote.errand import PackedCommission, unpack_commission
from headrace.task_runners.remote.outpost import execute_errand
from headrace.task_runners.remote.reporter import Reporter

if TYPE_CHECKING:
    from collections.abc import Sequence


LARGEST_EVENT = 8192
"""How many bytes an outcome may have that is sent as an event: the scheduler remembers the last thousand."""


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
    """Execute an errand on this worker.

    A small outcome is sent ahead of the result: so it has arrived even if the worker dies in the next instant, and
    nobody has to fetch it.
    """
    from distributed import get_worker

    worker = get_worker()
    post = _post_of(worker)
    key = worker.get_current_task()
    post.begin(key)
    try:
        packed, body = execute_errand(
            PackedCommission(digest, commission),
            errand,
            [(upstream.packed, upstream.body) for upstream in upstreams],
            worker=f"{post.name}/{threading.current_thread().name.rpartition('-')[2]}",
            reporter=post.reporter,
        )
        if len(packed) <= LARGEST_EVENT:
            with suppress(
                Exception
            ):  # a commission that cannot be unpickled has no address; the outcome says so
                address = unpack_commission(PackedCommission(digest, commission)).address
                worker.log_event(address, (mark_of(key), packed))
    finally:
        post.end()
    return Landed(packed) if body is None else LandedWithBody(packed, body)


def mark_of(key: Any) -> str:
    """The part of our keys that no other key has."""
    return str(key[-1])


def outcome_of(landed: Landed) -> bytes:
    """The outcome without the value beside it."""
    return landed.packed


def body_of(landed: Landed) -> Any:
    """The value beside the outcome."""
    return landed.body


class _Post:
    """What we keep of one Dask worker: its name, its reporter, its marks."""

    def __init__(self, worker: Any) -> None:
        self.name = worker.address.partition("://")[2]
        self.reporter = Reporter(lambda address, news: worker.log_event(address, ("", news)))
        self._marks: Marks | None = None
        with suppress(OSError):  # then it cannot be known what it executed when it dies
            self._marks = Marks(worker.address)
            atexit.register(self._marks.remove)

    def begin(self, key: Any) -> None:
        """The thread begins to execute the Dask task of that key."""
        if self._marks is not None:
            self._marks.begin(mark_of(key))

    def end(self) -> None:
        """The thread has ended it."""
        if self._marks is not None:
            self._marks.end()


def _post_of(worker: Any) -> _Post:
    """Ours at this worker; there may be several workers in a process."""
    with _making:
        if worker.address not in _posts:
            _posts[worker.address] = _Post(worker)
        return _posts[worker.address]


_making = threading.Lock()
_posts: dict[str, _Post] = {}
