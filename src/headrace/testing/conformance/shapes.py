"""Shapes: wide, long and deep flows, with many workers and with one, and nothing left behind."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from headrace.dependencies import quote
from headrace.errors import UpstreamFailedError
from headrace.flows import flow
from headrace.task_runners.runner import Capability
from headrace.testing.conformance.specimens import add, add_async, block_on, fail, receive
from headrace.testing.conformance.suite import Suite, needs, run
from headrace.testing.conformance.turnstile import DEADLINE_SECONDS

if TYPE_CHECKING:
    from headrace.task_runners.runner import TaskRunner
    from headrace.tasks import Task
    from headrace.testing.recorded import RecordedHistory

KINDS = pytest.mark.parametrize("any_add", [add, add_async], ids=["sync_task", "async_task"])


class Shapes(Suite):
    """A flow of any shape ends, also with one worker, since no task holds one while it waits."""

    @KINDS
    def test_two_thousand_runs_beside_each_other(
        self, runner: TaskRunner, history: RecordedHistory, any_add: Task[..., Any]
    ) -> None:
        @flow(task_runner=runner)
        def sync_flow() -> Any:
            return sum(any_add.map(range(2000), 1).result(DEADLINE_SECONDS))

        assert run(sync_flow) == 2_001_000
        assert history.run().row.task_runs == {"COMPLETED": 2000}

    @KINDS
    def test_two_thousand_runs_of_an_async_flow(self, runner: TaskRunner, any_add: Task[..., Any]) -> None:
        @flow(task_runner=runner)
        async def async_flow() -> Any:
            return sum(await any_add.map(range(2000), 1))

        assert run(async_flow) == 2_001_000

    @KINDS
    def test_a_chain_of_five_hundred(
        self, runner: TaskRunner, history: RecordedHistory, any_add: Task[..., Any]
    ) -> None:
        @flow(task_runner=runner)
        def sync_flow() -> Any:
            value: Any = 0
            for _ in range(500):
                value = any_add(value, 1)
            return value

        @flow(task_runner=runner)
        async def async_flow() -> Any:
            value: Any = 0
            for _ in range(500):
                value = any_add(value, 1)
            return await value

        assert run(sync_flow) == run(async_flow) == 500
        for recorded in history.runs():
            assert recorded.edges == [(id, id + 1) for id in range(1, 500)]

    def test_a_failure_at_the_head_of_a_long_chain_reaches_its_end(
        self, runner: TaskRunner, history: RecordedHistory
    ) -> None:
        @flow(task_runner=runner)
        async def async_flow() -> Any:
            value: Any = fail("at the head")
            for _ in range(500):
                value = add(value, 1)
            with pytest.raises(UpstreamFailedError) as caught:
                await value
            return str(caught.value.__cause__)

        assert run(async_flow) == "at the head"
        assert history.run().row.task_runs == {"FAILED": 501}

    @pytest.mark.parametrize("is_async", [False, True], ids=["sync_flow", "async_flow"])
    def test_a_deep_net_ends_with_one_worker(self, is_async: bool) -> None:  # noqa: FBT001 - parametrized
        def net() -> Any:
            layer: list[Any] = [add(0, 0) for _ in range(8)]
            for depth in range(12):
                kind = add_async if depth % 3 == 0 else add
                layer = [kind(layer[i], layer[(i + depth) % 8]) for i in range(8)]
            return receive([layer, {"again": layer[0]}])

        @flow(task_runner=self.make_single_worker_runner())
        def sync_flow() -> Any:
            return net()

        @flow(task_runner=self.make_single_worker_runner())
        async def async_flow() -> Any:
            return await net()

        assert run(async_flow if is_async else sync_flow) == [[0] * 8, {"again": 0}]

    def test_deeply_nested_arguments_are_searched_to_the_bottom(self, runner: TaskRunner) -> None:
        @flow(task_runner=runner)
        def sync_flow() -> Any:
            value: Any = add(1, 2)
            for _ in range(50):
                value = [value]
            return receive(value)

        value = run(sync_flow)
        for _ in range(50):
            [value] = value
        assert value == 3

    @needs(Capability.SHARES_MEMORY)
    def test_a_task_that_blocks_on_a_future_lends_its_worker(self) -> None:
        @flow(task_runner=self.make_single_worker_runner())
        async def async_flow() -> Any:
            awaited = add(add(1, 2), 3)
            return await block_on(quote(awaited))

        assert run(async_flow) == 6

    def test_nothing_that_keeps_the_process_alive_is_left(self, runner: TaskRunner) -> None:
        before = set(threading.enumerate())

        @flow(task_runner=runner)
        def sync_flow() -> Any:
            return [add(1, 2), add_async(1, 2)]

        @flow(task_runner=runner)
        async def async_flow() -> Any:
            return await add(1, 2), await add_async(1, 2)

        run(sync_flow)
        run(async_flow)
        left = [thread for thread in set(threading.enumerate()) - before if not thread.daemon]
        for thread in left:
            thread.join(DEADLINE_SECONDS)
        assert [thread for thread in left if thread.is_alive()] == []
