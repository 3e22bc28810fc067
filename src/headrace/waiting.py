"""Waiting for several futures: ``wait`` for all of them, ``as_completed`` for each as it ends."""

from __future__ import annotations

import time
from collections.abc import Iterable
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Generic, NoReturn, TypeVar

from headrace.dependencies import FutureLike
from headrace.errors import WouldDeadlockError
from headrace.futures import running_loop
from headrace.interrupts import tell, untold
from headrace.slot_loans import lend_slot, reclaim_slot

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Generator, Iterator

    from headrace.futures import Future

F = TypeVar("F", bound="Future[Any]")


class DoneAndNotDone(tuple[list[F], list[F]], Generic[F]):
    """What ``wait`` gives: the futures whose runs have ended, and the others, each in the order given.

    It is a pair, and may be awaited all the same.
    """

    __slots__ = ()

    @property
    def done(self) -> list[F]:
        """The futures whose runs have ended."""
        return self[0]

    @property
    def not_done(self) -> list[F]:
        """The others."""
        return self[1]

    def __await__(self) -> Generator[Any, None, DoneAndNotDone[F]]:
        return self
        yield


class PendingWait(Generic[F]):
    """A ``wait`` on an event loop that must not be blocked: await it."""

    def __init__(self, futures: list[F], timeout: float | None) -> None:
        self._futures = futures
        self._timeout = timeout

    def __await__(self) -> Generator[Any, None, DoneAndNotDone[F]]:
        return self._wait().__await__()

    async def _wait(self) -> DoneAndNotDone[F]:
        import asyncio

        from headrace.loop_waits import LoopGate

        gates = []
        for future in self._futures:
            gate = LoopGate(retrieves=False)
            future._source.add_done_callback(gate)
            gates.append(gate.waiter)
        if gates:
            await asyncio.wait(gates, timeout=self._timeout)
        return _split(self._futures)

    def __iter__(self) -> NoReturn:
        raise WouldDeadlockError("wait(...) would block the event loop that the runs need: await it instead")


def wait(futures: Iterable[F], timeout: float | None = None) -> DoneAndNotDone[F]:
    """Wait until all runs have ended, or ``timeout`` seconds are over: ``(done, not_done)``.

    Each list has the futures in the order given. Looks, and retrieves nothing: a failure among them is still to be
    looked at. In async code write ``done, not_done = await wait(futures)``; without the ``await`` it raises
    ``WouldDeadlockError`` where it would block the loop that the runs need.

    >>> from headrace import task, wait
    >>> @task
    ... def nothing() -> None: ...
    >>> done, not_done = wait([nothing(), nothing()])
    >>> len(done), len(not_done)
    (2, 0)
    """
    listed = _checked("wait", futures)
    loop = running_loop()
    if loop is not None and any(not f.done() and f._needs(loop) for f in listed):
        return PendingWait(listed, timeout)  # type: ignore[return-value]  # a pair to who awaits it
    end = None if timeout is None else time.monotonic() + timeout
    for future in listed:
        future.wait(None if end is None else max(end - time.monotonic(), 0.0))
    return _split(listed)


def _split(futures: list[F]) -> DoneAndNotDone[F]:
    return DoneAndNotDone(([f for f in futures if f.done()], [f for f in futures if not f.done()]))


def _checked(function: str, futures: Any) -> list[Any]:
    """The futures in their order. Raises ``TypeError`` for what is none."""
    listed = list(futures) if isinstance(futures, Iterable) else [futures]
    for entry in listed:
        if not isinstance(entry, FutureLike):
            raise TypeError(
                f"{function} takes futures, which a call of a task or a flow gives: {entry!r} is none"
            )
    return listed


class as_completed(Generic[F]):
    """The futures, each as soon as its run has ended. Works with ``for`` and with ``async for``.

    Raises ``TimeoutError`` if ``timeout`` seconds are over before the last one has, and ``WouldDeadlockError`` where
    ``for`` would block the event loop that a run needs.

    >>> from headrace import as_completed, task
    >>> @task
    ... def double(number: int) -> int:
    ...     return 2 * number
    >>> sorted(future.result() for future in as_completed(double.map([1, 2, 3])))
    [2, 4, 6]
    """

    def __init__(self, futures: Iterable[F], timeout: float | None = None) -> None:
        self._futures = list(dict.fromkeys(_checked("as_completed", futures)))
        self._timeout = timeout

    def __iter__(self) -> Iterator[F]:
        if untold:
            tell()
        ended: SimpleQueue[F] = SimpleQueue()
        end = None if self._timeout is None else time.monotonic() + self._timeout
        for future in self._futures:
            if not future.done():
                future._refuse_deadlock()
            future._source.add_done_callback(_Put(ended, future))
        for left in range(len(self._futures), 0, -1):
            loan = lend_slot(None) if ended.empty() else None
            try:
                future = ended.get(timeout=None if end is None else max(end - time.monotonic(), 0.0))
            except Empty:
                raise TimeoutError(f"{left} of {len(self._futures)} runs have not ended") from None
            finally:
                reclaim_slot(loan)
            yield future

    async def __aiter__(self) -> AsyncIterator[F]:
        import asyncio

        loop = asyncio.get_running_loop()
        ended: asyncio.Queue[F] = asyncio.Queue()
        end = None if self._timeout is None else time.monotonic() + self._timeout
        for future in self._futures:
            future._source.add_done_callback(_PutOnLoop(loop, ended, future))
        for left in range(len(self._futures), 0, -1):
            try:
                rest = None if end is None else max(end - time.monotonic(), 0.0)
                yield await asyncio.wait_for(ended.get(), rest)
            except TimeoutError:
                raise TimeoutError(f"{left} of {len(self._futures)} runs have not ended") from None


class _Put:
    __slots__ = ("_future", "_queue")

    def __init__(self, queue: Any, future: Any) -> None:
        self._queue = queue
        self._future = future

    def __call__(self) -> None:
        self._queue.put(self._future)


class _PutOnLoop:
    __slots__ = ("_future", "_loop", "_queue")

    def __init__(self, loop: Any, queue: Any, future: Any) -> None:
        self._loop = loop
        self._queue = queue
        self._future = future

    def __call__(self) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._queue.put_nowait, self._future)
