"""Worker processes of this machine, against ``concurrent.futures.ProcessPoolExecutor`` with as many.

Both sides are warm: before the clock starts, each has done the same work with the same processes. Ours is the time from the
first call to the last result inside the flow. In the rows of the whole flow call the start-up counts on both sides: the pool
is made and shut down, and our workers are new, and our last row is on disk. (The pool's fork server is there already.)

- *No-op tasks*: 1,000 calls with a number, then the result of each; the pool gets each by a ``submit`` of its own.
- *CPU tasks*: eight that use half a second of a processor each, on two workers.
- *Array*: one task makes an array of 100 MB, five add one to it in turn, and one gives its last number, which alone is
  asked for. In another row the five give back what they got. Bare, the array goes from process to process by the fastest
  way that was found: written into a file in ``/dev/shm`` (a temporary folder where there is none), whose name is sent, and
  mapped copy-on-write by the next. Shared memory of ``multiprocessing`` takes longer, for to copy into a mapping touches
  each of its pages twice, and the pool's own pipe longer still.
"""

from __future__ import annotations

import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.clusters import (
    STEPS_OF_ARRAY,
    WORKERS,
    add_one,
    check_equal,
    give_back,
    is_here,
    last_number,
    make_array,
    no_op,
    no_op_task,
    pass_array,
)
from benchmarks.measuring import Clock, Row, Session, check_recorded, fresh_history
from headrace import flow, task
from headrace.task_runners import ProcessTaskRunner

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.clusters import Step
    from headrace.task_runners import TaskRunner

NAME = "processes"
CPU_TASKS = 8
SHARED = Path("/dev/shm")


def use_processor(seconds: float) -> None:
    """So many seconds of a processor's time, however many others want it."""
    until = time.process_time() + seconds
    while time.process_time() < until:
        pass


use_processor_task = task(use_processor)


def measure(session: Session) -> list[Row]:
    count = session.size(1_000, 10)
    seconds = session.size(500, 5) / 1000
    with pool_of_processes() as pool:
        rows = [
            *measure_work(
                session,
                pool,
                f"{count:,} no-op tasks",
                lambda: collect([no_op_task(number) for number in range(count)]),
                lambda pool: collect([pool.submit(no_op, number) for number in range(count)]),
                task_runs=count,
                unit="µs a task",
                per_second=1e6 / count,
                ratio_allowed=1.5,
            ),
            *measure_work(
                session,
                pool,
                f"{CPU_TASKS} tasks of {seconds:g} s on {WORKERS} workers",
                lambda: collect([use_processor_task(seconds) for _ in range(CPU_TASKS)]),
                lambda pool: collect([pool.submit(use_processor, seconds) for _ in range(CPU_TASKS)]),
                task_runs=CPU_TASKS,
                unit="s",
                per_second=1.0,
                ratio_allowed=1.1,
            ),
        ]
        if is_here(NAME, "numpy"):
            rows += measure_array(session, pool, add_one, "+ 1 in")
            rows += measure_array(session, pool, give_back, "as it is through")
    return rows


def measure_array(session: Session, pool: ProcessPoolExecutor, step: Step, how: str) -> list[Row]:
    megabytes = session.size(100, 2)
    expected = 1 + STEPS_OF_ARRAY if step is add_one else 1
    size = megabytes * 1_000_000
    return measure_work(
        session,
        pool,
        f"{megabytes} MB {how} {STEPS_OF_ARRAY} tasks",
        lambda: check_equal(pass_array(step, size), expected),
        lambda pool: check_equal(pass_array_bare(pool, step, size), expected),
        task_runs=STEPS_OF_ARRAY + 2,
        large_results=STEPS_OF_ARRAY + 1,
        unit="ms",
        per_second=1e3,
        ratio_allowed=1.2,
    )


def measure_work(
    session: Session,
    pool: ProcessPoolExecutor,
    what: str,
    work: Callable[[], object],
    bare_work: Callable[[ProcessPoolExecutor], object],
    *,
    task_runs: int,
    large_results: int = 0,
    unit: str,
    per_second: float,
    ratio_allowed: float,
) -> list[Row]:
    """Two rows: the work inside a flow, and the whole flow call."""

    def ours() -> dict[str, float]:
        with ProcessTaskRunner(max_workers=WORKERS) as runner:
            run_recorded(runner, work, task_runs, large_results)
            inside, _ = run_recorded(runner, work, task_runs, large_results)
        return {"flow": inside * per_second}

    def ours_from_the_start() -> dict[str, float]:
        _, whole = run_recorded(ProcessTaskRunner(max_workers=WORKERS), work, task_runs, large_results)
        return {"whole": whole * per_second}

    def baseline() -> dict[str, float]:
        bare_work(pool)
        with Clock() as clock:
            bare_work(pool)
        return {"bare": clock.seconds * per_second}

    def baseline_from_the_start() -> dict[str, float]:
        with Clock() as clock, pool_of_processes() as new_pool:
            bare_work(new_pool)
        return {"bare_whole": clock.seconds * per_second}

    samples = session.take_turns(ours, baseline, ours_from_the_start, baseline_from_the_start, rounds=9)
    return [
        Row(
            what=f"{NAME}: {what}",
            unit=unit,
            ours=samples["flow"],
            baseline=samples["bare"],
            baseline_is="bare pool",
            ratio_allowed=ratio_allowed,
        ),
        Row(
            what=f"{NAME}: {what}, whole flow call",
            unit=unit,
            ours=samples["whole"],
            baseline=samples["bare_whole"],
            baseline_is="bare pool, made for it",
        ),
    ]


def run_recorded(
    runner: TaskRunner, work: Callable[[], object], task_runs: int, large_results: int
) -> tuple[float, float]:
    """Seconds that the work took inside the flow, and that the flow call took. Checks the rows on disk."""
    inside = Clock()

    @flow(task_runner=runner)
    def working() -> None:
        with inside:
            work()

    with fresh_history() as path:
        with Clock() as whole:
            working()
        check_recorded(path, task_runs, without_result=large_results)
    return inside.seconds, whole.seconds


# The bare side ------------------------------------------------------------------------------------


def pool_of_processes() -> ProcessPoolExecutor:
    """Not forked from this process: it has threads."""
    return ProcessPoolExecutor(WORKERS, mp_context=get_context("forkserver"))


def collect(futures: Sequence[Any]) -> None:
    for future in futures:
        future.result()


def pass_array_bare(pool: ProcessPoolExecutor, step: Step, size: int) -> int:
    with tempfile.TemporaryDirectory(dir=SHARED if SHARED.is_dir() else None) as folder:
        pool.submit(store_made, f"{folder}/0", size).result()
        for number in range(STEPS_OF_ARRAY):
            pool.submit(store_next, step, f"{folder}/{number}", f"{folder}/{number + 1}").result()
            Path(folder, str(number)).unlink()
        return pool.submit(last_of_stored, f"{folder}/{STEPS_OF_ARRAY}").result()


def store_made(path: str, size: int) -> None:
    make_array(size).tofile(path)


def store_next(step: Step, before: str, after: str) -> None:
    step(mapped(before)).tofile(after)


def last_of_stored(path: str) -> int:
    return last_number(mapped(path))


def mapped(path: str) -> Any:
    import numpy as np  # noqa: PLC0415 - the other benchmarks run without it and its threads

    return np.memmap(path, dtype=np.uint8, mode="c")
