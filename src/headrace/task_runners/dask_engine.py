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
from headrace.task_runners.dask_plugin import LOSSES, MARK, OVER, scheduler_plugin
from headrace.task_runners.dask_worker import LandedWithBody, body_of, mark_of, outcome_of, run_errand
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


class DaskEngine(Engine):
    """One client of a Dask cluster. A thread of its own collects what has ended, as much at a time as there is."""

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
        self._suspects: dict[str, list[Attempt]] = {}
        self._repetitions: dict[Any, tuple[Future, RemoteCall, str]] = {}
        self._calls: WeakValueDictionary[Any, RemoteCall] = WeakValueDictionary()

    def open(self, address: str, listener: Listener) -> None:
        """Start or reach the cluster."""
        self._listener = listener
        self._client = self._cluster.open()
        self._scheduler_address = self._client.scheduler.address
        self.dashboard = self._client.dashboard_link
        self._topic = address
        self._client.subscribe_topic(address, self._on_event)
        self._leave_retries_to_us()
        self._collector = threading.Thread(target=self._collect, name="headrace-collect", daemon=True)
        self._collector.start()

    def _on_event(self, event: tuple[float, tuple[str, bytes]]) -> None:
        """An outcome under the mark of its attempt, or news of some: in the order in which the worker sent them."""
        mark, packed = event[1]
        if not mark:
            self._ended.put(partial(self._listener.heard, packed))
        elif (attempt := self._under_way.pop(mark, None)) is not None:
            self._ended.put(partial(self._listener.landed, attempt, packed))

    def _leave_retries_to_us(self) -> None:
        try:
            self._client.register_plugin(scheduler_plugin())
            self._client.subscribe_topic(LOSSES, self._on_losses)
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
            self._calls[future.key] = attempt.call
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
            if attempt not in finished:
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
        why = "" if error is None else f": {describe(error)}"
        message = f"the Dask scheduler at {self._scheduler_address} was lost{why}"
        self._listener.disconnected(ClusterUnavailableError(message))

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

    def _on_losses(self, event: tuple[float, tuple[str, Sequence[Any]]]) -> None:
        worker, keys = event[1]
        self._ended.put(partial(self._look_for_repetition, worker, [tuple(key) for key in keys]))

    def _look_for_repetition(self, worker: str, keys: list[Any]) -> None:
        """Results that somebody still holds are computed again by Dask: each is an attempt to tell of."""
        cause = f"the result was lost with worker {worker.partition('://')[2]}"
        for key in keys:
            call = self._calls.get(key)
            if call is not None and call.outcome is not None:
                again = self._client.submit(outcome_of, call.handle, pure=False)
                self._repetitions[again.key] = (again, call, cause)
                note = partial(self._note_repetition, again.key)
                again.add_done_callback(lambda _, note=note: self._ended.put(note))

    def _note_repetition(self, key: Any) -> None:
        again, call, cause = self._repetitions.pop(key, (None, None, ""))
        if again is not None and call is not None:
            with suppress(
                Exception
            ):  # it cannot be computed again, or not in time: whoever needs it is told so
                self._listener.repeated(call, again.result(timeout=_CLOSING_SECONDS), cause)

    # ------------------------------------------------------------------------------------------

    def put(self, packed: bytes, body: Any) -> Future:
        """Send the value to a worker; others get it from there."""
        return self._client.scatter(LandedWithBody(packed, body), hash=False)

    def drop(self, attempt: Attempt) -> bool:
        """Dask forgets what has not begun. A thread of a worker cannot be stopped."""
        self._client.cancel([attempt.handle], force=True)
        return False

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
                    self._await_repetitions()
                    self._client.log_event(OVER, self._topic)
            self._ended.put(None)
            self._collector.join(_CLOSING_SECONDS)
        self._cluster.close()

    def _await_repetitions(self) -> None:
        """What Dask computes again just now is to be told of before all ends."""
        for key in list(self._repetitions):
            self._note_repetition(key)


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
