"""Cancelling: what has not started never does."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from headrace.errors import TaskCancelled, UpstreamFailedError
from headrace.flows import flow
from headrace.testing.conformance.specimens import add, hold, hold_async
from headrace.testing.conformance.suite import Suite, run, within_deadline

if TYPE_CHECKING:
    from headrace.task_runners.runner import TaskRunner
    from headrace.tasks import Task
    from headrace.testing.conformance.turnstile import Turnstile
    from headrace.testing.recorded import RecordedHistory

HOLDS = pytest.mark.parametrize("any_hold", [hold, hold_async], ids=["sync_task", "async_task"])


class Cancelling(Suite):
    """In async flows, since there every runner gives futures of runs that have not started."""

    @HOLDS
    def test_a_run_that_has_not_started_is_cancelled_and_does_not_fail_the_flow(
        self, runner: TaskRunner, history: RecordedHistory, turnstile: Turnstile, any_hold: Task[..., Any]
    ) -> None:
        @flow(task_runner=runner)
        async def async_flow() -> Any:
            held = any_hold(turnstile.address, 1)
            waiting = add(held, 2)
            further = add(waiting, 3)
            assert waiting.cancel()
            turnstile.open()
            with pytest.raises(TaskCancelled):
                await waiting
            with pytest.raises(UpstreamFailedError):
                await further
            assert not waiting.cancel()
            return await held

        assert run(async_flow) == 1
        recorded = history.run()
        assert recorded.state == "Completed"
        assert [task_run.state for task_run in recorded.task_runs] == [
            "Completed",
            "Cancelled",
            "UpstreamFailed",
        ]
        assert recorded.task_runs[1].started_us is None

    def test_a_run_that_waits_for_a_worker_is_cancelled(
        self, history: RecordedHistory, turnstile: Turnstile
    ) -> None:
        runner = self.make_single_worker_runner()

        @flow(task_runner=runner)
        async def async_flow() -> Any:
            held = hold(turnstile.address, 1)
            await asyncio.to_thread(turnstile.await_arrivals)
            queued = [add(number, number) for number in range(20)]
            for future in queued:
                future.cancel()
            turnstile.open()
            return await held

        assert run(async_flow) == 1
        first, *others = [task_run.state for task_run in history.run().task_runs]
        assert first == "Completed"
        if runner.slots.count == 1:
            assert others == ["Cancelled"] * 20
        else:  # there were workers enough: some may have ended before they were cancelled
            assert set(others) <= {"Cancelled", "Completed"}

    @HOLDS
    def test_a_cancelled_await_cancels_the_run(
        self, runner: TaskRunner, history: RecordedHistory, turnstile: Turnstile, any_hold: Task[..., Any]
    ) -> None:
        @flow(task_runner=runner)
        async def async_flow() -> Any:
            held = any_hold(turnstile.address, 1)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(add(held, 2), 0)
            turnstile.open()
            return await held

        assert run(async_flow) == 1
        assert [task_run.state for task_run in history.run().task_runs] == ["Completed", "Cancelled"]

    @HOLDS
    def test_a_flow_that_raises_lets_what_runs_end_and_starts_nothing_more(
        self, runner: TaskRunner, history: RecordedHistory, turnstile: Turnstile, any_hold: Task[..., Any]
    ) -> None:
        @flow(task_runner=runner)
        async def async_flow() -> Any:
            held = any_hold(turnstile.address, 1)
            add(held, 2)
            await asyncio.to_thread(turnstile.await_arrivals)
            asyncio.get_running_loop().call_soon(turnstile.open)
            raise LookupError("of the flow")

        with pytest.raises(LookupError, match="of the flow"):
            run(async_flow)
        held, waiting = history.run().task_runs
        assert held.state == "Completed"
        assert (waiting.state, waiting.started_us) == ("Cancelled", None)
        assert waiting.states[-1].message == "flow failed"

    def test_a_cancelled_flow_run_starts_nothing_more(
        self, runner: TaskRunner, history: RecordedHistory, turnstile: Turnstile
    ) -> None:
        @flow(task_runner=runner)
        async def async_flow() -> Any:
            held = hold_async(turnstile.address, 1)
            try:
                return await add(held, 2)
            finally:
                turnstile.open()

        async def cancel_it() -> None:
            task = asyncio.create_task(async_flow())
            await asyncio.to_thread(turnstile.await_arrivals)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

        run_coroutine(cancel_it)
        recorded = history.run()
        assert recorded.state == "Cancelled"
        assert recorded.task_runs[1].state == "Cancelled"
        assert recorded.task_runs[1].started_us is None


def run_coroutine(function: Any) -> None:
    """Run it to its end, within the deadline."""
    within_deadline(lambda: asyncio.run(function()))
