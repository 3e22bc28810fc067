"""A flow, or the bare engine, in a process of its own: ``clusters`` starts it and reads the one number that it prints.

``growth ENGINE SIDE ADDRESS BYTES``
    How many bytes the resident set of this process grows at most while an array of that size goes through the tasks,
    after one of 1 kB has done so: what is loaded, and threads and connections that stay, are there by then.
``closing ENGINE SIDE``
    How many seconds it takes to close a cluster on which a few tasks have been executed.
"""

from __future__ import annotations

import sys
import threading
from importlib import import_module
from typing import TYPE_CHECKING, Self

import psutil

from benchmarks.clusters import add_one, increment_task, pass_array
from benchmarks.measuring import Clock
from headrace import flow

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from benchmarks.clusters import Engine

A_FEW = 10
SMALL_ARRAY = 1_000
SECONDS_BETWEEN_SAMPLES = 0.001


def module_of(engine: str) -> ModuleType:
    return import_module(f"benchmarks.on_{engine}")


def growth(engine: str, side: str, address: str, size: str) -> float:
    with module_of(engine).connected(address) as connected:
        pass_through = pass_in_flow(connected) if side == "flow" else pass_bare(connected)
        pass_through(SMALL_ARRAY)
        with Growth() as grown:
            pass_through(int(size))
    return grown.bytes


def pass_in_flow(engine: Engine) -> Callable[[int], int]:
    @flow(task_runner=engine.task_runner())
    def pass_through(size: int) -> int:
        return pass_array(add_one, size)

    return pass_through


def pass_bare(engine: Engine) -> Callable[[int], int]:
    return lambda size: engine.array(add_one, size)


def closing(engine: str, side: str) -> float:
    module = module_of(engine)
    if side == "bare":
        return float(module.close_bare(A_FEW))
    end_of_function = Clock()

    @flow(task_runner=module.task_runner_with_own_cluster())
    def use_cluster() -> None:
        for future in [increment_task(number) for number in range(A_FEW)]:
            future.result()
        end_of_function.__enter__()

    use_cluster()
    end_of_function.__exit__()
    return end_of_function.seconds


class Growth:
    """``with Growth() as grown: ...``, and then ``grown.bytes``: the highest resident set meanwhile, less that before."""

    bytes: float

    def __enter__(self) -> Self:
        self._process = psutil.Process()
        self._before = self._highest = self._process.memory_info().rss
        self._is_over = threading.Event()
        self._sampler = threading.Thread(target=self._sample)
        self._sampler.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._sampler.join()
        self.bytes = self._highest - self._before

    def _sample(self) -> None:
        is_over = False
        while not is_over:
            is_over = self._is_over.wait(SECONDS_BETWEEN_SAMPLES)
            self._highest = max(self._highest, self._process.memory_info().rss)


if __name__ == "__main__":
    kind, *arguments = sys.argv[1:]
    print(growth(*arguments) if kind == "growth" else closing(*arguments))
