"""10,000 no-op tasks side by side, against the same function in ``ThreadPoolExecutor(8)``.

Ours: a flow on the default runner calls the task 10,000 times and then takes ``result()`` of every future. Its
history is a file on disk; after every run its rows are counted there. The two figures of one run:

- *until the futures are collected*: from the first call to the last ``result()``, inside the flow;
- *with the last commit*: the whole flow call, which ends when the last row is on disk.

Baseline: ``submit`` 10,000 times and ``result()`` of every future, in a pool of eight threads that is there
already and warm: nothing is kept of it afterwards. Creating and shutting down the pool is *not* counted, although
a flow's threads start inside ours; what it would come to is in the raw samples (``pool_and_its_creation``).

Two pairs of rows: a task without arguments, and one that takes a number and gives it back.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from benchmarks.measuring import Clock, Row, Session, check_recorded, fresh_history
from headrace import flow, task

if TYPE_CHECKING:
    from collections.abc import Sequence

    Arguments = Sequence[tuple[Any, ...]]

THREADS = 8


def no_op() -> None:
    return None


def give_back(number: int) -> int:
    return number


no_op_task = task(no_op)
give_back_task = task(give_back)


def measure(session: Session) -> list[Row]:
    count = session.size(10_000, 50)
    plain = measure_one(session, no_op, no_op_task, [()] * count, "no-op tasks")
    with_argument = measure_one(
        session, give_back, give_back_task, [(number,) for number in range(count)], "no-op tasks of a number"
    )
    return plain + with_argument


def measure_one(session: Session, function: Any, one_task: Any, arguments: Arguments, what: str) -> list[Row]:
    count = len(arguments)

    def ours() -> dict[str, float]:
        collected, whole = run_recorded(one_task, arguments)
        return {"collected": collected / count * 1e6, "whole": whole / count * 1e6}

    def creation_too() -> dict[str, float]:
        with Clock() as clock, ThreadPoolExecutor(THREADS) as new_pool:
            collect(new_pool, function, arguments)
        return {"pool_and_its_creation": clock.seconds / count * 1e6}

    with ThreadPoolExecutor(THREADS) as pool:

        def baseline() -> dict[str, float]:
            with Clock() as clock:
                collect(pool, function, arguments)
            return {"pool": clock.seconds / count * 1e6}

        samples = session.take_turns(ours, baseline, creation_too, rounds=9)

    def row(part: str, name: str, allowed: float) -> Row:
        return Row(
            what=f"{count:,} {what}, {part}",
            unit="µs a task",
            ours=samples[name],
            baseline=samples["pool"],
            baseline_is=f"pool of {THREADS}",
            ratio_allowed=allowed,
            others={"pool_and_its_creation": samples["pool_and_its_creation"]},
        )

    return [row("futures collected", "collected", 0.7), row("with the last commit", "whole", 1.0)]


def run_recorded(one_task: Any, arguments: Arguments) -> tuple[float, float]:
    """Seconds until the futures were collected, and until the flow call ended. Checks the rows on disk."""
    collected = Clock()

    @flow
    def fan_out() -> None:
        with collected:
            futures = [one_task(*each) for each in arguments]
            for future in futures:
                future.result()

    with fresh_history() as path:
        with Clock() as whole:
            fan_out()
        check_recorded(path, len(arguments))
    return collected.seconds, whole.seconds


def collect(pool: ThreadPoolExecutor, function: Any, arguments: Arguments) -> None:
    futures = [pool.submit(function, *each) for each in arguments]
    for future in futures:
        future.result()
