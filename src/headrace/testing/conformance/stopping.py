"""Stopping: what takes too long, or is not wanted any more, comes to its end in a moment, and says so."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import pytest

from headrace.errors import (
    FlowRunCancelled,
    FlowRunTimedOut,
    TaskCancelled,
    TaskTimedOut,
    UpstreamFailedError,
)
from headrace.flows import flow
from headrace.testing.conformance.specimens import add, linger, linger_async, linger_at_first
from headrace.testing.conformance.suite import Suite, run
from headrace.testing.conformance.turnstile import DEADLINE_SECONDS

if TYPE_CHECKING:
    from headrace.task_runners.runner import TaskRunner
    from headrace.tasks import Task
    from headrace.testing.conformance.turnstile import Turnstile
    from headrace.testing.recorded import RecordedHistory

LINGERS = pytest.mark.parametrize("any_linger", [linger, linger_async], ids=["sync_task", "async_task"])

_TIMEOUT_SECONDS = 1.0
"""More than it takes any runner to begin an attempt."""

_STOP_SECONDS = 5.0
"""It is over by then, whatever runs."""


class Stopping(Suite):
    """Timeouts of tasks and flows, and cancels of what executes. By the real clock: what runs elsewhere knows no other."""

    @LINGERS
    def test_a_task_that_takes_too_long_times_out_and_its_worker_is_free(
        self, history: RecordedHistory, turnstile: Turnstile, any_linger: Task[..., Any]
    ) -> None:
        hasty = any_linger.with_options(timeout_seconds=_TIMEOUT_SECONDS, name="hasty")

        @flow(task_runner=self.make_single_worker_runner())
        def sync_flow() -> Any:
            late = hasty(turnstile.address)
            dependent = add(late, 1)
            with pytest.raises(TaskTimedOut, match=r"hasty-0 did not end within 1 s"):
                late.result(DEADLINE_SECONDS)
            with pytest.raises(UpstreamFailedError):
                dependent.result(DEADLINE_SECONDS)
            return add(1, 2)

        assert run(sync_flow) == 3
        late, dependent, after = history.run().task_runs
        assert [state.name for state in late.states] == ["Pending", "Running", "TimedOut"]
        assert (dependent.state, after.state) == ("UpstreamFailed", "Completed")

    def test_a_task_that_timed_out_is_tried_again_and_each_attempt_has_its_own_timeout(
        self, runner: TaskRunner, history: RecordedHistory, turnstile: Turnstile
    ) -> None:
        asked: list[str] = []

        def ask(_task: Any, _run: Any, state: Any) -> bool:
            asked.append(state.message)
            return True

        patient = linger_at_first.with_options(
            timeout_seconds=_TIMEOUT_SECONDS, retries=1, retry_condition_fn=ask, name="patient"
        )

        @flow(task_runner=runner)
        def sync_flow() -> Any:
            return patient(turnstile.address)

        assert run(sync_flow) == 2
        names = [state.name for state in history.run().task_runs[0].states]
        assert names == ["Pending", "Running", "AwaitingRetry", "Retrying", "Completed"]
        assert len(asked) == 1
        assert "TaskTimedOut: patient-0 did not end within 1 s" in asked[0]

    @LINGERS
    def test_a_task_that_executes_is_cancelled_in_a_moment(
        self, runner: TaskRunner, history: RecordedHistory, turnstile: Turnstile, any_linger: Task[..., Any]
    ) -> None:
        @flow(task_runner=runner)
        async def async_flow() -> Any:
            unwanted = any_linger(turnstile.address)
            await asyncio.to_thread(turnstile.await_arrivals)
            began = time.monotonic()
            assert unwanted.cancel()
            with pytest.raises(TaskCancelled):
                await unwanted
            return time.monotonic() - began

        assert run(async_flow) < _STOP_SECONDS
        recorded = history.run()
        assert recorded.state == "Completed"
        assert recorded.task_runs[0].state == "Cancelled"

    @LINGERS
    def test_a_flow_run_that_takes_too_long_ends_with_all_that_it_called(
        self, runner: TaskRunner, history: RecordedHistory, turnstile: Turnstile, any_linger: Task[..., Any]
    ) -> None:
        @flow(task_runner=runner, timeout_seconds=3 * _TIMEOUT_SECONDS)
        def sync_flow() -> None:
            late = any_linger(turnstile.address)
            add(late, 1).result()

        with pytest.raises(FlowRunTimedOut, match="it did not end within 3 s"):
            run(sync_flow)
        recorded = history.run()
        assert recorded.state == "TimedOut"
        assert {task_run.state for task_run in recorded.task_runs} <= {"Cancelled"}

    @LINGERS
    def test_a_flow_run_that_is_cancelled_ends_in_a_moment_with_all_that_it_called(
        self, runner: TaskRunner, history: RecordedHistory, turnstile: Turnstile, any_linger: Task[..., Any]
    ) -> None:
        @flow(task_runner=runner)
        def sync_flow() -> None:
            unwanted = any_linger(turnstile.address)
            add(unwanted, 1).result()

        running = sync_flow.submit()
        turnstile.await_arrivals()
        began = time.monotonic()
        assert running.cancel()
        with pytest.raises(FlowRunCancelled):
            running.result(DEADLINE_SECONDS)
        assert time.monotonic() - began < _STOP_SECONDS + 1  # to leave a cluster takes its time
        recorded = history.run()
        assert recorded.state == "Cancelled"
        assert {task_run.state for task_run in recorded.task_runs} <= {"Cancelled"}
