"""Calling tasks: every kind of task in every kind of flow, futures, map."""

from __future__ import annotations

import asyncio
import threading
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from headrace.dependencies import unmapped
from headrace.engine.states import StateType
from headrace.errors import WouldDeadlockError
from headrace.flows import flow
from headrace.futures import TaskFuture
from headrace.task_runners.runner import Capability
from headrace.testing.conformance.specimens import (
    SpecimenError,
    add,
    add_async,
    count_up_to,
    fail,
    hold,
    hold_async,
    make_lock,
    receive,
    receive_async,
    tell_loop,
    tell_thread,
)
from headrace.testing.conformance.suite import Suite, lacks, needs, run
from headrace.testing.conformance.turnstile import DEADLINE_SECONDS, Turnstile
from headrace.waiting import as_completed, wait

if TYPE_CHECKING:
    from headrace.task_runners.runner import TaskRunner
    from headrace.tasks import Task

KINDS = pytest.mark.parametrize("any_add", [add, add_async], ids=["sync_task", "async_task"])
HOLDS = pytest.mark.parametrize("any_hold", [hold, hold_async], ids=["sync_task", "async_task"])


class Calls(Suite):
    """Calling a task gives a future, and the future the value."""

    @KINDS
    def test_a_task_in_a_sync_flow_gives_its_value(self, runner: TaskRunner, any_add: Task[..., Any]) -> None:
        @flow(task_runner=runner)
        def sync_flow() -> Any:
            future = any_add(1, 2)
            assert isinstance(future, TaskFuture)
            return future.result()

        assert run(sync_flow) == 3

    @KINDS
    def test_a_task_in_an_async_flow_gives_its_value(
        self, runner: TaskRunner, any_add: Task[..., Any]
    ) -> None:
        @flow(task_runner=runner)
        async def async_flow() -> Any:
            future = any_add(1, 2)
            assert isinstance(future, TaskFuture)
            return await future

        assert run(async_flow) == 3

    @KINDS
    def test_submit_is_the_same_call(self, runner: TaskRunner, any_add: Task[..., Any]) -> None:
        @flow(task_runner=runner)
        def sync_flow() -> Any:
            return any_add.submit(1, y=any_add.submit(2, 3))

        assert run(sync_flow) == 6

    def test_sync_and_async_tasks_feed_each_other(self, runner: TaskRunner) -> None:
        @flow(task_runner=runner)
        def sync_flow() -> Any:
            return add(add_async(1, add(2, 3)), add_async(add(4, 5), 6))

        @flow(task_runner=runner)
        async def async_flow() -> Any:
            return add(add_async(1, add(2, 3)), add_async(add(4, 5), 6))

        assert (run(sync_flow), run(async_flow)) == (21, 21)

    def test_futures_in_the_value_of_a_flow_become_their_values(self, runner: TaskRunner) -> None:
        @flow(task_runner=runner)
        def sync_flow() -> Any:
            return {"sums": [add(1, 1), (add_async(2, 2), 3)]}

        assert run(sync_flow) == {"sums": [2, (4, 3)]}

    def test_gather_takes_futures_as_coroutines(self, runner: TaskRunner) -> None:
        @flow(task_runner=runner)
        async def async_flow() -> Any:
            sums = await asyncio.gather(
                *[add(i, i) for i in range(20)], *[add_async(i, i) for i in range(20)]
            )
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(add(sums[-1], i)) for i in range(3)]
            return [*sums, *[task.result() for task in tasks]]

        assert run(async_flow) == [*range(0, 40, 2), *range(0, 40, 2), 38, 39, 40]

    def test_wait_gives_the_final_state_and_exception_the_failure(self, runner: TaskRunner) -> None:
        @flow(task_runner=runner)
        def sync_flow() -> Any:
            good, bad = add(1, 2), fail()
            states = [future.wait(DEADLINE_SECONDS) for future in (good, bad)]
            assert good.done()
            assert bad.done()
            assert good.exception() is None
            assert isinstance(bad.exception(), SpecimenError)
            return [None if state is None else state.type for state in states]

        assert run(sync_flow) == [StateType.COMPLETED, StateType.FAILED]

    def test_wait_and_as_completed_serve_many_futures(self, runner: TaskRunner) -> None:
        @flow(task_runner=runner)
        def sync_flow() -> Any:
            futures = [add(i, i) for i in range(10)]
            ended = {future.result() for future in as_completed(futures, timeout=DEADLINE_SECONDS)}
            done, not_done = wait(futures)
            return ended, len(done), len(not_done)

        @flow(task_runner=runner)
        async def async_flow() -> Any:
            futures = [add_async(i, i) for i in range(10)]
            ended = {await future async for future in as_completed(futures, timeout=DEADLINE_SECONDS)}
            done, not_done = await wait(futures)
            return ended, len(done), len(not_done)

        assert run(sync_flow) == run(async_flow) == (set(range(0, 20, 2)), 10, 0)

    # -- map -----------------------------------------------------------------------------------

    @KINDS
    def test_map_calls_a_task_once_an_item(self, runner: TaskRunner, any_add: Task[..., Any]) -> None:
        @flow(task_runner=runner)
        def sync_flow() -> Any:
            return any_add.map([1, 2, 3], unmapped(10)).result(DEADLINE_SECONDS)

        @flow(task_runner=runner)
        async def async_flow() -> Any:
            return await any_add.map([1, 2, 3], y=[10, 10, 10])

        assert run(sync_flow) == run(async_flow) == [11, 12, 13]

    def test_map_over_a_list_to_come_waits_for_it(self, runner: TaskRunner) -> None:
        @flow(task_runner=runner)
        def sync_flow() -> Any:
            return add.map(count_up_to(4), 1).result(DEADLINE_SECONDS)

        @flow(task_runner=runner)
        async def async_flow() -> Any:
            return await add.map(count_up_to(4), 1)

        assert run(sync_flow) == run(async_flow) == [1, 2, 3, 4]

    def test_map_over_lists_of_different_lengths_is_an_error(self, runner: TaskRunner) -> None:
        @flow(task_runner=runner)
        def sync_flow() -> None:
            add.map([1, 2], [1, 2, 3])

        with pytest.raises(ValueError, match="x has 2, y has 3"):
            run(sync_flow)

    # -- who waits for whom --------------------------------------------------------------------

    @HOLDS
    def test_a_call_returns_before_its_run_has_ended(
        self, runner: TaskRunner, turnstile: Turnstile, any_hold: Task[..., Any]
    ) -> None:
        if runner.executes_in_caller:
            pytest.skip(f"{runner!r} executes the runs of a sync flow in its thread: see the next case")

        @flow(task_runner=runner)
        def sync_flow() -> Any:
            future = any_hold(turnstile.address, "through")
            turnstile.await_arrivals()
            is_done = future.done()
            turnstile.open()
            return is_done, future.result()

        assert run(sync_flow) == (False, "through")

    @KINDS
    def test_a_runner_that_executes_in_the_caller_ends_each_run_before_its_call_returns(
        self, runner: TaskRunner, any_add: Task[..., Any]
    ) -> None:
        if not runner.executes_in_caller:
            pytest.skip(f"{runner!r} executes runs beside the caller: see the case before")

        @flow(task_runner=runner)
        def sync_flow() -> Any:
            return [any_add(i, i).done() for i in range(5)]

        assert run(sync_flow) == [True] * 5

    @HOLDS
    def test_an_async_flow_goes_on_while_its_tasks_run(
        self, runner: TaskRunner, turnstile: Turnstile, any_hold: Task[..., Any]
    ) -> None:
        @flow(task_runner=runner)
        async def async_flow() -> Any:
            future = any_hold(turnstile.address, "through")
            await asyncio.to_thread(turnstile.await_arrivals)
            is_done = future.done()
            turnstile.open()
            return is_done, await future

        assert run(async_flow) == (False, "through")

    @HOLDS
    def test_a_wait_that_runs_out_is_a_timeout_error_and_the_run_goes_on(
        self, runner: TaskRunner, turnstile: Turnstile, any_hold: Task[..., Any]
    ) -> None:
        if runner.executes_in_caller:
            pytest.skip(f"{runner!r} gives a sync flow no unfinished future")

        @flow(task_runner=runner)
        def sync_flow() -> Any:
            future = any_hold(turnstile.address, "through")
            with pytest.raises(TimeoutError, match="it goes on"):
                future.result(timeout=0)
            assert future.wait(timeout=0) is None
            turnstile.open()
            return future.result()

        assert run(sync_flow) == "through"

    @HOLDS
    def test_blocking_on_the_loop_that_a_run_needs_is_an_error_that_says_await_it(
        self, runner: TaskRunner, turnstile: Turnstile, any_hold: Task[..., Any]
    ) -> None:
        @flow(task_runner=runner)
        async def async_flow() -> Any:
            future = any_hold(turnstile.address, "through")
            with pytest.raises(WouldDeadlockError, match="await it instead"):
                future.result()
            turnstile.open()
            await future
            return future.result()  # it has ended: this blocks nothing

        assert run(async_flow) == "through"

    def test_a_sync_flow_may_block_inside_a_running_loop(self, runner: TaskRunner) -> None:
        @flow(task_runner=runner)
        def sync_flow() -> Any:
            return [add(1, 2).result(), add_async(1, 2).result()]

        @flow
        async def notebook() -> Any:
            return sync_flow()

        assert run(notebook) == [3, 3]

    # -- what overlaps -------------------------------------------------------------------------

    @needs(Capability.OVERLAPS)
    @HOLDS
    def test_runs_of_a_sync_flow_overlap(self, runner: TaskRunner, any_hold: Task[..., Any]) -> None:
        with Turnstile(opens_at=3) as turnstile:

            @flow(task_runner=runner)
            def sync_flow() -> Any:
                return [any_hold(turnstile.address, number) for number in range(3)]

            assert run(sync_flow) == [0, 1, 2]

    @needs(Capability.OVERLAPS)
    @HOLDS
    def test_runs_of_an_async_flow_overlap(self, runner: TaskRunner, any_hold: Task[..., Any]) -> None:
        with Turnstile(opens_at=3) as turnstile:

            @flow(task_runner=runner)
            async def async_flow() -> Any:
                return await asyncio.gather(*[any_hold(turnstile.address, number) for number in range(3)])

            assert run(async_flow) == [0, 1, 2]

    @lacks(Capability.OVERLAPS)
    def test_runs_that_cannot_overlap_go_one_by_one_in_the_order_of_their_calls(
        self, runner: TaskRunner, history: Any
    ) -> None:
        @flow(task_runner=runner)
        async def async_flow() -> Any:
            calls = [add_async(i, i) if i % 2 else add(i, i) for i in range(10)]
            return await asyncio.gather(*calls)

        assert run(async_flow) == list(range(0, 20, 2))
        task_runs = history.run().task_runs
        for earlier, later in pairwise(task_runs):
            assert earlier.ended_us <= later.started_us

    # -- where it runs -------------------------------------------------------------------------

    @needs(Capability.SHARES_MEMORY)
    def test_async_tasks_of_an_async_flow_run_on_its_loop(self, runner: TaskRunner) -> None:
        @flow(task_runner=runner)
        async def async_flow() -> Any:
            return [await tell_loop() for _ in range(3)], id(asyncio.get_running_loop())

        loops, own_loop = run(async_flow)
        assert set(loops) == {own_loop}

    @needs(Capability.SHARES_MEMORY)
    def test_async_tasks_of_sync_flows_run_on_one_loop(self, runner: TaskRunner) -> None:
        @flow(task_runner=runner)
        def sync_flow() -> Any:
            return [tell_loop() for _ in range(3)]

        assert len({*run(sync_flow), *run(sync_flow)}) == 1

    @needs(Capability.SHARES_MEMORY)
    def test_a_sync_task_runs_in_the_thread_of_its_caller_only_if_the_runner_says_so(
        self, runner: TaskRunner
    ) -> None:
        @flow(task_runner=runner)
        def sync_flow() -> Any:
            return tell_thread().result() == threading.get_ident()

        @flow(task_runner=runner)
        async def async_flow() -> Any:
            return await tell_thread() == threading.get_ident()

        assert run(sync_flow) is runner.executes_in_caller
        assert run(async_flow) is False

    @needs(Capability.SHARES_MEMORY)
    @pytest.mark.parametrize("any_receive", [receive, receive_async], ids=["sync_task", "async_task"])
    def test_values_are_passed_on_as_they_are(self, runner: TaskRunner, any_receive: Task[..., Any]) -> None:
        value = [object(), {"deep": [object()]}]

        @flow(task_runner=runner)
        def sync_flow() -> Any:
            return any_receive(any_receive(value))

        assert run(sync_flow) is value

    @lacks(Capability.SHARES_MEMORY)
    def test_values_are_passed_on_as_copies(self, runner: TaskRunner) -> None:
        value = [1, {"deep": [2]}]

        @flow(task_runner=runner)
        def sync_flow() -> Any:
            return receive(receive(value))

        returned = run(sync_flow)
        assert returned == value
        assert returned is not value

    @needs(Capability.SHARES_MEMORY)
    def test_a_value_that_cannot_be_pickled_is_passed_on(self, runner: TaskRunner) -> None:
        @flow(task_runner=runner)
        def sync_flow() -> Any:
            return receive(make_lock())

        with run(sync_flow):
            pass

    @lacks(Capability.SHARES_MEMORY)
    def test_a_value_that_cannot_be_pickled_fails_its_run_and_the_error_says_so(
        self, runner: TaskRunner
    ) -> None:
        @flow(task_runner=runner)
        def sync_flow() -> Any:
            return make_lock().exception()

        assert "pickle" in str(run(sync_flow))
