"""What tasks on Ray ask for and get, where their data stays, and what is heard of them while they execute."""

from __future__ import annotations

import asyncio
import itertools
import os
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from headrace import flow, get_run_logger, task
from headrace.errors import ClusterUnavailableError, ResultUnavailableError, TaskCrashed
from headrace.task_runners import ConcurrentTaskRunner, RayTaskRunner, remote_options
from headrace.testing import in_memory_history
from headrace.testing.conformance.turnstile import Turnstile, pass_turnstile

if TYPE_CHECKING:
    from collections.abc import Iterator

    from headrace.testing.recorded import RecordedHistory

pytestmark = pytest.mark.usefixtures("instance")

MEGABYTE = 1_000_000


@pytest.fixture
def history() -> Iterator[RecordedHistory]:
    with in_memory_history() as history:
        yield history


@pytest.fixture
def runner() -> RayTaskRunner:
    return RayTaskRunner()


@task
def tell_what_ray_gave() -> tuple[dict[str, float], str, int]:
    import ray

    context = ray.get_runtime_context()
    return context.get_assigned_resources(), context.get_task_name(), os.getpid()


def test_remote_options_are_honoured(runner: RayTaskRunner) -> None:
    @flow(task_runner=runner)
    def asking() -> list[Any]:
        with remote_options(num_cpus=2, resources={"gold": 1}):
            rich = tell_what_ray_gave()
            with remote_options(num_cpus=0.5):
                modest = tell_what_ray_gave()
        return [rich.result()[0], modest.result()[0], tell_what_ray_gave().result()[0]]

    assert asking() == [{"CPU": 2.0, "gold": 1.0}, {"CPU": 0.5, "gold": 1.0}, {"CPU": 1.0}]


def test_tasks_that_ask_for_all_there_is_run_one_after_another(
    runner: RayTaskRunner, history: RecordedHistory
) -> None:
    @flow(task_runner=runner)
    def greedy() -> None:
        with remote_options(resources={"gold": 2}):
            for future in [tell_what_ray_gave() for _ in range(5)]:
                future.wait()

    greedy()
    runs = sorted(history.run().task_runs, key=lambda run: run.started_us or 0)
    for before, after in itertools.pairwise(runs):
        assert before.ended_us is not None
        assert after.started_us is not None
        assert before.ended_us <= after.started_us


def test_ray_knows_tasks_by_their_names_and_the_history_their_processes(
    runner: RayTaskRunner, history: RecordedHistory
) -> None:
    @flow(task_runner=runner)
    def named() -> list[Any]:
        futures = [
            tell_what_ray_gave(),
            tell_what_ray_gave(),
            tell_what_ray_gave.with_options(task_run_name="third")(),
        ]
        return [future.result() for future in futures]

    names = [name for _, name, _ in named()]
    assert names[:2] == ["tell_what_ray_gave-0", "tell_what_ray_gave-1"]
    run = history.run().task_runs[0]
    assert run.worker is not None
    assert run.worker.rpartition("/")[2].isdecimal()


# -- data -------------------------------------------------------------------------------------------


@task
def make_array(nbytes: int) -> Any:
    import numpy as np

    return np.ones(nbytes, dtype=np.uint8)


@task
def add_one(array: Any) -> Any:
    return array + 1


@task
def read_last(array: Any) -> int:
    return int(array[-1])


def test_a_large_array_goes_from_task_to_task_and_not_through_the_flows_process(
    runner: RayTaskRunner, history: RecordedHistory
) -> None:
    @flow(task_runner=runner)
    def passing_on(nbytes: int) -> int:
        array = make_array(nbytes)
        for _ in range(5):
            array = add_one(array)
        return read_last(array).result()

    passing_on(MEGABYTE)
    before = psutil.Process().memory_info().rss
    assert passing_on(100 * MEGABYTE) == 6
    assert psutil.Process().memory_info().rss - before < 10 * MEGABYTE
    notes = [run.result_note for run in history.runs()[-1].task_runs]
    assert all("not stored: larger than 1,048,576 bytes" in (note or "") for note in notes[:6])
    assert notes[6] is None


def test_a_large_value_comes_when_the_flow_asks_for_it_and_not_after_its_end(runner: RayTaskRunner) -> None:
    @flow(task_runner=runner)
    def asking() -> tuple[int, Any]:
        array = make_array(2 * MEGABYTE)
        unasked = make_array(2 * MEGABYTE)
        unasked.wait()
        return len(array.result()), [unasked]

    @flow(task_runner=runner)
    async def asking_async() -> int:
        return len(await make_array(2 * MEGABYTE))

    kept: list[Any] = []

    @flow(task_runner=runner)
    def forgetting() -> None:
        kept.append(make_array(2 * MEGABYTE))

    length, [array] = asking()
    assert length == len(array) == 2 * MEGABYTE
    assert asyncio.run(asking_async()) == 2 * MEGABYTE
    forgetting()
    with pytest.raises(ResultUnavailableError, match="make_array-0 stayed on the cluster"):
        kept[0].result()


def test_a_flow_in_threads_calls_a_subflow_on_ray(runner: RayTaskRunner) -> None:
    @flow(task_runner=runner)
    def on_ray(nbytes: int) -> int:
        return read_last(add_one(make_array(nbytes))).result()

    @flow(task_runner=ConcurrentTaskRunner())
    def outer() -> tuple[int, int]:
        return on_ray(2 * MEGABYTE), read_last([1, 2, 3]).result()

    assert outer() == (2, 3)


def test_a_function_with_much_inside_is_put_on_the_cluster_once(runner: RayTaskRunner) -> None:
    table = bytes(range(256)) * 4096

    @task
    def look_up(place: int) -> int:
        return table[place]

    @flow(task_runner=runner)
    def looking_up() -> list[int]:
        first = look_up(1)
        return [future.result() for future in [first, look_up(first), *look_up.map(range(10))]]

    assert looking_up() == [1, 1, *range(10)]


# -- what is heard ----------------------------------------------------------------------------------


@task(log_prints=True)
def speak_and_hold(address: Any) -> None:
    get_run_logger().info("a line")
    print("a print")
    pass_turnstile(address)


def test_lines_are_recorded_while_the_task_executes(runner: RayTaskRunner, history: RecordedHistory) -> None:
    recorded = 0

    @flow(task_runner=runner)
    def listening() -> None:
        nonlocal recorded
        with Turnstile() as turnstile:
            held = speak_and_hold(turnstile.address)
            turnstile.await_arrivals()
            for _ in range(1000):
                recorded = len(history.run().logs("speak_and_hold-0"))
                if recorded == 2 or held.wait(timeout=0.01) is not None:
                    break
            turnstile.open()

    listening()
    assert recorded == 2
    assert history.run().logs("speak_and_hold-0") == ["a line", "a print"]


# -- the connection ---------------------------------------------------------------------------------


def test_the_connection_of_the_process_serves_one_instance(runner: RayTaskRunner) -> None:
    import ray

    here = str(ray.get_runtime_context().gcs_address)

    @flow(task_runner=RayTaskRunner(init_kwargs={"num_cpus": 77}))
    def elsewhere() -> None:
        tell_what_ray_gave().result()

    with pytest.raises(TaskCrashed, match="Ray connects a process once") as caught:
        elsewhere()
    assert isinstance(caught.value.__cause__, ClusterUnavailableError)
    assert "init_kwargs={'num_cpus': 77}" in str(caught.value.__cause__)
    for runner_here in (RayTaskRunner(here), RayTaskRunner("auto")):
        elsewhere.with_options(task_runner=runner_here)()
