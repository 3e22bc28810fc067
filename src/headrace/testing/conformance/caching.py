"""Caching: what was computed is given again, wherever tasks execute, and equal calls at once are executed once."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from headrace.cache_policies import INPUTS, TASK_SOURCE
from headrace.flows import flow
from headrace.testing.conformance.specimens import (
    SpecimenError,
    add,
    add_async,
    describe,
    fail,
    hold,
    hold_async,
    make_bytes,
    make_lock,
    measure,
    receive,
    succeed_at,
)
from headrace.testing.conformance.suite import Suite, run

if TYPE_CHECKING:
    from headrace.task_runners.runner import TaskRunner
    from headrace.tasks import Task
    from headrace.testing.conformance.turnstile import Turnstile
    from headrace.testing.recorded import RecordedHistory

KINDS = pytest.mark.parametrize("any_add", [add, add_async], ids=["sync_task", "async_task"])
HOLDS = pytest.mark.parametrize("any_hold", [hold, hold_async], ids=["sync_task", "async_task"])
LARGE = 2_000_000


class Caching(Suite):
    """Decided in the flow's process, before an attempt goes to the task runner."""

    @KINDS
    def test_a_call_is_given_what_an_equal_one_gave(
        self, runner: TaskRunner, history: RecordedHistory, any_add: Task[..., Any]
    ) -> None:
        cached = any_add.with_options(cache_policy=INPUTS + TASK_SOURCE)

        @flow(task_runner=runner)
        def sync_flow() -> Any:
            return [future.result() for future in (cached(1, 2), cached(1, y=2), cached(2, 2))]

        assert [run(sync_flow), run(sync_flow)] == [[3, 3, 4]] * 2
        first, second = history.runs()
        assert _states(first) == {"Completed": 2, "Cached": 1}
        assert _states(second) == {"Cached": 3}
        assert second.task_runs[2].cached_from == f"{first.row.id}/3"

    @HOLDS
    def test_equal_calls_at_once_are_executed_once_and_hold_no_worker(
        self, runner: TaskRunner, history: RecordedHistory, turnstile: Turnstile, any_hold: Task[..., Any]
    ) -> None:
        cached = any_hold.with_options(cache_policy=INPUTS)

        @flow(task_runner=runner)
        async def async_flow() -> Any:
            futures = [cached(turnstile.address, 1) for _ in range(100)]
            turnstile.open()
            return [await future for future in futures]

        assert run(async_flow) == [1] * 100
        assert _states(history.run()) == {"Completed": 1, "Cached": 99}

    def test_the_value_of_a_cached_run_goes_on_to_its_downstreams(
        self, runner: TaskRunner, history: RecordedHistory
    ) -> None:
        cached = add.with_options(cache_policy=INPUTS)

        @flow(task_runner=runner)
        def sync_flow() -> Any:
            return describe([receive(cached(1, 2)), cached(1, 2)]).result()

        assert run(sync_flow) == run(sync_flow)
        assert _states(history.runs()[1]) == {"Cached": 2, "Completed": 2}

    def test_a_large_argument_counts_by_its_value(self, runner: TaskRunner, history: RecordedHistory) -> None:
        cached = measure.with_options(cache_policy=INPUTS)

        @flow(task_runner=runner)
        def sync_flow() -> Any:
            return [cached(make_bytes(size)).result() for size in (LARGE, LARGE, LARGE + 1)]

        assert run(sync_flow) == [LARGE, LARGE, LARGE + 1]
        assert [task_run.state for task_run in history.run().task_runs if task_run.task == "measure"] == [
            "Completed",
            "Cached",
            "Completed",
        ]

    def test_a_failure_is_not_cached(self, runner: TaskRunner, history: RecordedHistory) -> None:
        cached = fail.with_options(cache_policy=INPUTS)

        @flow(task_runner=runner)
        def sync_flow() -> Any:
            return [type(cached("so it is").exception()) for _ in range(2)]

        assert run(sync_flow) == [SpecimenError] * 2
        assert _states(history.run()) == {"Failed": 2}

    def test_retries_are_waited_for(self, runner: TaskRunner, history: RecordedHistory) -> None:
        cached = succeed_at.with_options(cache_policy=INPUTS, retries=2)

        @flow(task_runner=runner)
        def sync_flow() -> Any:
            return cached.map([3] * 5).result()

        assert run(sync_flow) == [3] * 5
        recorded = history.run()
        assert _states(recorded) == {"Completed": 1, "Cached": 4}
        assert sorted(task_run.attempt_count for task_run in recorded.task_runs) == [0, 0, 0, 0, 3]

    def test_a_value_that_cannot_be_stored_is_made_by_each_call(
        self, runner: TaskRunner, history: RecordedHistory
    ) -> None:
        cached = make_lock.with_options(cache_policy=INPUTS)

        @flow(task_runner=runner)
        def sync_flow() -> None:
            for future in [cached() for _ in range(3)]:
                future.exception()

        run(sync_flow)
        assert "Cached" not in _states(history.run())


def _states(recorded: Any) -> Counter[str]:
    return Counter([task_run.state for task_run in recorded.task_runs])
