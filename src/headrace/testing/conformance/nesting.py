"""Nesting: tasks called in tasks, flows called in flows and in tasks, several flow runs at once."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from headrace.errors import HeadraceError, TaskFailures
from headrace.flows import flow
from headrace.task_runners.runner import Capability
from headrace.testing.conformance.specimens import (
    SpecimenError,
    add,
    add_async,
    add_in_child_thread,
    add_twice,
    add_twice_async,
    call_failing_child,
    call_flow,
    count_down,
    fail,
    forget_failing_child,
    gather_children,
    tell_loops_of_children,
)
from headrace.testing.conformance.suite import Suite, lacks, needs, run
from headrace.testing.conformance.turnstile import DEADLINE_SECONDS

if TYPE_CHECKING:
    from headrace.task_runners.runner import TaskRunner
    from headrace.tasks import Task
    from headrace.testing.recorded import RecordedHistory

PARENTS = pytest.mark.parametrize(
    ("parent", "children"),
    [(add_twice, 2), (add_twice_async, 2), (add_in_child_thread, 1)],
    ids=["sync_in_sync", "async_in_async", "sync_in_async"],
)


class Nesting(Suite):
    """What is called inside a run is a run of its own, and linked to it."""

    @PARENTS
    def test_a_task_called_in_a_task_is_a_child_run(
        self, runner: TaskRunner, history: RecordedHistory, parent: Task[..., Any], children: int
    ) -> None:
        @flow(task_runner=runner)
        def sync_flow() -> Any:
            return parent(1, 2)

        @flow(task_runner=runner)
        async def async_flow() -> Any:
            return await parent(1, 2)

        assert run(sync_flow) == run(async_flow) == 1 + 2 * children
        for recorded in history.runs():
            outer, *inner = recorded.task_runs
            assert outer.parent is None
            assert [child.parent for child in inner] == [outer.id] * children
            assert {child.state for child in inner} == {"Completed"}

    def test_async_children_are_gathered(self, runner: TaskRunner) -> None:
        @flow(task_runner=runner)
        def sync_flow() -> Any:
            return gather_children(20)

        assert run(sync_flow) == list(range(0, 40, 2))

    @needs(Capability.SHARES_MEMORY)
    def test_async_children_run_on_the_loop_of_their_parent(self, runner: TaskRunner) -> None:
        @flow(task_runner=runner)
        def sync_flow() -> Any:
            return tell_loops_of_children()

        @flow(task_runner=runner)
        async def async_flow() -> Any:
            return await tell_loops_of_children()

        for loop, loop_of_child in (run(sync_flow), run(async_flow)):
            assert loop == loop_of_child

    def test_children_need_no_worker_of_their_own(self) -> None:
        @flow(task_runner=self.make_single_worker_runner())
        def sync_flow() -> Any:
            return [count_down(10), add_in_child_thread(1, 2)]

        assert run(sync_flow) == [10, 3]

    def test_a_parent_may_handle_the_failure_of_a_child(self, runner: TaskRunner) -> None:
        @flow(task_runner=runner)
        def sync_flow() -> Any:
            return call_failing_child()

        assert run(sync_flow) == "SpecimenError: of the child"

    def test_the_failure_of_a_child_that_nobody_looks_at_fails_the_flow(
        self, runner: TaskRunner, history: RecordedHistory
    ) -> None:
        @flow(task_runner=runner)
        def sync_flow() -> Any:
            return forget_failing_child()

        with pytest.raises(TaskFailures) as caught:
            run(sync_flow)
        assert [str(error) for error in caught.value.exceptions] == ["of the forgotten child"]
        assert sorted(task_run.state for task_run in history.run().task_runs) == ["Completed", "Failed"]

    # -- flows ---------------------------------------------------------------------------------

    def test_a_flow_called_in_a_flow_is_a_run_of_its_own(
        self, runner: TaskRunner, history: RecordedHistory
    ) -> None:
        @flow(task_runner=runner)
        def inner(x: int) -> Any:
            return add(x, 1)

        @flow(task_runner=runner)
        async def inner_async(x: int) -> Any:
            return await add_async(x, 1)

        @flow(task_runner=runner)
        def outer() -> Any:
            return add(inner(1), 10)

        @flow(task_runner=runner)
        async def outer_async() -> Any:
            return await add(await inner_async(1), inner(1))

        assert (run(outer), run(outer_async)) == (12, 4)
        outer_run, inner_run = history.run("outer"), history.runs("inner")[0]
        assert inner_run.row.parent == outer_run.row.id
        assert inner_run.row.task_runner == outer_run.row.task_runner == runner.name

    def test_the_failure_of_a_subflow_is_raised_by_its_call(self, runner: TaskRunner) -> None:
        @flow(task_runner=runner)
        def inner() -> Any:
            return fail("inside")

        @flow(task_runner=runner)
        def outer() -> Any:
            with pytest.raises(SpecimenError, match=r"^inside$"):
                inner()
            return add(1, 2)

        assert run(outer) == 3

    def test_a_subflow_that_was_submitted_runs_beside_its_flow(self, runner: TaskRunner) -> None:
        @flow(task_runner=runner)
        def inner(x: int) -> Any:
            return add(x, 1)

        @flow(task_runner=runner)
        def outer() -> Any:
            return [future.result(DEADLINE_SECONDS) for future in [inner.submit(x) for x in range(5)]]

        assert run(outer) == [1, 2, 3, 4, 5]

    @needs(Capability.SHARES_MEMORY)
    def test_a_flow_called_in_a_task_is_a_subflow(self, runner: TaskRunner, history: RecordedHistory) -> None:
        @flow(task_runner=runner)
        def sync_flow() -> Any:
            return call_flow(1)

        assert run(sync_flow) == 2
        outer = history.run("sync_flow")
        assert history.run("sub_flow_of_task").row.parent == f"{outer.row.id}/{outer.task_runs[0].id}"

    @lacks(Capability.SHARES_MEMORY)
    def test_a_flow_called_in_a_task_elsewhere_is_one_clear_error(self, runner: TaskRunner) -> None:
        @flow(task_runner=runner)
        def sync_flow() -> Any:
            return call_flow(1).exception()

        error = run(sync_flow)
        assert isinstance(error, HeadraceError)
        assert "sub_flow_of_task" in str(error)

    # -- several at once -----------------------------------------------------------------------

    def test_flow_runs_in_threads_do_not_mix(self, runner: TaskRunner, history: RecordedHistory) -> None:
        @flow(task_runner=runner)
        def sync_flow(base: int) -> Any:
            return sum(add.map(range(20), base).result(DEADLINE_SECONDS))

        futures = [sync_flow.submit(base) for base in range(8)]
        assert [future.result(DEADLINE_SECONDS) for future in futures] == [
            190 + 20 * base for base in range(8)
        ]
        assert [len(recorded.task_runs) for recorded in history.runs()] == [20] * 8

    def test_flow_runs_in_one_loop_do_not_mix(self, runner: TaskRunner, history: RecordedHistory) -> None:
        @flow(task_runner=runner)
        async def async_flow(base: int) -> Any:
            return sum(await add_async.map(range(10), base)) + sum(await add.map(range(10), base))

        @flow
        async def all_at_once() -> Any:
            return await asyncio.gather(*[async_flow(base) for base in range(8)])

        assert run(all_at_once) == [90 + 20 * base for base in range(8)]
        assert [len(recorded.task_runs) for recorded in history.runs("async_flow")] == [20] * 8

    def test_one_runner_serves_one_flow_run_after_another(self, runner: TaskRunner) -> None:
        @flow(task_runner=runner)
        def sync_flow(base: int) -> Any:
            return add(base, 1)

        assert [run(sync_flow, base) for base in range(20)] == list(range(1, 21))
