"""Dask under a session: attempts become Dask tasks, whose results stay where they are."""

from __future__ import annotations

import logging
import threading
from contextlib import suppress
from functools import partial
from itertools import groupby
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from headrace.clock import system_clock
from headrace.errors import ClusterUnavailableError, ResultUnavailableError
from headrace.task_runners.dask_marks import take_marks
from headrace.task_runners.dask_plugin import MARK, OVER, scheduler_plugin
from headrace.task_runners.dask_worker import (
    LandedWithBody,
    body_of,
    mark_of,
    outcome_of,
    run_errand,
    stop_errand,
)
from headrace.task_runners.remote.engine import Attempt, Engine, Listener
from headrace.tracebacks import describe

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from distributed import Client, Future

    from headrace.task_runners.dask_cluster import DaskCluster
    from headrace.task_runners.remote.remote_call import RemoteCall

logger = logging.getLogger("headrace.dask")

_BATCH = 1000
_LOOK_AGAIN_SECONDS = 0.1
_JUDGE_AFTER_SECONDS = 0.25
_CLOSING_SECONDS = 1.0
_OUT_OF_MEMORY = "worker-restart-memory"
"""The topic on which Dask's nannies tell which worker they kill for the memory that it takes."""


class DaskEngine(Engine):
    """One client of a Dask cluster. A thread of its own collects what has ended, as much at a time as there is."""

    interrupts = True

    def __init__(self, cluster: DaskCluster, token: str) -> None:
        self._cluster = cluster
        self._token = token
        self._client: Client = None
        self._listener: Listener
        self._topic = ""
        self._scheduler_address = ""
        self._ended: SimpleQueue[Attempt | Callable[[], None] | None] = SimpleQueue()
        self._collector: threading.Thread | None = None
        self._count = 0
        self._under_way: dict[str, Attempt] = {}
        self._out_of_memory: set[str] = set()
        self._suspects: dict[str, list[Attempt]] = {}
        self._calls: WeakValueDictionary[Any, RemoteCall] = WeakValueDictionary()

    def open(self, address: str, listener: Listener) -> None:
        """Start or reach the cluster."""
        self._listener = listener
        self._client = self._cluster.open()
        try:
            self._listen(address)
        except Exception as error:
            raise self._loss(error) from error

    def _listen(self, address: str) -> None:
        self._scheduler_address = self._client.scheduler.address
        self.dashboard = self._client.dashboard_link
        self._topic = address
        self._client.subscribe_topic(address, self._on_event)
        self._client.subscribe_topic(
            _OUT_OF_MEMORY, lambda event: self._out_of_memory.add(event[1]["worker"])
        )
        self._leave_retries_to_us()
        self._collector = threading.Thread(target=self._collect, name="headrace-collect", daemon=True)
        self._collector.start()

    def _on_event(self, event: tuple[float, tuple[str, bytes, bool]]) -> None:
        """An outcome under the mark of its attempt, or news of some: in the order in which the worker sent them."""
        mark, packed, has_body = event[1]
        if not mark:
            self._ended.put(partial(self._listener.heard, packed))
        elif (attempt := self._under_way.pop(mark, None)) is not None:
            self._ended.put(
                partial(self._keep_until_there if has_body else self._listener.landed, attempt, packed)
            )
        elif (call := self._calls.get(mark)) is not None:  # lost with its worker, and computed again by Dask
            self._ended.put(partial(self._listener.repeated, call, packed))

    def _keep_until_there(self, attempt: Attempt, packed: bytes) -> None:
        """The value beside the outcome is there when Dask says so: the worker may die before."""
        attempt.packed_early = packed

    def _leave_retries_to_us(self) -> None:
        try:
            self._client.register_plugin(scheduler_plugin())
        except Exception as error:
            logger.warning(
                "The Dask scheduler takes no plugins, so it may execute a task again by itself when a worker dies: %s",
                describe(error),
            )

    # -- going out -----------------------------------------------------------------------------

    def hand_over(self, attempts: Sequence[Attempt]) -> None:
        """Submit them, as many as possible in one message."""
        for annotated, together in groupby(attempts, _annotations_of):
            ready: list[Attempt] = []
            for attempt in together:
                if any(upstream.handle is None for upstream in attempt.upstreams):
                    self._submit(ready, annotated)  # an upstream may be among these
                    ready = []
                if any(upstream.handle is None for upstream in attempt.upstreams):
                    self._listener.missed(attempt)
                else:
                    ready.append(attempt)
            self._submit(ready, annotated)

    def _submit(self, attempts: list[Attempt], annotations: dict[str, Any]) -> None:
        if not attempts:
            return
        try:
            self._submit_together(attempts, annotations)
        except OSError as error:
            raise self._loss(error) from error

    def _submit_together(self, attempts: list[Attempt], annotations: dict[str, Any]) -> None:
        import dask

        keys = [self._key_of(attempt) for attempt in attempts]
        self._under_way.update({mark_of(key): attempt for key, attempt in zip(keys, attempts, strict=True)})
        with dask.annotate(**annotations):
            futures = self._client.map(
                run_errand,
                [attempt.commission.digest for attempt in attempts],
                [attempt.commission.packed for attempt in attempts],
                [attempt.errand for attempt in attempts],
                [[upstream.handle for upstream in attempt.upstreams] for attempt in attempts],
                key=keys,
                pure=False,
                fifo_timeout=0,  # whoever was submitted first is executed first
            )
        for attempt, future in zip(attempts, futures, strict=True):
            attempt.place(future)
            self._calls[mark_of(future.key)] = attempt.call
            future.add_done_callback(lambda _, attempt=attempt: self._ended.put(attempt))

    def _key_of(self, attempt: Attempt) -> tuple[str, int, str]:
        """In Dask's dashboard it is seen under the name of its task, those of one flow run together."""
        self._count += 1
        call = attempt.call
        return (f"{call.task.name}-{self._token}", call.index, f"{MARK}{self._token}-{self._count}")

    # -- coming back ---------------------------------------------------------------------------

    def _collect(self) -> None:
        while self._collect_batch():  # a call of its own, so that nothing holds what has been collected
            pass

    def _collect_batch(self) -> bool:
        """Wait for what ends next, and take it in with all that has ended besides; ``False`` after the last."""
        batch = [self._ended.get()]
        with suppress(Empty):
            while len(batch) < _BATCH and batch[-1] is not None:
                batch.append(self._ended.get_nowait())
        try:
            for item in batch:
                if callable(item):
                    item()
            self._take_in([item for item in batch if isinstance(item, Attempt) and not item.is_over])
        except Exception as error:
            self._tell_of_loss(error)
        return batch[-1] is not None

    def _take_in(self, attempts: list[Attempt]) -> None:
        for attempt in attempts:
            self._under_way.pop(mark_of(attempt.handle.key), None)
        if attempts and self._client.status != "running":  # to ask it for anything would block
            self._tell_of_loss()
            return
        finished = [attempt for attempt in attempts if attempt.handle.status == "finished"]
        for attempt in finished:
            if attempt.packed_early is not None:
                self._listener.landed(attempt, attempt.packed_early)
        finished = [attempt for attempt in finished if attempt.packed_early is None]
        try:
            futures = [self._outcome_future(attempt.handle) for attempt in finished]
            landed = self._client.gather(futures) if futures else []
        except Exception:
            if len(attempts) == 1:
                self._take_in_failed(attempts[0])
            else:  # which of them it was, shows one by one
                for attempt in attempts:
                    self._take_in([attempt])
            return
        for attempt, result in zip(finished, landed, strict=True):
            self._land(attempt, result)
        for attempt in attempts:
            if attempt not in finished and not attempt.is_over:
                self._take_in_failed(attempt)

    def _outcome_future(self, future: Future) -> Future:
        if future.type is not LandedWithBody:
            return future
        return self._client.submit(outcome_of, future, pure=False)

    def _land(self, attempt: Attempt, result: Any) -> None:
        self._listener.landed(attempt, result if isinstance(result, bytes) else result.packed)

    def _take_in_failed(self, attempt: Attempt) -> None:
        future = attempt.handle
        if attempt.is_over or future is None:
            return
        status = future.status
        if status == "error":
            self._take_in_error(attempt, future.exception())
        elif status == "cancelled":
            self._listener.lost(attempt, "Dask cancelled it")
        else:  # its result was lost with a worker, and is being computed again
            system_clock.call_later(_LOOK_AGAIN_SECONDS, partial(self._ended.put, attempt))

    def _tell_of_loss(self, error: Exception | None = None) -> None:
        self._listener.disconnected(self._loss(error))

    def _loss(self, error: Exception | None) -> ClusterUnavailableError:
        why = "" if error is None else f": {describe(error)}"
        return ClusterUnavailableError(f"the Dask scheduler at {self._scheduler_address} was lost{why}")

    # -- workers that died ---------------------------------------------------------------------

    def _take_in_error(self, attempt: Attempt, error: Any) -> None:
        from distributed import KilledWorker

        if not isinstance(error, KilledWorker):
            self._listener.lost(attempt, f"Dask could not execute it: {describe(error)}")
        elif error.task != attempt.handle.key:
            self._listener.missed(attempt)
        else:
            self._suspect(attempt, error.last_worker)

    def _suspect(self, attempt: Attempt, worker: Any) -> None:
        """With a worker all tasks died that were assigned to it. Who executed is judged when they are all here."""
        suspects = self._suspects.setdefault(worker.address, [])
        suspects.append(attempt)
        if len(suspects) == 1:
            judge = partial(self._judge, worker.address, worker.nthreads)
            system_clock.call_later(_JUDGE_AFTER_SECONDS, partial(self._ended.put, judge))

    def _judge(self, address: str, thread_count: int) -> None:
        """Those that the worker executed are lost; the others are handed over again."""
        suspects = self._suspects.pop(address)
        culprits = _culprits(suspects, take_marks(address), thread_count)
        worker = address.partition("://")[2]
        cause = (
            f"KilledWorker: {worker} of Dask died while it executed this; the worker's own log may tell why"
        )
        for attempt in suspects:
            if attempt in culprits:
                self._listener.lost(attempt, cause)
            else:
                self._listener.again(attempt)

    # ------------------------------------------------------------------------------------------

    def put(self, packed: bytes, body: Any) -> Future:
        """Send the value to a worker, through the scheduler only if it cannot be reached otherwise."""
        landed = LandedWithBody(packed, body)
        try:
            return self._client.scatter(landed, hash=False, direct=True)
        except OSError:
            return self._client.scatter(landed, hash=False, direct=False)

    def drop(self, attempt: Attempt) -> bool:
        """Dask forgets what has not begun. What has, its worker is asked to interrupt: a thread cannot be killed."""
        self._client.cancel([attempt.handle], force=True)
        if attempt.has_begun:
            with suppress(Exception):  # of a worker that is gone, or going
                self._client.run(
                    stop_errand, mark_of(attempt.handle.key), workers=[self._address_of(attempt)], wait=False
                )
        return False

    def _address_of(self, attempt: Attempt) -> str:
        scheme = self._client.scheduler.address.partition("://")[0]
        return f"{scheme}://{attempt.worker.rpartition('/')[0]}"

    def fetch(self, handle: Future) -> Any:
        """The value, brought here."""
        try:
            return self._client.submit(body_of, handle, pure=False).result()
        except Exception as error:
            raise ResultUnavailableError(
                f"the value is not to be had from Dask: {describe(error)}"
            ) from error

    def close(self) -> None:
        """Leave the cluster, and stop it if it is temporary."""
        if self._collector is not None:
            if self._client.status == "running":  # or this would wait for a scheduler that is gone
                with suppress(Exception):
                    self._client.log_event(OVER, self._topic)
            self._ended.put(None)
            self._collector.join(_CLOSING_SECONDS)
        self._cluster.close()


def _culprits(suspects: list[Attempt], marks: set[str] | None, thread_count: int) -> list[Attempt]:
    """Those of the suspects that the dead worker was executing.

    Its marks say so. Where they cannot be read, those count that had told that they began; and since what ends a worker
    in its first instant tells nothing, as many more as there were threads, in the order of their submission.
    """
    if marks is not None:
        return [attempt for attempt in suspects if mark_of(attempt.handle.key) in marks]
    in_order = sorted(suspects, key=lambda attempt: (not attempt.has_begun, _order_of(attempt.handle.key)))
    return in_order[:thread_count]


def _order_of(key: tuple[str, int, str]) -> int:
    return int(key[-1].rpartition("-")[2])


def _annotations_of(attempt: Attempt) -> dict[str, Any]:
    """What ``dask.annotate`` said around the call. Retries are ours: each is an attempt of the task run."""
    from dask import get_annotations

    annotations = dict(attempt.call.context.run(get_annotations) or {})
    retries = annotations.pop("retries", None)
    if isinstance(retries, int):
        attempt.call.retries = max(attempt.call.retries, retries)
    return annotations
