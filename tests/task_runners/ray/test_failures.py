"""What goes wrong on Ray's workers: it costs the task run that it happens to, and is told."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from headrace import flow, task
from headrace.errors import TaskCancelled, TaskCrashed, UpstreamFailedError
from headrace.task_runners import RayTaskRunner, remote_options
from headrace.testing import in_memory_history
from headrace.testing.conformance.turnstile import Turnstile, pass_turnstile

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from headrace.testing.recorded import RecordedHistory

pytestmark = pytest.mark.usefixtures("instance")


@pytest.fixture
def history() -> Iterator[RecordedHistory]:
    with in_memory_history() as history:
        yield history


@pytest.fixture
def runner() -> RayTaskRunner:
    return RayTaskRunner()


@task
def add(x: int, y: int) -> int:
    return x + y


@task
def be_killed(diary: Path, *, times: int) -> int:
    """Kills its own process so many times, and leaves a line in the diary each time that it begins."""
    with diary.open("a") as file:
        file.write(f"{os.getpid()}\n")
    begun = len(diary.read_text().split())
    if begun <= times:
        os.kill(os.getpid(), signal.SIGKILL)
    return begun


@task
def hold_and_tell_pid(address: Any, diary: Path) -> None:
    diary.write_text(str(os.getpid()))
    pass_turnstile(address)


def test_a_task_whose_worker_is_killed_crashes_and_no_other_is_touched(
    runner: RayTaskRunner, history: RecordedHistory, tmp_path: Path
) -> None:
    diary = tmp_path / "diary"

    @flow(task_runner=runner)
    def doomed() -> list[int]:
        before = [add(number, 1) for number in range(10)]
        killed = be_killed(diary, times=1)
        downstream = add(killed, 1)
        after = [add(number, 2) for number in range(10)]
        with pytest.raises(TaskCrashed, match=r"be_killed-0 crashed: WorkerCrashedError: the worker died"):
            killed.result()
        with pytest.raises(UpstreamFailedError) as caught:
            downstream.result()
        assert isinstance(caught.value.__cause__, TaskCrashed)
        return [future.result() for future in [*before, *after]]

    assert doomed() == [*range(1, 11), *range(2, 12)]
    assert len(diary.read_text().split()) == 1
    [killed] = [run for run in history.run().task_runs if run.task == "be_killed"]
    assert killed.state == "Crashed"
    assert killed.failure is not None
    assert "SIGKILL" in killed.failure.message
    [downstream] = [run for run in history.run().task_runs if run.state == "UpstreamFailed"]
    assert downstream.started_us is None


def test_a_task_with_retries_is_tried_again_on_another_worker(
    runner: RayTaskRunner, history: RecordedHistory, tmp_path: Path
) -> None:
    diary = tmp_path / "diary"

    @flow(task_runner=runner)
    def tried_again() -> int:
        return add(be_killed.with_options(retries=1)(diary, times=1), 10).result()

    assert tried_again() == 12
    assert len(set(diary.read_text().split())) == 2
    killed, _ = history.run().task_runs
    assert (killed.state, killed.attempt_count) == ("Completed", 2)
    first, second = killed.attempts
    assert first.failure is not None
    assert "SIGKILL" in first.failure.message
    assert second.failure is None
    assert first.worker != second.worker


def test_max_retries_try_again_for_a_lost_worker_and_not_for_an_exception(
    runner: RayTaskRunner, history: RecordedHistory, tmp_path: Path
) -> None:
    @task
    def fail() -> None:
        raise LookupError("of its own")

    @flow(task_runner=runner)
    def tried_again() -> int:
        with remote_options(max_retries=2):
            killed = be_killed(tmp_path / "diary", times=2)
            assert isinstance(fail().exception(), LookupError)
        return killed.result()

    assert tried_again() == 3
    killed, failed = history.run().task_runs
    assert (killed.state, killed.attempt_count) == ("Completed", 3)
    assert [attempt.failure is None for attempt in killed.attempts] == [False, False, True]
    assert (failed.state, failed.attempt_count) == ("Failed", 1)


def test_a_task_that_is_cancelled_while_it_executes_is_stopped_with_its_process(
    runner: RayTaskRunner, history: RecordedHistory, tmp_path: Path
) -> None:
    diary = tmp_path / "diary"

    @flow(task_runner=runner)
    async def cancelling() -> int:
        with Turnstile() as turnstile:
            held = hold_and_tell_pid(turnstile.address, diary)
            await asyncio.to_thread(turnstile.await_arrivals)
            async with asyncio.timeout(50):  # word that it has begun may come later than the task itself
                while held.state.name != "Running":  # noqa: ASYNC110 - a state has no event
                    await asyncio.sleep(0.01)
            beside = add(1, 2)
            held.cancel()
            with pytest.raises(TaskCancelled, match="the process that executed it was stopped"):
                await held
            process = (
                psutil.Process(int(diary.read_text())) if psutil.pid_exists(int(diary.read_text())) else None
            )
            if process is not None:
                process.wait(10)
            return await beside

    assert asyncio.run(cancelling()) == 3
    assert [run.state for run in history.run().task_runs] == ["Cancelled", "Completed"]


def test_runs_that_are_cancelled_while_they_wait_never_begin(runner: RayTaskRunner, tmp_path: Path) -> None:
    """Ray ends the flow's process if it is told of such at the wrong moment."""

    @task
    def begin(_upstream: Any, number: int) -> None:
        (tmp_path / str(number)).touch()

    @flow(task_runner=runner)
    async def cancelling() -> None:
        for number in range(200):
            upstream = add(1, 2)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(begin(add(upstream, 1), number), 0)
            await upstream

    asyncio.run(cancelling())
    assert list(tmp_path.iterdir()) == []
