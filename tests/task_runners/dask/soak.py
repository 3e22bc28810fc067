"""One flow with many tasks on a running cluster, which drops each future when its task is done.

    python soak.py ADDRESS COUNT

Prints a line of JSON after every tenth of the tasks: the resident bytes of this process and of each worker, once the scheduler
holds nothing any more of the tasks so far, and without what Dask remembers of the last 100,000 keys in every process.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import time
from collections import deque
from typing import TYPE_CHECKING, Any

import psutil
from dask.utils import key_split
from distributed import Client

from headrace import flow, task
from headrace.history import default_history
from headrace.task_runners import DaskTaskRunner

if TYPE_CHECKING:
    from distributed import Scheduler

    from headrace import TaskFuture

FUTURES_HELD = 500
SECONDS_TO_RELEASE = 30.0


@task
def double(number: int) -> int:
    return 2 * number


@flow
def soak(count: int, scheduler: Client) -> None:
    for tenth in range(10):
        double_all(range(tenth * count // 10, (tenth + 1) * count // 10))
        scheduler.run_on_scheduler(wait_until_released)
        default_history().flush()
        gc.collect()
        print(
            json.dumps({"flow": resident_bytes(), "workers": resident_bytes_of_workers(scheduler)}),
            flush=True,
        )


def double_all(numbers: range) -> None:
    """Holds a few futures at a time: more than the workers need to stay busy."""
    pending: deque[tuple[int, TaskFuture[int]]] = deque()
    for number in numbers:
        pending.append((number, double(number)))
        if len(pending) == FUTURES_HELD:
            check(*pending.popleft())
    while pending:
        check(*pending.popleft())


def check(number: int, future: TaskFuture[int]) -> None:
    if future.result() != 2 * number:
        raise RuntimeError(f"{future.result()} is not twice {number}")


async def wait_until_released(dask_scheduler: Scheduler) -> None:
    """Runs in the scheduler: the messages that release a task are under way when its future is dropped."""
    deadline = time.monotonic() + SECONDS_TO_RELEASE
    while dask_scheduler.tasks:
        if time.monotonic() > deadline:
            raise TimeoutError(f"the scheduler still holds {len(dask_scheduler.tasks)} tasks")
        await asyncio.sleep(0.01)


def resident_bytes() -> int:
    """Of the process that calls it, where everything is let go that can be."""
    key_split.cache_clear()
    gc.collect()
    return int(psutil.Process().memory_info().rss)


def resident_bytes_of_workers(client: Client) -> list[int]:
    found: dict[str, Any] = client.run(resident_bytes)
    return list(found.values())


if __name__ == "__main__":
    address, count = sys.argv[1], int(sys.argv[2])
    with Client(address) as client:
        soak.with_options(task_runner=DaskTaskRunner(address=address))(count, client)
