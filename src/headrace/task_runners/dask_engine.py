"""Dask under a session: attempts become Dask tasks, whose results stay where they are."""

from __future__ import annotations

import threading
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from headrace.clock import system_clock
from headrace.errors import ClusterUnavailableError
from headrace.task_runners.dask_worker import LandedWithBody, body_of, outcome_of, run_errand
from headrace.task_runners.remote.engine import Attempt, Engine, Listener
from headrace.tracebacks import describe

if TYPE_CHECKING:
    from collections.abc import Sequence

    from distributed import Client, Future

    from headrace.task_runners.dask_cluster import DaskCluster

_BATCH = 1000
_RETRY_SECONDS = 0.1


class DaskEngine(Engine):
    """One client of a Dask cluster. A thread of its own collects what has ended, as much at a time as there is."""

    def __init__(self, cluster: DaskCluster, token: str) -> None:
        self._cluster = cluster
        self._token = token
        self._client: Client = None
        self._listener: Listener
        self._ended: SimpleQueue[Attempt | None] = SimpleQueue()
        self._collector: threading.Thread | None = None
        self._count = 0

    def open(self, address: str, listener: Listener) -> None:
        """Start or reach the cluster."""
        self._listener = listener
        self._client = self._cluster.open()
        self.dashboard = self._client.dashboard_link
        self._topic = address
        self._client.subscribe_topic(address, self._on_event)
        self._collector = threading.Thread(target=self._collect, name="headrace-collect", daemon=True)
        self._collector.start()

    def _on_event(self, event: tuple[float, bytes]) -> None:
        self._listener.heard(event[1])

    # -- going out -----------------------------------------------------------------------------

    def hand_over(self, attempts: Sequence[Attempt]) -> None:
        """Submit them, as many as possible in one message."""
        together: list[Attempt] = []
        annotations: dict[str, Any] = {}
        for attempt in attempts:
            wanted = _annotations_of(attempt)
            if wanted != annotations or any(upstream.handle is None for upstream in attempt.upstreams):
                self._submit(together, annotations)
                together = []
            if any(upstream.handle is None for upstream in attempt.upstreams):
                self._listener.missed(attempt)
                continue
            annotations = wanted
            together.append(attempt)
        self._submit(together, annotations)

    def _submit(self, attempts: list[Attempt], annotations: dict[str, Any]) -> None:
        if not attempts:
            return
        futures = self._client.map(
            run_errand,
            [attempt.commission.digest for attempt in attempts],
            [attempt.commission.packed for attempt in attempts],
            [attempt.errand for attempt in attempts],
            [[upstream.handle for upstream in attempt.upstreams] for attempt in attempts],
            key=[self._key_of(attempt) for attempt in attempts],
            pure=False,
            **annotations,
        )
        for attempt, future in zip(attempts, futures, strict=True):
            attempt.place(future)
            future.add_done_callback(lambda _, attempt=attempt: self._ended.put(attempt))

    def _key_of(self, attempt: Attempt) -> str:
        """A name that is seen in Dask's dashboard, under the name of the task."""
        self._count += 1
        call = attempt.call
        return f"{call.task.name}-{call.index}-{self._token}{self._count:x}"

    # -- coming back ---------------------------------------------------------------------------

    def _collect(self) -> None:
        while (first := self._ended.get()) is not None:
            batch = [first]
            with suppress(Empty):
                while len(batch) < _BATCH:
                    attempt = self._ended.get_nowait()
                    if attempt is None:
                        return
                    batch.append(attempt)
            try:
                self._take_in([attempt for attempt in batch if not attempt.is_over])
            except Exception as error:
                self._listener.disconnected(
                    ClusterUnavailableError(f"the Dask cluster was lost: {describe(error)}")
                )

    def _take_in(self, attempts: list[Attempt]) -> None:
        finished = [attempt for attempt in attempts if attempt.handle.status == "finished"]
        futures = [self._outcome_future(attempt.handle) for attempt in finished]
        try:
            landed = self._client.gather(futures)
        except Exception:
            if len(attempts) == 1:
                self._take_in_failed(attempts[0])
            else:  # which of them it was, shows one by one
                for attempt in attempts:
                    self._take_in([attempt])
            return
        for attempt, result in zip(finished, landed, strict=True):
            self._listener.landed(attempt, result if isinstance(result, bytes) else result.packed)
        for attempt in attempts:
            if attempt not in finished:
                self._take_in_failed(attempt)

    def _outcome_future(self, future: Future) -> Future:
        if future.type is not LandedWithBody:
            return future
        return self._client.submit(outcome_of, future, key=f"outcome-of-{future.key}")

    def _take_in_failed(self, attempt: Attempt) -> None:
        if attempt.is_over:
            return
        future = attempt.handle
        match future.status:
            case "error":
                self._listener.lost(attempt, describe(future.exception()))
            case "cancelled":
                self._listener.lost(attempt, "Dask cancelled it")
            case _:  # its result is lost, and on its way again
                system_clock.call_later(_RETRY_SECONDS, lambda: self._ended.put(attempt))

    def drop(self, attempt: Attempt) -> None:
        """Dask forgets what has not begun. A thread of a worker cannot be stopped."""
        self._client.cancel([attempt.handle], force=True)

    def fetch(self, handle: Future) -> Any:
        """The value, brought here."""
        return self._client.submit(body_of, handle, key=f"value-of-{handle.key}").result()

    def close(self) -> None:
        """Leave the cluster, and stop it if it is temporary."""
        if self._collector is not None:
            self._ended.put(None)
        self._cluster.close()


def _annotations_of(attempt: Attempt) -> dict[str, Any]:
    """What ``dask.annotate`` said around the call."""
    from dask import get_annotations

    return attempt.call.context.run(get_annotations) or {}
