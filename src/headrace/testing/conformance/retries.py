"""Retries: how often, after which delays, and whether at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from headrace.errors import TaskFailures
from headrace.flows import flow
from headrace.testing.conformance.specimens import (
    SpecimenError,
    add,
    raise_kind,
    succeed_at,
    succeed_at_async,
)
from headrace.testing.conformance.suite import Suite, run

if TYPE_CHECKING:
    from headrace.engine.states import State
    from headrace.run_context import TaskRunContext
    from headrace.task_runners.runner import TaskRunner
    from headrace.tasks import Task
    from headrace.testing.manual_clock import ManualClock
    from headrace.testing.recorded import RecordedHistory

KINDS = pytest.mark.parametrize(
    "any_succeed_at", [succeed_at, succeed_at_async], ids=["sync_task", "async_task"]
)


class Retries(Suite):
    """A run that fails is tried again as its task says. Delays pass on a manual clock."""

    @KINDS
    def test_a_failed_run_is_tried_again_until_it_completes(
        self, runner: TaskRunner, history: RecordedHistory, any_succeed_at: Task[..., Any]
    ) -> None:
        persistent = any_succeed_at.with_options(retries=5)

        @flow(task_runner=runner)
        def sync_flow() -> Any:
            return persistent(3)

        @flow(task_runner=runner)
        async def async_flow() -> Any:
            return await persistent(3)

        assert run(sync_flow) == run(async_flow) == 3
        for recorded in history.runs():
            assert recorded.task_runs[0].attempt_count == 3

    @KINDS
    def test_a_run_whose_retries_are_used_up_fails_with_its_last_exception(
        self, runner: TaskRunner, history: RecordedHistory, any_succeed_at: Task[..., Any]
    ) -> None:
        @flow(task_runner=runner)
        def sync_flow() -> Any:
            return any_succeed_at.with_options(retries=2)(9)

        with pytest.raises(SpecimenError, match=r"^attempt 3$"):
            run(sync_flow)
        [task_run] = history.run().task_runs
        told = [attempt.failure.message for attempt in task_run.attempts if attempt.failure is not None]
        assert told == ["attempt 1", "attempt 2", "attempt 3"]
        assert [attempt.number for attempt in task_run.attempts] == [1, 2, 3]

    @KINDS
    def test_a_delay_passes_before_each_retry(
        self,
        runner: TaskRunner,
        history: RecordedHistory,
        clock: ManualClock,
        any_succeed_at: Task[..., Any],
    ) -> None:
        @flow(task_runner=runner)
        def sync_flow() -> Any:
            return any_succeed_at.with_options(retries=3, retry_delay_seconds=[10, 100])(4)

        assert run(sync_flow) == 4
        assert clock.delays == (10.0, 100.0, 100.0)
        states = history.run().task_runs[0].states
        begun = [state.at_us for state in states if state.name in {"Running", "Retrying"}]
        assert [(at_us - begun[0]) / 1e6 for at_us in begun] == [0.0, 10.0, 110.0, 210.0]

    def test_delays_pass_in_an_async_flow_too(self, runner: TaskRunner, clock: ManualClock) -> None:
        @flow(task_runner=runner)
        async def async_flow() -> Any:
            return await succeed_at_async.with_options(retries=1, retry_delay_seconds=3600)(2)

        assert run(async_flow) == 2
        assert clock.delays == (3600.0,)

    def test_a_function_may_give_the_delays(self, runner: TaskRunner, clock: ManualClock) -> None:
        @flow(task_runner=runner)
        def sync_flow() -> Any:
            return succeed_at.with_options(retries=3, retry_delay_seconds=lambda attempt: 10.0**attempt)(4)

        assert run(sync_flow) == 4
        assert clock.delays == (10.0, 100.0, 1000.0)

    def test_jitter_stretches_a_delay_up_to_its_factor(self, runner: TaskRunner, clock: ManualClock) -> None:
        @flow(task_runner=runner)
        def sync_flow() -> Any:
            return succeed_at.with_options(retries=9, retry_delay_seconds=10, retry_jitter_factor=0.5)(10)

        assert run(sync_flow) == 10
        assert all(10.0 <= delay <= 15.0 for delay in clock.delays)
        assert len(set(clock.delays)) > 1

    def test_a_condition_decides_whether_a_failure_is_worth_a_retry(
        self, runner: TaskRunner, history: RecordedHistory
    ) -> None:
        asked: list[tuple[str, int, str | None]] = []

        def is_worth_it(task: Any, task_run: TaskRunContext, state: State) -> bool:
            asked.append((task.name, task_run.attempt, state.message))
            return task_run.attempt < 2

        @flow(task_runner=runner)
        def sync_flow() -> Any:
            return succeed_at.with_options(retries=5, retry_condition_fn=is_worth_it)(9).exception()

        assert str(run(sync_flow)) == "attempt 2"
        assert [(name, attempt) for name, attempt, _ in asked] == [("succeed_at", 1), ("succeed_at", 2)]
        assert all("attempt" in (message or "") for _, _, message in asked)
        assert history.run().task_runs[0].attempt_count == 2

    def test_a_condition_that_raises_ends_the_retries(self, runner: TaskRunner) -> None:
        def broken(*_: Any) -> bool:
            raise LookupError("the condition's own")

        @flow(task_runner=runner)
        def sync_flow() -> Any:
            return succeed_at.with_options(retries=5, retry_condition_fn=broken)(9).exception()

        assert str(run(sync_flow)) == "attempt 1"

    def test_an_exit_is_not_tried_again(self, runner: TaskRunner, history: RecordedHistory) -> None:
        @flow(task_runner=runner)
        def sync_flow() -> Any:
            raise_kind.with_options(retries=3)("exit")

        with pytest.raises(TaskFailures):
            run(sync_flow)
        assert history.run().task_runs[0].attempt_count == 1

    def test_downstreams_wait_for_the_last_attempt(self, runner: TaskRunner, clock: ManualClock) -> None:
        @flow(task_runner=runner)
        def sync_flow() -> Any:
            return add(succeed_at.with_options(retries=2, retry_delay_seconds=60)(3), 1)

        assert run(sync_flow) == 4
        assert clock.elapsed == 120.0

    def test_many_runs_wait_for_their_retries_at_once(self, runner: TaskRunner, clock: ManualClock) -> None:
        @flow(task_runner=runner)
        async def async_flow() -> Any:
            late = succeed_at.with_options(retries=1, retry_delay_seconds=60)
            return sum([await future for future in [late(2) for _ in range(50)]])

        assert run(async_flow) == 100
        assert clock.delays == (60.0,) * 50
