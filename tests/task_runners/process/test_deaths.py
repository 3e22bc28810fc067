"""Workers that die, are killed or do not begin: it costs the task run that they executed, and nobody else."""

from __future__ import annotations

import logging
import re
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from headrace import flow, task
from headrace.errors import TaskCancelled, TaskCrashed, UpstreamFailedError
from headrace.task_runners import ProcessTaskRunner, process_nursery
from tests.task_runners.process.specimens import (
    add,
    be_killed,
    die_so_many_times,
    hold_and_tell_pid,
    hold_with_child,
    leave,
    note_down,
    pid,
    touch_what_is_not_there,
)

if TYPE_CHECKING:
    from pathlib import Path

    from headrace.testing import RecordedHistory
    from headrace.testing.conformance.turnstile import Turnstile

pytestmark = pytest.mark.usefixtures("history")


def pids_in(diary: Path) -> list[int]:
    return [int(pid) for pid in diary.read_text().split()]


def are_gone(pids: list[int]) -> bool:
    found = []
    for number in pids:
        with suppress(psutil.NoSuchProcess):
            found.append(psutil.Process(number))
    _, alive = psutil.wait_procs(found, timeout=10)
    return not [process for process in alive if process.status() != psutil.STATUS_ZOMBIE]


@pytest.mark.parametrize(
    ("death", "cause"),
    [
        (
            be_killed,
            r"the worker process was killed by SIGKILL \(9\); if nobody killed it, the machine was out of mem",
        ),
        (touch_what_is_not_there, r"the worker process was killed by SIGSEGV \(11\)"),
        (leave, "the worker process exited with code 7"),
    ],
    ids=["killed", "segmentation fault", "exit"],
)
def test_a_task_whose_worker_dies_crashes_and_no_other_is_touched(
    death: Any, cause: str, runner: ProcessTaskRunner, history: RecordedHistory
) -> None:
    die = task(death, name="die")

    @flow(task_runner=runner)
    def doomed() -> list[int]:
        before = [add(number, 1) for number in range(10)]
        dead = die()
        downstream = add(dead, 1)
        after = [add(number, 2) for number in range(10)]
        with pytest.raises(TaskCrashed, match=f"die-0 crashed: {cause}"):
            dead.result()
        with pytest.raises(UpstreamFailedError):
            downstream.result()
        return [future.result() for future in [*before, *after]]

    assert doomed() == [*range(1, 11), *range(2, 12)]
    died = history.run().task_run("die-0")
    assert died.state == "Crashed"
    [line] = history.run().log_lines
    assert (line.task_run, line.level) == (died.id, logging.ERROR)
    assert re.match(f"Task run 'die-0' crashed: {cause}", line.message)


def test_a_worker_that_dies_is_a_failure_that_retries_make_good(
    runner: ProcessTaskRunner, history: RecordedHistory, tmp_path: Path
) -> None:
    @flow(task_runner=runner)
    def stubborn() -> int:
        return die_so_many_times.with_options(retries=2)(tmp_path / "diary", times=2).result()

    assert stubborn() == 3
    task_run = history.run().task_runs[0]
    assert (task_run.state, task_run.attempt_count) == ("Completed", 3)
    assert history.run().log_lines == []
    assert len(set(pids_in(tmp_path / "diary"))) == 3


def test_what_lay_before_a_worker_that_dies_is_executed_by_another_once(
    tmp_path: Path, runner: object
) -> None:
    diary = tmp_path / "diary"

    @flow(task_runner=ProcessTaskRunner(max_workers=1))
    def one_by_one() -> None:
        dead = task(be_killed)()
        waiting = [note_down(diary) for _ in range(8)]
        assert isinstance(dead.exception(), TaskCrashed)
        assert [future.result() for future in waiting] == [*range(1, 9)]

    one_by_one()


def test_a_cancelled_task_is_killed_with_the_processes_that_it_started_and_its_neighbour_goes_on(
    runner: ProcessTaskRunner, history: RecordedHistory, turnstile: Turnstile, tmp_path: Path
) -> None:
    @flow(task_runner=runner)
    def cancelling() -> None:
        neighbour = hold_and_tell_pid(turnstile.address, tmp_path / "neighbour")
        turnstile.await_arrivals(1)
        doomed = hold_with_child(turnstile.address, tmp_path / "doomed")
        turnstile.await_arrivals(2)
        doomed.cancel()
        with pytest.raises(TaskCancelled):
            doomed.result()
        assert are_gone(pids_in(tmp_path / "doomed"))
        assert add(1, 2).result() == 3  # by a new worker, for the other one is busy
        turnstile.open()
        assert pids_in(tmp_path / "neighbour") == [neighbour.result()]

    cancelling()
    run = history.run()
    assert run.state == "Completed"
    assert [task_run.state for task_run in run.task_runs] == ["Completed", "Cancelled", "Completed"]
    assert run.task_runs[1].started_us is not None


def test_what_lay_before_a_worker_that_is_killed_is_executed_by_another(
    turnstile: Turnstile, tmp_path: Path
) -> None:
    @flow(task_runner=ProcessTaskRunner(max_workers=1))
    def cancelling() -> list[int]:
        doomed = hold_and_tell_pid(turnstile.address, tmp_path / "diary")
        waiting = [add(number, 1) for number in range(6)]
        turnstile.await_arrivals()
        doomed.cancel()
        return [future.result() for future in waiting]

    assert cancelling() == [*range(1, 7)]


def test_a_task_that_has_not_begun_is_cancelled_at_once_and_costs_no_worker(
    history: RecordedHistory, turnstile: Turnstile, tmp_path: Path
) -> None:
    @flow(task_runner=ProcessTaskRunner(max_workers=1))
    def cancelling() -> None:
        held = hold_and_tell_pid(turnstile.address, tmp_path / "diary")
        turnstile.await_arrivals()
        waiting = note_down(tmp_path / "never")
        waiting.cancel()
        with pytest.raises(TaskCancelled):
            waiting.result()
        turnstile.open()
        assert pids_in(tmp_path / "diary") == [held.result()]

    cancelling()
    assert history.run().task_runs[1].started_us is None
    assert not (tmp_path / "never").exists()


def test_what_lies_before_a_busy_worker_goes_to_one_that_is_idle(
    runner: ProcessTaskRunner, turnstile: Turnstile, tmp_path: Path
) -> None:
    @flow(task_runner=runner)
    def uneven() -> None:
        held = hold_and_tell_pid(turnstile.address, tmp_path / "diary")
        turnstile.await_arrivals()
        assert [future.result() for future in [add(number, 0) for number in range(50)]] == [*range(50)]
        turnstile.open()
        held.result()

    uneven()


def test_so_many_workers_execute_all_task_runs(runner: ProcessTaskRunner) -> None:
    @flow(task_runner=runner)
    def many() -> set[int]:
        return {future.result() for future in [pid() for _ in range(200)]}

    assert 1 <= len(many()) <= 2


# -- what workers come from ------------------------------------------------------------------------


@pytest.fixture
def own_nursery(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a process that has had no workers yet."""
    monkeypatch.setattr(process_nursery, "_nursery", process_nursery.Nursery())


@pytest.mark.usefixtures("own_nursery")
def test_nothing_is_left_of_a_flow_run_and_the_next_one_begins_anew() -> None:
    before = set(psutil.Process().children(recursive=True))

    @flow(task_runner=ProcessTaskRunner(max_workers=2))
    def whoever() -> int:
        return pid().result()

    pids = {whoever() for _ in range(2)}

    assert set(psutil.Process().children(recursive=True)) == before
    assert len(pids) == 2


@pytest.mark.usefixtures("own_nursery")
def test_a_runner_that_is_a_context_keeps_its_workers_from_flow_run_to_flow_run() -> None:
    before = set(psutil.Process().children(recursive=True))

    with ProcessTaskRunner(max_workers=2) as runner:

        @flow(task_runner=runner)
        def whoever() -> int:
            return pid().result()

        pids = {whoever() for _ in range(3)}

    assert len(pids) == 1
    assert set(psutil.Process().children(recursive=True)) == before


@pytest.mark.usefixtures("own_nursery")
def test_the_process_that_workers_come_from_may_die_too(tmp_path: Path, turnstile: Turnstile) -> None:
    before = set(psutil.Process().children())

    @flow(task_runner=ProcessTaskRunner(max_workers=2))
    def shaken() -> int:
        held = hold_and_tell_pid(turnstile.address, tmp_path / "diary")
        turnstile.await_arrivals()
        [parent] = set(psutil.Process().children()) - before
        parent.kill()
        with pytest.raises(TaskCrashed, match="the process that starts workers ended"):
            held.result()
        return add(1, 2).result()

    assert shaken() == 3
    assert are_gone(pids_in(tmp_path / "diary"))


@pytest.mark.usefixtures("own_nursery")
def test_where_no_worker_begins_the_flow_run_ends_and_says_why(
    monkeypatch: pytest.MonkeyPatch, history: RecordedHistory
) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")

    @flow(task_runner=ProcessTaskRunner(max_workers=2))
    def hopeless() -> int:
        return add(1, 2).result()

    with pytest.raises(TaskCrashed, match=r"no worker process can be started: .*/nowhere/python"):
        hopeless()
    assert not [
        line for line in history.run().logs() if line.startswith("Task run")
    ]  # the flow run tells of all


@pytest.mark.usefixtures("own_nursery")
def test_workers_that_end_before_they_begin_end_the_flow_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")

    @flow(task_runner=ProcessTaskRunner(max_workers=2))
    def hopeless() -> int:
        return add(1, 2).result()

    with pytest.raises(TaskCrashed, match="worker processes end before they begin"):
        hopeless()
