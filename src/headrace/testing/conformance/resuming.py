"""Resuming: a run that is taken up again replays what completed, wherever that was executed, and runs the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from headrace.errors import UpstreamFailedError
from headrace.flows import flow
from headrace.testing.conformance.specimens import (
    SpecimenError,
    add,
    add_async,
    describe,
    make_bytes,
    receive,
)
from headrace.testing.conformance.suite import Suite, run, within_deadline

if TYPE_CHECKING:
    from headrace.flows import Flow
    from headrace.task_runners.runner import TaskRunner
    from headrace.tasks import Task
    from headrace.testing.recorded import RecordedHistory

KINDS = pytest.mark.parametrize("any_add", [add, add_async], ids=["sync_task", "async_task"])
LARGE = 2 * 1024 * 1024


class Resuming(Suite):
    """``flow.resume`` and ``@flow(retries=...)``."""

    @KINDS
    def test_what_completed_is_replayed_and_serves_what_runs(
        self, runner: TaskRunner, history: RecordedHistory, any_add: Task[..., Any]
    ) -> None:
        is_broken = True

        @flow(task_runner=runner)
        def sync_flow() -> Any:
            first = any_add.with_options(name="first")(1, 2)
            second = any_add.with_options(name="second")(first, 10)
            if is_broken:
                second.result()
                raise SpecimenError
            return add.with_options(name="third")(second, 100)

        with pytest.raises(SpecimenError):
            run(sync_flow)
        is_broken = False
        assert resume(sync_flow, history) == 113
        states = {task_run.name: task_run.state for task_run in history.run().task_runs}
        assert states == {"first-0": "Replayed", "second-0": "Replayed", "third-0": "Completed"}

    def test_an_async_flow_is_resumed(self, runner: TaskRunner, history: RecordedHistory) -> None:
        is_broken = True

        @flow(task_runner=runner)
        async def async_flow() -> Any:
            values = [await future for future in [add(1, 2), add_async(3, 4)]]
            if is_broken:
                raise SpecimenError
            return values

        with pytest.raises(SpecimenError):
            run(async_flow)
        is_broken = False
        assert resume(async_flow, history) == [3, 7]
        assert {task_run.state for task_run in history.run().task_runs} == {"Replayed"}

    def test_a_task_run_that_failed_runs_again_and_so_does_what_depends_on_it(
        self, runner: TaskRunner, history: RecordedHistory
    ) -> None:
        @flow(task_runner=runner)
        def sync_flow() -> Any:
            return describe(receive(add(1, "two")))

        with pytest.raises(UpstreamFailedError):
            run(sync_flow)
        with pytest.raises(UpstreamFailedError):
            resume(sync_flow, history)
        recorded = history.run()
        assert recorded.row.epoch == 2
        assert recorded.states_of("add-0")[-1] == "Failed"
        assert recorded.states_of("describe-0")[-1] == "UpstreamFailed"

    def test_a_large_value_in_a_file_serves_what_runs(
        self, runner: TaskRunner, history: RecordedHistory
    ) -> None:
        is_broken = True

        @flow(task_runner=runner)
        def sync_flow() -> Any:
            made = make_bytes.with_options(persist_result=True, name="make")(LARGE)
            made.wait()
            if is_broken:
                raise SpecimenError
            return receive(made)

        with pytest.raises(SpecimenError):
            run(sync_flow)
        is_broken = False
        assert resume(sync_flow, history) == bytes(LARGE)
        assert history.run().states_of("make-0")[-1] == "Replayed"

    def test_a_value_that_was_not_stored_is_made_again(
        self, runner: TaskRunner, history: RecordedHistory
    ) -> None:
        is_broken = True

        @flow(task_runner=runner)
        def sync_flow() -> Any:
            made = make_bytes.with_options(persist_result=False, name="make")(10)
            made.wait()
            if is_broken:
                raise SpecimenError
            return made

        with pytest.raises(SpecimenError):
            run(sync_flow)
        is_broken = False
        assert resume(sync_flow, history) == bytes(10)
        assert history.run().states_of("make-0")[-1] == "Completed"

    def test_a_flow_that_is_tried_again_keeps_what_completed(
        self, runner: TaskRunner, history: RecordedHistory
    ) -> None:
        attempts: list[Any] = []

        @flow(task_runner=runner, retries=2)
        def sync_flow() -> Any:
            attempts.append(add(1, 2).result())
            if len(attempts) < 3:
                raise SpecimenError
            return attempts

        assert run(sync_flow) == [3, 3, 3]
        [added] = history.run().task_runs
        assert (added.state, history.run().row.epoch) == ("Replayed", 3)


def resume(any_flow: Flow[..., Any], history: RecordedHistory) -> Any:
    """What a resume of the only run gives or raises."""

    def call() -> Any:
        value = any_flow.resume(history.run().row.id)
        if any_flow.is_async:
            import asyncio

            return asyncio.run(value)
        return value

    return within_deadline(call)
