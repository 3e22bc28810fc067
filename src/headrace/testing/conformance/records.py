"""Records: every run of every flow is in the history, whole."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from headrace.flows import flow
from headrace.testing.conformance.specimens import (
    add,
    add_async,
    fail,
    receive,
    succeed_at,
    succeed_at_async,
)
from headrace.testing.conformance.suite import Suite, run

if TYPE_CHECKING:
    from headrace.history.reader import TaskRun
    from headrace.task_runners.runner import TaskRunner
    from headrace.tasks import Task
    from headrace.testing.recorded import RecordedHistory


class Records(Suite):
    """States with their times in order, attempts, upstream edges, parameters, results."""

    @pytest.mark.parametrize("any_add", [add, add_async], ids=["sync_task", "async_task"])
    def test_a_completed_run_is_recorded_whole(
        self, runner: TaskRunner, history: RecordedHistory, any_add: Task[..., Any]
    ) -> None:
        named = any_add.with_options(name="sum", tags=["a", "b"])

        @flow(task_runner=runner)
        def sync_flow() -> Any:
            return named(1, y=2)

        run(sync_flow)
        recorded = history.run("sync_flow")
        task_run = recorded.task_run("sum-0")
        assert (recorded.state, recorded.row.task_runs) == ("Completed", {"COMPLETED": 1})
        assert names_of_states(task_run) == ["Pending", "Running", "Completed"]
        assert (task_run.task, task_run.task_index, task_run.tags) == ("sum", 0, ("a", "b"))
        assert (task_run.attempt_count, task_run.failure, task_run.upstreams) == (1, None, ())
        assert task_run.result_preview == "3"
        assert task_run.parameters is not None
        assert json.loads(task_run.parameters) == {"x": 1, "y": 2}
        assert task_run.worker
        assert_times_are_in_order(task_run)

    @pytest.mark.parametrize(
        "any_succeed_at", [succeed_at, succeed_at_async], ids=["sync_task", "async_task"]
    )
    def test_every_attempt_is_recorded_with_its_times(
        self, runner: TaskRunner, history: RecordedHistory, any_succeed_at: Task[..., Any]
    ) -> None:
        @flow(task_runner=runner)
        def sync_flow() -> Any:
            return any_succeed_at.with_options(retries=2)(3)

        run(sync_flow)
        [task_run] = history.run().task_runs
        assert [name for name in names_of_states(task_run) if name != "AwaitingSlot"] == [
            "Pending", "Running", "AwaitingRetry", "Retrying", "AwaitingRetry", "Retrying", "Completed",
        ]  # fmt: skip
        assert task_run.attempt_count == 3
        assert [attempt.number for attempt in task_run.attempts] == [1, 2, 3]
        assert_times_are_in_order(task_run)

    def test_edges_lead_from_every_upstream(self, runner: TaskRunner, history: RecordedHistory) -> None:
        @flow(task_runner=runner)
        def sync_flow() -> Any:
            first, second = add(1, 2), add_async(3, 4)
            third = receive({"nested": [first, second, first]})
            return receive("last", wait_for=[third])

        run(sync_flow)
        recorded = history.run()
        upstreams = {task_run.name: task_run.upstreams for task_run in recorded.task_runs}
        assert upstreams == {"add-0": (), "add_async-0": (), "receive-0": (1, 2), "receive-1": (3,)}
        assert sorted(recorded.edges, key=str) == [(1, 3), (2, 3), (3, 4)]

    def test_a_failed_run_and_its_downstreams_are_recorded(
        self, runner: TaskRunner, history: RecordedHistory
    ) -> None:
        @flow(task_runner=runner)
        def sync_flow() -> None:
            add(fail("on record"), 1).exception()

        run(sync_flow)
        failed, downstream = history.run().task_runs
        assert names_of_states(failed) == ["Pending", "Running", "Failed"]
        assert names_of_states(downstream) == ["Pending", "UpstreamFailed"]
        assert downstream.upstreams == (failed.id,)
        assert downstream.attempt_count == 0
        for task_run in (failed, downstream):
            assert_times_are_in_order(task_run)

    def test_all_is_recorded_when_the_call_of_the_flow_returns(
        self, runner: TaskRunner, history: RecordedHistory
    ) -> None:
        @flow(task_runner=runner)
        def sync_flow(count: int) -> None:
            add.map(range(count), 1)

        for count in (1, 10, 100):
            run(sync_flow, count)
            recorded = history.runs()[-1]
            assert recorded.state == "Completed"
            assert [task_run.state for task_run in recorded.task_runs] == ["Completed"] * count


def names_of_states(task_run: TaskRun) -> list[str]:
    """The names of its states, in their order; that it waited for a slot at first does not matter."""
    names = [state.name for state in task_run.states]
    return [names[0], *names[2:]] if names[1:2] == ["AwaitingSlot"] else names


def assert_times_are_in_order(task_run: TaskRun) -> None:
    """No state before the one before it; started and ended where the states say so."""
    times = [state.at_us for state in task_run.states]
    assert times == sorted(times), task_run.states
    assert task_run.submitted_us == times[0]
    assert task_run.ended_us == times[-1]
    if "Running" in names_of_states(task_run):
        assert task_run.started_us is not None
        assert times[0] <= task_run.started_us <= times[-1]
