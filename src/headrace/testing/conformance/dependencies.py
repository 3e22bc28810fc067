"""Dependencies: futures in arguments, order without data."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from headrace.dependencies import allow_failure, quote
from headrace.flows import flow
from headrace.task_runners.runner import Capability
from headrace.testing.conformance.specimens import (
    Parcel,
    Point,
    SpecimenError,
    add,
    add_async,
    describe,
    fail,
    fail_async,
    find_itself_inside,
    hold,
    receive,
    receive_async,
)
from headrace.testing.conformance.suite import Suite, lacks, needs, run

if TYPE_CHECKING:
    from headrace.task_runners.runner import TaskRunner
    from headrace.tasks import Task
    from headrace.testing.conformance.turnstile import Turnstile
    from headrace.testing.recorded import RecordedHistory

KINDS = pytest.mark.parametrize("any_receive", [receive, receive_async], ids=["sync_task", "async_task"])


class Dependencies(Suite):
    """A future found in an argument is an upstream, and its value takes its place."""

    @KINDS
    def test_futures_are_found_in_nested_containers(
        self, runner: TaskRunner, any_receive: Task[..., Any]
    ) -> None:
        @flow(task_runner=runner)
        def sync_flow() -> Any:
            three = add(1, 2)
            return any_receive(
                {
                    three: [three, (three, add_async(2, 2))],
                    "set": {three},
                    "named": Point(three, [three]),
                    "data": Parcel({"in": three}),
                    "plain": [1, "two", None],
                }
            )

        assert run(sync_flow) == {
            3: [3, (3, 4)],
            "set": {3},
            "named": Point(3, [3]),
            "data": Parcel({"in": 3}),
            "plain": [1, "two", None],
        }

    def test_a_list_that_holds_itself_is_searched_once(self, runner: TaskRunner) -> None:
        @flow(task_runner=runner)
        def sync_flow() -> Any:
            values: list[Any] = [add(1, 2)]
            values.append(values)
            return find_itself_inside(values)

        assert run(sync_flow) == (True, 3)

    def test_an_upstream_may_belong_to_another_flow_run(self, runner: TaskRunner) -> None:
        @flow(task_runner=runner)
        def inner(future: Any) -> Any:
            return add(future, 1).result()

        @flow(task_runner=runner)
        def outer() -> Any:
            future = add(1, 2)
            return inner(quote(future)), add(future, 10)

        assert run(outer) == (4, 13)

    @KINDS
    def test_wait_for_orders_without_data(
        self, runner: TaskRunner, history: RecordedHistory, any_receive: Task[..., Any]
    ) -> None:
        @flow(task_runner=runner)
        def sync_flow() -> Any:
            first = add_async(1, 2)
            return any_receive("second", wait_for=[first])

        assert run(sync_flow) == "second"
        first, second = history.run().task_runs
        assert first.ended_us is not None
        assert second.started_us is not None
        assert first.ended_us <= second.started_us

    @needs(Capability.OVERLAPS)
    def test_a_run_that_waits_for_another_does_not_begin_beside_it(
        self, runner: TaskRunner, history: RecordedHistory, turnstile: Turnstile
    ) -> None:
        @flow(task_runner=runner)
        async def async_flow() -> Any:
            held = hold(turnstile.address, 1)
            after = receive("after", wait_for=[held])
            await asyncio.to_thread(turnstile.await_arrivals)
            assert await add_async(1, 2) == 3
            assert not after.done()
            turnstile.open()
            return await after

        assert run(async_flow) == "after"
        held, after, _ = history.run().task_runs
        assert held.ended_us is not None
        assert after.started_us is not None
        assert held.ended_us <= after.started_us

    @KINDS
    def test_an_upstream_that_is_allowed_to_fail_gives_its_exception(
        self, runner: TaskRunner, any_receive: Task[..., Any]
    ) -> None:
        @flow(task_runner=runner)
        def sync_flow() -> Any:
            failures = [allow_failure(fail("a")), allow_failure(fail_async("b"))]
            return describe(any_receive(allow_failure(add(1, 2)))), any_receive(failures)

        value, (first, second) = run(sync_flow)
        assert value == "int: 3"
        assert (type(first), str(first)) == (SpecimenError, "a")
        assert (type(second), str(second)) == (SpecimenError, "b")

    def test_what_is_quoted_is_not_searched(self, runner: TaskRunner) -> None:
        @flow(task_runner=runner)
        def sync_flow() -> Any:
            return receive(quote([1, 2]))

        assert run(sync_flow) == [1, 2]

    @needs(Capability.SHARES_MEMORY)
    def test_a_quoted_future_stays_a_future(self, runner: TaskRunner) -> None:
        @flow(task_runner=runner)
        def sync_flow() -> Any:
            future = add(1, 2)
            assert receive(quote([future])).result()[0] is future
            return future

        assert run(sync_flow) == 3

    @lacks(Capability.SHARES_MEMORY)
    def test_a_quoted_future_cannot_travel_and_the_error_says_what_to_do(self, runner: TaskRunner) -> None:
        @flow(task_runner=runner)
        def sync_flow() -> Any:
            return receive(quote([add(1, 2)])).exception()

        assert "pass it to a task as an argument" in str(run(sync_flow))

    def test_a_task_starts_only_when_all_its_upstreams_have_ended(
        self, runner: TaskRunner, turnstile: Turnstile
    ) -> None:
        @flow(task_runner=runner)
        async def async_flow() -> Any:
            quick, slow = add(1, 2), hold(turnstile.address, 4)
            total = add(quick, slow)
            await quick
            has_begun = total.state.name.type
            turnstile.open()
            return has_begun, await total

        state_type, total = run(async_flow)
        assert state_type == "PENDING"
        assert total == 7
