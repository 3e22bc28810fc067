"""Where the data are: on the cluster, unless somebody asks for a value; and how functions and arguments get there."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import textwrap
import time
from typing import TYPE_CHECKING, Any

import dask
import numpy as np
import psutil
import pytest
from distributed import Client, LocalCluster

from headrace import flow, task, unmapped
from headrace.errors import ResultUnavailableError, TaskRunError
from headrace.task_runners import DaskTaskRunner
from headrace.testing import in_memory_history
from headrace.testing.conformance.suite import run
from headrace.testing.conformance.turnstile import Turnstile, pass_turnstile

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from headrace.testing import RecordedHistory
    from headrace.testing.conformance.turnstile import Address

LARGE = 4_000_000  # float64: 32 MB


@pytest.fixture(scope="module")
def cluster() -> Iterator[LocalCluster]:
    workers: dict[str, Any] = {"resources": {"ladder": 1}}
    with LocalCluster(
        n_workers=2, threads_per_worker=2, dashboard_address=":0", silence_logs=60, **workers
    ) as cluster:
        yield cluster


@pytest.fixture
def runner(cluster: LocalCluster) -> DaskTaskRunner:
    return DaskTaskRunner(cluster=cluster)


@pytest.fixture(autouse=True)
def history() -> Iterator[RecordedHistory]:
    with in_memory_history() as history:
        yield history


@task
def make_ones(count: int) -> np.ndarray:
    return np.ones(count)


@task
def add_one(values: np.ndarray) -> np.ndarray:
    return values + 1


@task
def total(values: np.ndarray) -> float:
    return float(values.sum())


@task
def scaled_total(factor: int, values: np.ndarray) -> float:
    return factor * float(values.sum())


@task
def where() -> str:
    from distributed import get_worker

    return str(get_worker().address)


@task
def priority_of(_number: int) -> Any:
    from distributed import get_worker

    worker: Any = get_worker()
    return worker.state.tasks[worker.get_current_task()].annotations


@task
def fail_until(path: Path, count: int) -> int:
    with path.open("a") as file:
        file.write("x")
    if path.stat().st_size < count:
        raise ValueError("not yet")
    return path.stat().st_size


@task(log_prints=True)
def speak_and_hold(address: Address) -> None:
    print("before")
    pass_turnstile(address)
    print("after")


# -- values ----------------------------------------------------------------------------------------------


def test_a_large_value_goes_from_task_to_task_and_never_through_the_process_of_the_flow(
    runner: DaskTaskRunner, history: RecordedHistory
) -> None:
    @flow(task_runner=runner)
    def heavy() -> tuple[float, int]:
        process = psutil.Process()
        make_ones(10).wait()
        gc.collect()
        before = process.memory_info().rss
        values = make_ones(LARGE)
        for _ in range(4):
            values = add_one(values)
        summed = total(values).result()
        return summed, process.memory_info().rss - before

    summed, grown = run(heavy)
    assert summed == 5 * LARGE
    assert grown < 10_000_000
    [*_, last] = history.run().task_runs_of("add_one")
    assert last.result_preview is not None
    assert last.result_note is not None
    assert "larger" in last.result_note


def test_a_large_value_that_is_to_persist_is_written_by_its_worker(
    runner: DaskTaskRunner, history: RecordedHistory
) -> None:
    @flow(task_runner=runner)
    def heavy() -> tuple[float, int]:
        process = psutil.Process()
        make_ones(10).wait()
        gc.collect()
        before = process.memory_info().rss
        summed = total(make_ones.with_options(name="kept", persist_result=True)(LARGE)).result()
        return summed, process.memory_info().rss - before

    summed, grown = run(heavy)
    assert summed == LARGE
    assert grown < 10_000_000
    recorded = history.run()
    storage = recorded.task_run("kept-0").storage
    assert storage is not None
    assert storage.key is not None
    assert recorded.stored_value("kept-0").sum() == LARGE


def test_a_large_value_comes_when_somebody_asks_for_it(runner: DaskTaskRunner) -> None:
    @flow(task_runner=runner)
    def asks() -> Any:
        values = make_ones(500_000)
        return values.result().sum(), values

    @flow(task_runner=runner)
    async def awaits() -> Any:
        return (await make_ones(500_000)).sum(), make_ones(500_000)

    for summed, values in (run(asks), run(awaits)):
        assert summed == 500_000
        assert values.nbytes == 4_000_000


def test_a_large_value_that_nobody_asked_for_in_time_is_a_clear_error(runner: DaskTaskRunner) -> None:
    kept = []

    @flow(task_runner=runner)
    def forgetful() -> None:
        kept.append(make_ones(500_000))

    run(forgetful)
    with pytest.raises(ResultUnavailableError, match="inside the flow"):
        kept[0].result()


def test_a_value_that_nobody_needs_any_more_leaves_the_cluster(
    cluster: LocalCluster, runner: DaskTaskRunner
) -> None:
    @flow(task_runner=runner)
    def many() -> list[int]:
        for _ in range(20):
            total(make_ones(500_000)).result()
        gc.collect()
        total(make_ones(10)).result()  # a turn of everything after the last value was dropped
        return [worker.nbytes for worker in cluster.scheduler.workers.values()]

    assert sum(run(many)) < 3 * 4_000_000


def test_a_scheduler_that_goes_on_keeps_nothing_of_a_flow_run_that_has_ended(
    cluster: LocalCluster, runner: DaskTaskRunner, history: RecordedHistory
) -> None:
    @flow(task_runner=runner)
    def short() -> Any:
        return [priority_of(number) for number in range(20)]

    run(short)
    scheduler = cluster.scheduler
    assert [key for key in scheduler.tasks if str(key).startswith("('priority_of")] == []
    assert history.run().row.id not in scheduler._broker._topics


def test_large_arguments_arrive(runner: DaskTaskRunner) -> None:
    @flow(task_runner=runner)
    def sends() -> Any:
        return total(np.ones(1_000_000)).result()

    assert run(sends) == 1_000_000


def test_what_all_runs_of_a_map_receive_whole_is_sent_once(
    cluster: LocalCluster, runner: DaskTaskRunner
) -> None:
    @flow(task_runner=runner)
    def maps() -> tuple[list[float], int]:
        values = np.ones(500_000)
        sums = scaled_total.map(range(30), unmapped(values)).result()
        sent = [key for key, task in cluster.scheduler.tasks.items() if task.run_spec is None]
        values += 1  # the next map has to see that
        return [*sums, *scaled_total.map([1], unmapped(values)).result()], len(sent)

    sums, sent_count = run(maps)
    assert sums == [500_000 * factor for factor in [*range(30), 2]]
    assert sent_count == 1


@pytest.mark.parametrize("is_named", [False, True])
def test_an_argument_that_cannot_be_pickled_fails_its_task_run_and_is_named(
    runner: DaskTaskRunner, history: RecordedHistory, *, is_named: bool
) -> None:
    import threading

    @flow(task_runner=runner)
    def hopeless() -> Any:
        lock = threading.Lock()
        future = add_one(values=lock) if is_named else add_one(lock)
        return future.exception(), total(make_ones(3)).result()

    error, other = run(hopeless)
    assert isinstance(error, TaskRunError)
    assert "'values' of add_one-0 cannot be pickled" in str(error)
    assert other == 3
    assert [task_run.state for task_run in history.run().task_runs] == ["Failed", "Completed", "Completed"]


def test_what_is_cancelled_while_the_cluster_starts_is_never_executed(
    history: RecordedHistory, tmp_path: Path
) -> None:
    @flow(task_runner=DaskTaskRunner(cluster_kwargs={"n_workers": 1, "threads_per_worker": 2}))
    def regretful() -> None:
        futures = [fail_until(tmp_path / str(number), 1) for number in range(3)]
        for future in futures[1:]:
            future.cancel()
        futures[0].wait()

    run(regretful)
    assert [path.name for path in tmp_path.iterdir()] == ["0"]
    assert [task_run.state for task_run in history.run().task_runs] == ["Completed", "Cancelled", "Cancelled"]


# -- functions -------------------------------------------------------------------------------------------


def test_the_function_of_a_task_is_pickled_once_however_often_it_is_called(runner: DaskTaskRunner) -> None:
    class Counting:
        count = 0

        def __reduce__(self) -> tuple[Any, ...]:
            type(self).count += 1
            return int, (7,)

    seven: Any = Counting()

    @task
    def add_seven(number: int) -> int:
        return number + int(seven)

    @flow(task_runner=runner)
    def adds() -> Any:
        return sum(add_seven.map(range(50)).result())

    assert run(adds) == sum(range(50)) + 350
    assert Counting.count == 2  # for the workers, and for what a resume knows its code by


def test_what_a_script_and_its_own_modules_define_travels_to_workers_that_cannot_import_it(
    cluster: LocalCluster, tmp_path: Path
) -> None:
    (tmp_path / "of_the_script.py").write_text(
        textwrap.dedent("""\
            class Box:
                def __init__(self, content):
                    self.content = content

            def double(number):
                return 2 * number
        """)
    )
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent("""\
            import sys
            import of_the_script
            from of_the_script import Box
            from headrace import flow, task, unmapped
            from headrace.task_runners import DaskTaskRunner

            def inner(number):
                return of_the_script.double(number)

            @task
            def pack(number):
                return Box(inner(number))

            @task
            def unpack(box):
                return child(box.content).result()

            ended = []

            def note_end(task, run, state):
                ended.append(run.task_name)

            @task(on_completion=note_end)
            def child(content):
                return content + 1

            @flow(task_runner=DaskTaskRunner(address=sys.argv[1]))
            def main():
                box = pack(20)
                print(unpack(box).result(), unpack(Box(1)).result(), isinstance(box.result(), Box))

            def tell():
                main()
                print(ended)

            if __name__ == "__main__":
                tell()
        """)
    )
    environment = {**os.environ, "HEADRACE_HOME": str(tmp_path / "home")}
    done = subprocess.run(
        [sys.executable, str(script), cluster.scheduler_address],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout == "41 2 True\n['child', 'child']\n", done.stderr


# -- what Dask's users know ------------------------------------------------------------------------------


def test_annotations_around_a_call_are_honoured(
    cluster: LocalCluster, runner: DaskTaskRunner, tmp_path: Path
) -> None:
    first, second = cluster.scheduler.workers

    @flow(task_runner=runner)
    def annotated() -> Any:
        with dask.annotate(workers=[first]):
            here = [where() for _ in range(3)]
        with dask.annotate(workers=[second], allow_other_workers=True):
            there = where()
        with dask.annotate(priority=7, resources={"ladder": 1}):
            annotations = priority_of(1)
        with dask.annotate(retries=2):
            attempts = fail_until(tmp_path / "attempts", 3)
        plain = priority_of(2)
        return [future.result() for future in here], there, annotations, attempts, plain

    here, there, annotations, attempts, plain = run(annotated)
    assert here == [first] * 3
    assert there in {first, second}
    assert annotations["priority"] == 7
    assert annotations["resources"] == {"ladder": 1}
    assert attempts == 3
    assert not (plain or {}).get("resources")


def test_retries_by_annotation_are_recorded_attempts(
    runner: DaskTaskRunner, history: RecordedHistory, tmp_path: Path
) -> None:
    @flow(task_runner=runner)
    def annotated() -> Any:
        with dask.annotate(retries=1):
            return fail_until(tmp_path / "attempts", 2)

    assert run(annotated) == 2
    [task_run] = history.run().task_runs
    assert [attempt.number for attempt in task_run.attempts] == [1, 2]


def test_the_dashboard_shows_tasks_under_their_names(cluster: LocalCluster, runner: DaskTaskRunner) -> None:
    with Turnstile() as turnstile, Client(cluster, set_as_default=False):

        @flow(task_runner=runner)
        def shown() -> Any:
            held = speak_and_hold.with_options(name="clean data")(turnstile.address)
            turnstile.await_arrivals()
            prefixes = set(cluster.scheduler.task_prefixes)
            turnstile.open()
            held.wait()
            return prefixes

        assert "clean data" in run(shown)


# -- while it runs ---------------------------------------------------------------------------------------


def test_what_a_task_prints_is_in_the_history_while_it_runs(
    runner: DaskTaskRunner, history: RecordedHistory
) -> None:
    with Turnstile() as turnstile:

        @flow(task_runner=runner)
        def live() -> tuple[list[str], str]:
            held = speak_and_hold(turnstile.address)
            turnstile.await_arrivals()
            deadline = time.monotonic() + 15
            while (
                not history.run().log_lines[1:] or not history.run().task_runs
            ):  # the first is the flow's own
                assert time.monotonic() < deadline
            told, state = (
                history.run().logs("speak_and_hold-0"),
                history.run().task_run("speak_and_hold-0").state,
            )
            turnstile.open()
            held.wait()
            return told, state

        assert run(live) == (["before"], "Running")
    assert history.run().logs("speak_and_hold-0") == ["before", "after"]
    assert history.run().task_run("speak_and_hold-0").state == "Completed"
