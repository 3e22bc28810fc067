"""The rows of ``clusters`` on Ray: bare, what ``ray.remote`` and ``ray.get`` do with the same functions.

The instance is started by ``ray.init`` in this process with two CPUs, and both sides use that connection: Ray knows one a
process. What the row of the whole flow call has before the work and after it is ours alone, therefore.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from benchmarks.clusters import (
    STEPS_OF_ARRAY,
    WORKERS,
    add_one,
    give_back,
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

    from benchmarks.clusters import Step
    from benchmarks.measuring import Row, Session
    from headrace.task_runners import TaskRunner

NAME = "ray"


def measure(session: Session) -> list[Row]:
    if not is_here(NAME, "ray", "numpy"):
        return []
    with instance() as address:
        rows = measure_on(Ray(address), session)
    return [*rows, measure_closing(NAME, session)]


@contextlib.contextmanager
def instance() -> Iterator[str]:
    """A Ray instance on this machine: its address."""
    import ray  # noqa: PLC0415 - may not be installed

    context = ray.init(address="local", num_cpus=WORKERS, include_dashboard=False)
    try:
        touch_object_store()
        yield context.address_info["address"]
    finally:
        ray.shutdown()


def touch_object_store() -> None:
    """Have the system give the instance the memory that the turns use again and again: later that takes longer than copying."""
    import ray  # noqa: PLC0415 - may not be installed

    array = make_array(100_000_000)
    references = [ray.put(array) for _ in range(2 * STEPS_OF_ARRAY)]
    ray.wait(references, num_returns=len(references))


@contextlib.contextmanager
def connected(address: str) -> Iterator[Ray]:
    import ray  # noqa: PLC0415 - may not be installed

    ray.init(address=address)
    try:
        yield Ray(address)
    finally:
        ray.shutdown()


def task_runner_with_own_cluster() -> TaskRunner:
    from headrace.task_runners import RayTaskRunner  # noqa: PLC0415 - needs the extra

    return RayTaskRunner()


def close_bare(tasks: int) -> float:
    """Seconds that an instance of the default size takes to close after so many tasks."""
    import ray  # noqa: PLC0415 - may not be installed

    ray.init(address="local")
    Ray("local").fan_out(tasks)
    with Clock() as clock:
        ray.shutdown()
    return clock.seconds


class Ray:
    """An ``Engine``."""

    name = NAME

    def __init__(self, address: str) -> None:
        import ray  # noqa: PLC0415 - may not be installed

        self.address = address
        self._ray = ray
        self._remote: dict[Any, Any] = {
            function: ray.remote(function)
            for function in (no_op, increment, make_array, last_number, add_one, give_back)
        }

    def task_runner(self) -> TaskRunner:
        from headrace.task_runners import RayTaskRunner  # noqa: PLC0415 - needs the extra

        return RayTaskRunner()

    def fan_out(self, count: int) -> None:
        remote = self._remote[no_op]
        self._ray.get([remote.remote(number) for number in range(count)])

    def chain(self, count: int) -> int:
        remote = self._remote[increment]
        last: Any = 0
        for _ in range(count):
            last = remote.remote(last)
        return int(self._ray.get(last))

    def array(self, step: Step, size: int) -> int:
        array = self._remote[make_array].remote(size)
        for _ in range(STEPS_OF_ARRAY):
            array = self._remote[step].remote(array)
        return int(self._ray.get(self._remote[last_number].remote(array)))

    def connected_anew(self) -> contextlib.AbstractContextManager[Ray]:
        return contextlib.nullcontext(self)

    def settle(self) -> None:
        """Ray frees what nobody refers to at once."""
