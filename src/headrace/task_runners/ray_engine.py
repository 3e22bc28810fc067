"""Ray under a session: attempts become Ray tasks, whose results stay where they are."""

from __future__ import annotations

import threading
from _pickle import dumps
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, NamedTuple

from headrace.errors import ClusterUnavailableError
from headrace.history.results import PROTOCOL
from headrace.task_runners.ray_options import options_in
from headrace.task_runners.ray_worker import run_errand
from headrace.task_runners.remote.engine import Engine
from headrace.tracebacks import describe

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ray import ObjectRef

    from headrace.task_runners.ray_cluster import Connection, RayCluster
    from headrace.task_runners.remote.engine import Attempt, Listener
    from headrace.task_runners.remote.errand import PackedCommission

_SHORTEST_POLL_SECONDS = 0.002
_LONGEST_POLL_SECONDS = 0.05
_POLL_SECONDS_AN_ATTEMPT = 0.0001
_IDLE_POLLS = 50
_IDLE_POLL_SECONDS = 0.02
_INLINE = 65_536
_CLOSING_SECONDS = 1.0


class Handle(NamedTuple):
    """What Ray knows a result by: the outcome, which comes here, and the value beside it, which stays."""

    head: ObjectRef
    body: ObjectRef


class RayEngine(Engine):
    """One session's use of the connection to Ray. A thread of its own collects what has ended, as much at a time as there is."""

    def __init__(self, cluster: RayCluster) -> None:
        self._cluster = cluster
        self._connection: Connection | None = None
        self._listener: Listener
        self._address = ""
        self._submit: Any = None
        self._commissions: dict[bytes, ObjectRef] = {}
        self._submitted: SimpleQueue[Attempt | None] = SimpleQueue()
        self._collector: threading.Thread | None = None
        self._landed: ObjectRef | None = None

    def open(self, address: str, listener: Listener) -> None:
        """Start or reach Ray."""
        import ray

        self._address = address
        self._listener = listener
        self._connection = self._cluster.open()
        self.dashboard = self._connection.dashboard
        self._submit = ray.remote(num_returns=2, max_retries=0)(run_errand)._remote
        self._connection.post.listen(address, listener.heard)
        self._connection.watch.begin(self._tell_of_loss)
        self._collector = threading.Thread(target=self._collect, name="headrace-collect", daemon=True)
        self._collector.start()

    def _tell_of_loss(self) -> None:
        _take_back_excepthook()
        self._listener.disconnected(
            ClusterUnavailableError("Ray was lost: its head, or the node that the flow runs on, is gone")
        )

    # -- going out -----------------------------------------------------------------------------

    def hand_over(self, attempts: Sequence[Attempt]) -> None:
        """Submit them, one by one: Ray knows no other way."""
        for attempt in attempts:
            upstreams = tuple([upstream.handle for upstream in attempt.upstreams])
            if None in upstreams:
                self._listener.missed(attempt)
                continue
            try:
                handle = self._submit_attempt(attempt, upstreams)
            except Exception as error:  # options that Ray refuses
                self._listener.lost(attempt, f"Ray did not take it: {describe(error)}")
                continue
            attempt.place(handle)
            self._submitted.put(attempt)

    def _submit_attempt(self, attempt: Attempt, upstreams: tuple[Handle, ...]) -> Handle:
        options = options_in(attempt.call.context)
        if options:
            options = {name: value for name, value in options.items() if name != "max_retries"}
        # Ray hands over what refers to a result as the result, where it stands by itself among the arguments.
        refs = [ref for handle in upstreams for ref in handle]
        digest, packed = attempt.commission
        if len(packed) > _INLINE:
            refs.append(self._stored(attempt.commission))
            packed = b""
        return Handle(
            *self._submit(
                (dumps((digest, packed, attempt.errand), PROTOCOL), *refs),
                {},
                name=attempt.call.display_name,
                num_returns=2,
                max_retries=0,
                **options,
            )
        )

    def _stored(self, commission: PackedCommission) -> ObjectRef:
        """A large function is put on the cluster once."""
        import ray

        ref = self._commissions.get(commission.digest)
        if ref is None:
            ref = self._commissions[commission.digest] = ray.put(commission.packed)
        return ref

    # -- coming back ---------------------------------------------------------------------------

    def _collect(self) -> None:
        import ray

        pending: dict[ObjectRef, Attempt] = {}
        idle_polls = 0
        try:
            while self._take_new(pending):
                seconds = _seconds_to_wait(len(pending), idle_polls)
                ready, _ = ray.wait(
                    list(pending), num_returns=len(pending), timeout=seconds, fetch_local=False
                )
                idle_polls = 0 if ready else idle_polls + 1
                if ready:
                    self._take_in(ready, [pending.pop(head) for head in ready])
        except Exception as error:
            self._listener.disconnected(ClusterUnavailableError(f"Ray was lost: {describe(error)}"))

    def _take_new(self, pending: dict[ObjectRef, Attempt]) -> bool:
        """What was submitted meanwhile; waits for it if there is nothing else. ``False`` once there will be no more."""
        with suppress(Empty):
            while True:
                attempt = self._submitted.get() if not pending else self._submitted.get_nowait()
                if attempt is None:
                    return False
                pending[attempt.handle.head] = attempt
        return True

    def _take_in(self, heads: list[ObjectRef], attempts: list[Attempt]) -> None:
        import ray

        try:
            outcomes = ray.get(heads)
        except Exception as error:
            if len(heads) == 1:
                self._take_in_loss(attempts[0], error)
            else:  # which of them it was, shows one by one
                for head, attempt in zip(heads, attempts, strict=True):
                    self._take_in([head], [attempt])
            return
        self._landed = heads[-1]
        for attempt, outcome in zip(attempts, outcomes, strict=True):
            self._listener.landed(attempt, outcome)

    def _take_in_loss(self, attempt: Attempt, error: Exception) -> None:
        """Whatever an attempt raises is in its outcome: what is raised here is Ray's own."""
        from ray.exceptions import LocalRayletDiedError, NodeDiedError, RayTaskError

        assert self._connection is not None
        watch = self._connection.watch
        if isinstance(error, LocalRayletDiedError):
            watch.note_loss()
        elif isinstance(error, NodeDiedError):
            watch.look()
        if attempt.is_over or watch.is_lost:
            return
        if isinstance(error, RayTaskError) and attempt.upstreams:  # theirs was the loss
            self._listener.missed(attempt)
            return
        max_retries = options_in(attempt.call.context).get("max_retries", 0)
        self._listener.lost(attempt, _cause_of(error), max_retries=max_retries)

    # -- taking back ---------------------------------------------------------------------------

    def put(self, packed: bytes, body: Any) -> Handle:
        """Put the value into the object store."""
        import ray

        return Handle(ray.put(packed), ray.put(body))

    def drop(self, attempt: Attempt) -> bool:
        """What has begun is stopped with the process that executes it."""
        import ray

        head = attempt.handle.head
        if attempt.has_begun:
            ray.cancel(head, force=True)
        elif self._landed is None or self._connection is None or self._connection.is_client:
            ray.cancel(head)
        else:
            # Ray ends this process if it is told to cancel while it looks for the values that the task waits for. It
            # does so in one thread, which also tells of results: whatever is called from there, comes between.
            self._landed._on_completed(lambda _: ray.cancel(head))
        return attempt.has_begun

    # -- values --------------------------------------------------------------------------------

    def fetch(self, handle: Handle) -> Any:
        """The value, brought to this node if it is on another, and not copied."""
        import ray

        return ray.get(handle.body)

    def close(self) -> None:
        """Leave the connection; the last one closes it."""
        if self._collector is not None:
            self._submitted.put(None)
            if self._collector is not threading.current_thread():
                self._collector.join(_CLOSING_SECONDS)
        if self._connection is not None:
            self._connection.watch.end(self._tell_of_loss)
            self._connection.post.leave(self._address)
            self._connection = None
            self._landed = None
            self._commissions.clear()
        self._cluster.close()


def _seconds_to_wait(pending: int, idle_polls: int) -> float:
    """Nothing wakes who waits for Ray, unless all is there that it waits for. To look costs as much as there is to look at."""
    if idle_polls > _IDLE_POLLS:
        return _IDLE_POLL_SECONDS
    return min(max(_SHORTEST_POLL_SECONDS, pending * _POLL_SECONDS_AN_ATTEMPT), _LONGEST_POLL_SECONDS)


def _cause_of(error: Exception) -> str:
    """In one line. Ray says little of a worker that was killed, and a page of one that ran out of memory."""
    from ray.exceptions import WorkerCrashedError

    if isinstance(error, WorkerCrashedError):
        return (
            "WorkerCrashedError: the worker died while it executed it, by a signal (SIGKILL, SIGSEGV), for want of"
            " memory, or since its code ended the process"
        )
    return describe(error).strip().partition("\n")[0]


def _take_back_excepthook() -> None:
    """Ray's own would ask its lost head before it shows an exception, and after a minute end the process instead."""
    import sys

    from ray._private import worker

    if sys.excepthook is getattr(worker, "custom_excepthook", None):
        sys.excepthook = getattr(worker, "normal_excepthook", sys.__excepthook__)
