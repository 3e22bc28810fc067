"""What Dask's workers execute for us."""

from __future__ import annotations

import atexit
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from headrace.task_runners.dask_marks import Marks
from headrace.task_runners.remote.errand import PackedCommission, address_of
from headrace.task_runners.remote.outpost import execute_errand, interrupt_errand
from headrace.task_runners.remote.prints import print_line_by_line
from headrace.task_runners.remote.reporter import Reporter

if TYPE_CHECKING:
    from collections.abc import Sequence


LARGEST_EVENT = 65536
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

    A small outcome is sent along with the message that there is a result: so nobody has to fetch it, and it is here even if
    the worker dies in the next instant.
    """
    from distributed import get_worker

    worker = get_worker()
    post = _post_of(worker)
    key = worker.get_current_task()
    post.begin(key)
    _executed_by[mark_of(key)] = threading.get_ident()
    try:
        packed, body = execute_errand(
            PackedCommission(digest, commission),
            errand,
            [(upstream.packed, upstream.body) for upstream in upstreams],
            worker=f"{post.name}/{threading.current_thread().name.rpartition('-')[2]}",
            reporter=post.reporter,
        )
    finally:
        del _executed_by[mark_of(key)]
    address = address_of(digest)
    if address is not None and len(packed) <= LARGEST_EVENT:
        worker.loop.add_callback(_send_along, worker, address, (mark_of(key), packed, body is not None))
    return Landed(packed) if body is None else LandedWithBody(packed, body)


async def stop_errand(mark: str) -> None:
    """Have the errand with this mark stop, if this worker executes it. A coroutine: Dask waits for nothing else to end."""
    thread_id = _executed_by.get(mark)
    if thread_id is not None:
        interrupt_errand(thread_id)


def _send_along(worker: Any, address: str, event: tuple[str, bytes, bool]) -> None:
    """Have the event leave with the message that the task is done, which comes next.

    ``log_event`` would send it at once, and Dask's own message a moment later: two for each task on every side. Where a
    Dask keeps its messages otherwise, that is how it is done.
    """
    buffer = getattr(worker.batched_stream, "buffer", None)
    if isinstance(buffer, list):
        buffer.append({"op": "log-event", "topic": address, "msg": event})
    else:
        worker.log_event(address, event)


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
        self.reporter = Reporter(lambda address, news: worker.log_event(address, ("", news, False)))
        self._marks: Marks | None = None
        with suppress(OSError):  # then it cannot be known what it executed when it dies
            self._marks = Marks(worker.address)
            atexit.register(self._marks.remove)
        if worker.nanny is not None:  # its process is its own
            print_line_by_line()

    def begin(self, key: Any) -> None:
        """The thread begins to execute the Dask task of that key."""
        if self._marks is not None:
            self._marks.begin(mark_of(key))


def _post_of(worker: Any) -> _Post:
    """Ours at this worker; there may be several workers in a process."""
    with _making:
        if worker.address not in _posts:
            _posts[worker.address] = _Post(worker)
        return _posts[worker.address]


_executed_by: dict[str, int] = {}
"""Which thread executes the Dask task with that mark."""

_making = threading.Lock()
_posts: dict[str, _Post] = {}
