"""Workers that die: what they executed is one attempt lost, and all else goes on."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest
from distributed import Client, LocalCluster

from headrace import flow, task
from headrace.errors import FlowRunCrashed, TaskCrashed, UpstreamFailedError
from headrace.task_runners import DaskTaskRunner
from headrace.testing import in_memory_history
from headrace.testing.conformance.suite import run
from headrace.testing.conformance.turnstile import Turnstile, pass_turnstile

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from headrace.testing import RecordedHistory
    from headrace.testing.conformance.turnstile import Address


@pytest.fixture
def cluster() -> Iterator[LocalCluster]:
    """Workers enough that none has to be started anew: Dask gives up one that dies while it starts."""
    with LocalCluster(n_workers=3, threads_per_worker=4, dashboard_address=":0", silence_logs=60) as cluster:
        yield cluster


@pytest.fixture
def runner(cluster: LocalCluster) -> DaskTaskRunner:
    return DaskTaskRunner(cluster=cluster)


@pytest.fixture(autouse=True)
def history() -> Iterator[RecordedHistory]:
    with in_memory_history() as history:
        yield history


def note(path: Path) -> None:
    with path.open("a") as file:
        file.write("x")


@task
def die(path: Path, how: str) -> None:
    """End this worker, having noted that it executed."""
    note(path)
    if how == "exit":
        os._exit(3)
    if how == "segfault":
        ctypes.string_at(0)
    os.kill(os.getpid(), signal.SIGKILL)


@task
def die_once(path: Path) -> int:
    """End this worker the first time."""
    note(path)
    if path.stat().st_size == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return path.stat().st_size


@task
def hold(address: Address, path: Path) -> int:
    """Wait at the turnstile, having noted that it executed."""
    note(path)
    pass_turnstile(address)
    return os.getpid()


@task
def note_and_return(path: Path, value: Any) -> Any:
    note(path)
    return value


@task
def make_large(size: int, path: Path) -> bytes:
    note(path)
    return bytes(size)


@task
def measure(value: bytes) -> int:
    return len(value)


@task
def tell_pid(_value: bytes) -> int:
    return os.getpid()


@pytest.mark.parametrize("how", ["exit", "kill", "segfault"])
def test_a_task_that_ends_its_worker_crashes_with_the_cause_and_is_executed_once(
    runner: DaskTaskRunner, history: RecordedHistory, tmp_path: Path, how: str
) -> None:
    @flow(task_runner=runner)
    def deadly() -> Any:
        dead = die(tmp_path / "dead", how)
        after = note_and_return(tmp_path / "after", dead)
        return dead.exception(), after.exception()

    error, after_error = run(deadly)
    assert isinstance(error, TaskCrashed)
    assert "KilledWorker" in str(error)
    assert isinstance(after_error, UpstreamFailedError)
    assert (tmp_path / "dead").read_text() == "x"
    assert not (tmp_path / "after").exists()
    assert [task_run.state for task_run in history.run().task_runs] == ["Crashed", "UpstreamFailed"]


def test_the_crash_of_a_task_run_that_nobody_looks_at_fails_the_flow(
    runner: DaskTaskRunner, tmp_path: Path
) -> None:
    @flow(task_runner=runner)
    def deadly() -> None:
        die(tmp_path / "dead", "kill")

    with pytest.raises(ExceptionGroup) as caught:
        run(deadly)
    assert isinstance(caught.value.exceptions[0], TaskCrashed)


def test_a_lost_attempt_is_retried_on_another_worker_and_recorded(
    runner: DaskTaskRunner, history: RecordedHistory, tmp_path: Path
) -> None:
    @flow(task_runner=runner)
    def patient() -> Any:
        return die_once.with_options(retries=1)(tmp_path / "runs")

    assert run(patient) == 2
    [task_run] = history.run().task_runs
    assert task_run.state == "Completed"
    assert [attempt.number for attempt in task_run.attempts] == [1, 2]
    first, second = task_run.attempts
    assert first.failure is not None
    assert "KilledWorker" in first.failure.message
    assert second.failure is None


def test_retries_are_the_limit(runner: DaskTaskRunner, history: RecordedHistory, tmp_path: Path) -> None:
    @flow(task_runner=runner)
    def stubborn() -> Any:
        return die.with_options(retries=2)(tmp_path / "runs", "kill").exception()

    assert isinstance(run(stubborn), TaskCrashed)
    assert (tmp_path / "runs").read_text() == "xxx"
    assert [task_run.attempt_count for task_run in history.run().task_runs] == [3]


def test_only_what_the_dead_worker_executed_is_lost(
    cluster: LocalCluster, runner: DaskTaskRunner, history: RecordedHistory, tmp_path: Path
) -> None:
    """Forty task runs, of which each of three workers executes four at a time; one worker is killed."""
    with Client(cluster, set_as_default=False) as client:
        doomed, *_ = client.run(os.getpid).values()
    with Turnstile() as turnstile:

        @flow(task_runner=runner)
        def crowded() -> Any:
            futures = [hold(turnstile.address, tmp_path / str(number)) for number in range(40)]
            turnstile.await_arrivals(12)
            os.kill(doomed, signal.SIGKILL)
            turnstile.open()
            return [future.exception() for future in futures]

        errors = run(crowded)
    lost = [error for error in errors if error is not None]
    assert len(lost) == 4
    assert all(isinstance(error, TaskCrashed) for error in lost)
    assert [len((tmp_path / str(number)).read_text()) for number in range(40)] == [1] * 40
    states = [task_run.state for task_run in history.run().task_runs]
    assert (states.count("Crashed"), states.count("Completed")) == (4, 36)


@pytest.mark.parametrize("size", [20_000, 3_000_000])
def test_a_result_that_was_lost_with_its_worker_is_computed_again_and_the_record_says_so(
    runner: DaskTaskRunner, history: RecordedHistory, tmp_path: Path, size: int
) -> None:
    @flow(task_runner=runner)
    def persistent() -> Any:
        large = make_large(size, tmp_path / "large")
        os.kill(tell_pid(large).result(), signal.SIGKILL)  # it executes where the data lie
        return measure(large)

    assert run(persistent) == size
    assert (tmp_path / "large").read_text() == "xx"
    recorded = history.run().task_run("make_large-0")
    assert recorded.state == "Completed"
    lost, again = recorded.attempts
    assert lost.failure is not None
    assert lost.failure.type == "ResultLost"
    assert again.failure is None


def test_a_small_result_that_has_arrived_is_not_computed_again(
    runner: DaskTaskRunner, tmp_path: Path
) -> None:
    @flow(task_runner=runner)
    def thrifty() -> Any:
        small = note_and_return(tmp_path / "small", 20)
        small.wait()
        deaths = [die(tmp_path / f"dead-{number}", "kill").exception() for number in range(2)]
        return note_and_return(tmp_path / "after", small), len(deaths)

    assert run(thrifty) == (20, 2)
    assert (tmp_path / "small").read_text() == "x"


def test_a_scheduler_that_dies_ends_the_flow_run_crashed_and_nobody_waits_in_vain(
    history: RecordedHistory, tmp_path: Path
) -> None:
    with hand_started_cluster(tmp_path) as (address, scheduler), Turnstile() as turnstile:

        @flow(task_runner=DaskTaskRunner(address=address, client_kwargs={"timeout": 60}))
        def orphaned() -> Any:
            held = hold(turnstile.address, tmp_path / "held")
            turnstile.await_arrivals()
            scheduler.kill()
            return held.result()

        with pytest.raises((TaskCrashed, FlowRunCrashed), match="scheduler"):
            run(orphaned)
    recorded = history.run()
    assert recorded.state == "Crashed"
    assert address in str(recorded.row.states[-1].message)
    assert [task_run.state for task_run in recorded.task_runs] == ["Crashed"]
    assert "headrace-dispatch" not in [thread.name for thread in threading.enumerate()]


@contextlib.contextmanager
def hand_started_cluster(folder: Path) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """A scheduler and a worker, as a person starts them."""
    dask = [sys.executable, "-m", "dask"]
    file = folder / "scheduler.json"
    options = ["--scheduler-file", str(file)]
    quiet: Any = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": folder}
    scheduler = subprocess.Popen(
        [*dask, "scheduler", "--port", "0", "--host", "127.0.0.1", "--dashboard-address", ":0", *options],
        **quiet,
    )
    worker = subprocess.Popen(
        [*dask, "worker", "--nthreads", "1", "--dashboard-address", ":0", *options], **quiet
    )
    try:
        with Client(scheduler_file=str(file), set_as_default=False, timeout=30) as client:
            client.wait_for_workers(1, timeout=30)
            address = client.scheduler.address
        yield address, scheduler
    finally:
        for process in (worker, scheduler):
            process.kill()
            process.wait(30)
