"""A 100 MB array handed through five tasks, one after another: the whole flow call on the default runner.

What comes out must be the very object that went in. Baseline: copying the array once, which is what must not happen; it
has no target, and the ratio says how much less than one copy all of it costs. Without NumPy a ``bytearray`` takes the
array's place.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

from benchmarks.measuring import Clock, Row, Session, fresh_history
from headrace import flow, task

TASKS = 5


@task
def pass_on(array: Any) -> Any:
    return array


@flow
def pass_through(array: Any) -> Any:
    last = array
    for _ in range(TASKS):
        last = pass_on(last)
    return last


def measure(session: Session) -> list[Row]:
    megabytes = session.size(100, 2)
    array = make_array(megabytes * 1_000_000)

    def ours() -> dict[str, float]:
        with fresh_history(), Clock() as clock:
            result = pass_through(array)
        if result is not array:
            raise RuntimeError("the array that came out is not the one that went in")
        return {"flow": clock.seconds * 1e3}

    def baseline() -> dict[str, float]:
        with Clock() as clock:
            bytearray(array)
        return {"copy": clock.seconds * 1e3}

    samples = session.take_turns(ours, baseline, rounds=15)
    return [
        Row(
            what=f"{megabytes} MB through {TASKS} tasks",
            unit="ms",
            ours=samples["flow"],
            baseline=samples["copy"],
            baseline_is="one copy",
            ours_allowed=5.0,
        )
    ]


def make_array(size: int) -> Any:
    if find_spec("numpy") is None:
        return bytearray(b"\1" * size)
    import numpy as np  # noqa: PLC0415 - the other benchmarks run without it and its threads

    return np.ones(size, dtype=np.uint8)
