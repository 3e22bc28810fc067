"""What the benchmarks of Dask and Ray share: our side of every row, and how a row is made of both.

The bare side is in the file of the engine, as a person would write it for that. Both sides use the very same cluster, of two
worker processes with one task at a time each, which is there and warm before any clock starts.

- *No-op tasks*: 1,000 calls with a number, then the result of each.
- *Chain*: 200 tasks that add one to the last one's result, then the result of the last.
- *Array*: one task makes an array of 100 MB on the cluster, five add one to it in turn, and one gives back its last number,
  which alone is asked for. In another row the five give back what they got: what is left then is what a task costs, and
  what the engine itself does with its result.

Ours is the time from the first of these calls to the last result inside the flow; the task runner has connected for a
task before. A row of its own, without a target, is the whole flow call: it connects and closes, and the last row is on
disk. Baseline of that is a bare client that connects and closes. The completed task runs are counted in the
file after every turn.

- *Growth of the flow's process*: how much the resident set of a process of its own grows at most while a flow with the
  array runs in it, after one with a small array. What the bare client's process grows by is in the raw samples.
- *Closing*: in a process of its own, from the end of a flow function to the end of its call, with a cluster that the task
  runner made for it. Baseline: how long the bare engine takes to close such a cluster.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Protocol

from benchmarks.measuring import Clock, Row, Session, check_recorded, fresh_history, run_python
from headrace import flow, task

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from headrace.task_runners import TaskRunner

    Step = Callable[[Any], Any]

WORKERS = 2
STEPS_OF_ARRAY = 5
SECONDS_TO_CLOSE = 2.0
MEGABYTES_TO_GROW = 10.0


class Engine(Protocol):
    """A running cluster, and the bare side of every row on it."""

    name: str
    address: str

    def task_runner(self) -> TaskRunner:
        """Ours, on this cluster."""

    def fan_out(self, count: int) -> None: ...

    def chain(self, count: int) -> int: ...

    def array(self, step: Step, size: int) -> int: ...

    def connected_anew(self) -> AbstractContextManager[Engine]:
        """The same with a bare client of its own, which connects and closes."""

    def settle(self) -> None:
        """Return once nothing is left on the cluster of what was done before."""


def no_op(number: int) -> None:  # noqa: ARG001 - it is there to travel
    return None


def increment(number: int) -> int:
    return number + 1


def make_array(size: int) -> Any:
    import numpy as np  # noqa: PLC0415 - the other benchmarks run without it and its threads

    return np.ones(size, dtype=np.uint8)


def add_one(array: Any) -> Any:
    return array + 1


def give_back(array: Any) -> Any:
    return array


def last_number(array: Any) -> int:
    return int(array[-1])


no_op_task, increment_task = task(no_op), task(increment)
make_array_task, last_number_task = task(make_array), task(last_number)


def is_here(engine: str, *modules: str) -> bool:
    """Whether what this engine's benchmark needs can be imported; says so if not."""
    missing = [module for module in modules if find_spec(module) is None]
    if missing:
        print(f"{engine} is left out: {' and '.join(missing)} cannot be imported here")
    return not missing


def measure_on(engine: Engine, session: Session) -> list[Row]:
    """The rows that need a running cluster."""
    return [
        *measure_fan_out(engine, session),
        *measure_chain(engine, session),
        *measure_array(engine, session, add_one, "+ 1 in"),
        *measure_array(engine, session, give_back, "as it is through"),
        measure_growth(engine, session),
    ]


def measure_fan_out(engine: Engine, session: Session) -> list[Row]:
    count = session.size(1_000, 10)

    def ours() -> None:
        for future in [no_op_task(number) for number in range(count)]:
            future.result()

    return measure_work(
        engine,
        session,
        f"{count:,} no-op tasks",
        ours,
        lambda bare: bare.fan_out(count),
        task_runs=count,
        unit="µs a task",
        per_second=1e6 / count,
        ratio_allowed=1.15,
        rounds=11,
    )


def measure_chain(engine: Engine, session: Session) -> list[Row]:
    count = session.size(200, 5)

    def ours() -> None:
        last: Any = 0
        for _ in range(count):
            last = increment_task(last)
        check_equal(last.result(), count)

    return measure_work(
        engine,
        session,
        f"chain of {count:,}",
        ours,
        lambda bare: check_equal(bare.chain(count), count),
        task_runs=count,
        unit="µs a task",
        per_second=1e6 / count,
        ratio_allowed=1.3,
        rounds=11,
    )


def measure_array(engine: Engine, session: Session, step: Step, how: str) -> list[Row]:
    megabytes = session.size(100, 2)
    expected = 1 + STEPS_OF_ARRAY if step is add_one else 1

    return measure_work(
        engine,
        session,
        f"{megabytes} MB {how} {STEPS_OF_ARRAY} tasks",
        lambda: check_equal(pass_array(step, megabytes * 1_000_000), expected),
        lambda bare: check_equal(bare.array(step, megabytes * 1_000_000), expected),
        task_runs=STEPS_OF_ARRAY + 2,
        large_results=STEPS_OF_ARRAY + 1,
        unit="ms",
        per_second=1e3,
        ratio_allowed=1.2,
        rounds=21,
    )


def pass_array(step: Step, size: int) -> int:
    """To be called in a flow: the last number of the array, which never leaves the cluster."""
    step_task = task(step)
    array = make_array_task(size)
    for _ in range(STEPS_OF_ARRAY):
        array = step_task(array)
    return last_number_task(array).result()


def measure_work(
    engine: Engine,
    session: Session,
    what: str,
    work: Callable[[], object],
    bare_work: Callable[[Engine], object],
    *,
    task_runs: int,
    large_results: int = 0,
    unit: str,
    per_second: float,
    ratio_allowed: float,
    rounds: int,
) -> list[Row]:
    """Two rows: the work inside a flow, and the whole flow call."""

    def ours() -> dict[str, float]:
        engine.settle()
        collected, whole = run_recorded(engine.task_runner(), work, task_runs, large_results)
        return {"flow": collected * per_second, "whole": whole * per_second}

    def baseline() -> dict[str, float]:
        engine.settle()
        with Clock() as clock:
            bare_work(engine)
        return {"bare": clock.seconds * per_second}

    def baseline_of_whole() -> dict[str, float]:
        engine.settle()
        with Clock() as clock, engine.connected_anew() as connected:
            bare_work(connected)
        return {"bare_whole": clock.seconds * per_second}

    samples = session.take_turns(ours, baseline, baseline_of_whole, rounds=rounds)
    return [
        Row(
            what=f"{engine.name}: {what}",
            unit=unit,
            ours=samples["flow"],
            baseline=samples["bare"],
            baseline_is=f"bare {engine.name}",
            ratio_allowed=ratio_allowed,
        ),
        Row(
            what=f"{engine.name}: {what}, whole flow call",
            unit=unit,
            ours=samples["whole"],
            baseline=samples["bare_whole"],
            baseline_is=f"bare {engine.name}, connected for it",
        ),
    ]


def run_recorded(
    task_runner: TaskRunner, work: Callable[[], object], task_runs: int, large_results: int
) -> tuple[float, float]:
    """Seconds that the work took inside the flow, and that the flow call took. Checks the rows on disk."""
    collected = Clock()

    @flow(task_runner=task_runner)
    def working() -> None:
        no_op_task(0).result()  # with the first task the runner connects
        with collected:
            work()

    with fresh_history() as path:
        with Clock() as whole:
            working()
        check_recorded(path, 1 + task_runs, without_result=large_results)
    return collected.seconds, whole.seconds


def check_equal(value: int, expected: int) -> None:
    if value != expected:
        raise RuntimeError(f"{value} came out, not {expected}")


# In a process of its own ---------------------------------------------------------------------------


def measure_growth(engine: Engine, session: Session) -> Row:
    megabytes = session.size(100, 2)

    def grow(side: str) -> dict[str, float]:
        engine.settle()
        return {
            side: run_apart("growth", engine.name, side, engine.address, str(megabytes * 1_000_000)) / 1e6
        }

    samples = session.take_turns(lambda: grow("flow"), lambda: grow("bare"), rounds=3)
    return Row(
        what=f"{engine.name}: growth of the flow's process, {megabytes} MB + 1 in {STEPS_OF_ARRAY} tasks",
        unit="MB",
        ours=samples["flow"],
        ours_allowed=MEGABYTES_TO_GROW,
        others={"bare": samples["bare"]},
    )


def measure_closing(name: str, session: Session) -> Row:
    """Needs no running cluster: each process makes its own."""
    samples = session.take_turns(
        lambda: {"flow": run_apart("closing", name, "flow")},
        lambda: {"bare": run_apart("closing", name, "bare")},
        rounds=3,
    )
    return Row(
        what=f"{name}: closing a temporary cluster",
        unit="s",
        ours=samples["flow"],
        baseline=samples["bare"],
        baseline_is=f"bare {name}",
        ours_allowed=SECONDS_TO_CLOSE,
    )


def run_apart(*arguments: str) -> float:
    return float(run_python("-m", "benchmarks.cluster_apart", *arguments).split()[-1])
