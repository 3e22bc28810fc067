"""The rows of ``clusters`` on Dask: bare, what ``dask.distributed``'s own client does with the same functions.

The cluster is a ``LocalCluster`` of two worker processes with one thread each. Its scheduler is in this process, as it is
for whoever starts one in a program. The bare client of the rows inside a flow is connected before the clock starts.
"""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any

from benchmarks.clusters import (
    STEPS_OF_ARRAY,
    WORKERS,
    increment,
    is_here,
    last_number,
    make_array,
    measure_closing,
    measure_on,
    no_op,
)
from benchmarks.measuring import Clock

if TYPE_CHECKING:
    from collections.abc import Iterator

    from distributed import Client, LocalCluster, Scheduler

    from benchmarks.clusters import Step
    from benchmarks.measuring import Row, Session
    from headrace.task_runners import TaskRunner

NAME = "dask"
SECONDS_TO_SETTLE = 30.0


def measure(session: Session) -> list[Row]:
    if not is_here(NAME, "distributed", "numpy"):
        return []
    with local_cluster() as cluster, connected(cluster.scheduler_address) as engine:
        rows = measure_on(engine, session)
    return [*rows, measure_closing(NAME, session)]


def local_cluster() -> LocalCluster:
    from distributed import LocalCluster  # noqa: PLC0415 - may not be installed

    return LocalCluster(n_workers=WORKERS, threads_per_worker=1, dashboard_address=":0")


@contextlib.contextmanager
def connected(address: str) -> Iterator[Dask]:
    from distributed import Client  # noqa: PLC0415 - may not be installed

    with Client(address) as client:
        yield Dask(client, address)


def task_runner_with_own_cluster() -> TaskRunner:
    from headrace.task_runners import DaskTaskRunner  # noqa: PLC0415 - needs the extra

    return DaskTaskRunner()


def close_bare(tasks: int) -> float:
    """Seconds that a client and a cluster of the default size take to close after so many tasks."""
    from distributed import Client, LocalCluster  # noqa: PLC0415 - may not be installed

    cluster = LocalCluster()
    client = Client(cluster)
    Dask(client, cluster.scheduler_address).fan_out(tasks)
    with Clock() as clock:
        client.close()
        cluster.close()
    return clock.seconds


class Dask:
    """An ``Engine``."""

    name = NAME

    def __init__(self, client: Client, address: str) -> None:
        self.address = address
        self._client = client

    def task_runner(self) -> TaskRunner:
        from headrace.task_runners import DaskTaskRunner  # noqa: PLC0415 - needs the extra

        return DaskTaskRunner(address=self.address)

    def fan_out(self, count: int) -> None:
        submit = self._client.submit
        self._client.gather([submit(no_op, number, pure=False) for number in range(count)])

    def chain(self, count: int) -> int:
        submit = self._client.submit
        last: Any = 0
        for _ in range(count):
            last = submit(increment, last, pure=False)
        return int(last.result())

    def array(self, step: Step, size: int) -> int:
        submit = self._client.submit
        array = submit(make_array, size, pure=False)
        for _ in range(STEPS_OF_ARRAY):
            array = submit(step, array, pure=False)
        return int(submit(last_number, array, pure=False).result())

    def connected_anew(self) -> contextlib.AbstractContextManager[Dask]:
        return connected(self.address)

    def settle(self) -> None:
        """Wait until the scheduler has forgotten the tasks whose futures were dropped."""
        deadline = time.monotonic() + SECONDS_TO_SETTLE
        while left := self._client.run_on_scheduler(count_tasks):
            if time.monotonic() > deadline:
                raise RuntimeError(f"Dask's scheduler still holds {left} tasks that nobody waits for")
            time.sleep(0.01)


def count_tasks(dask_scheduler: Scheduler) -> int:
    return len(dask_scheduler.tasks)
