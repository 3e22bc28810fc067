"""Failures: nothing is silent, nothing is lost, whatever is raised."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING, Any

import pytest

from headrace.dependencies import allow_failure
from headrace.engine.states import StateName
from headrace.errors import TaskFailures, UpstreamFailedError
from headrace.flows import flow
from headrace.task_runners.runner import Capability
from headrace.testing.conformance.specimens import (
    DemandingError,
    SpecimenError,
    UnpicklableError,
    add,
    add_async,
    fail,
    fail_async,
    raise_kind,
    raise_kind_async,
    receive,
)
from headrace.testing.conformance.suite import Suite, lacks, needs, run

if TYPE_CHECKING:
    from headrace.task_runners.runner import TaskRunner
    from headrace.tasks import Task
    from headrace.testing.recorded import RecordedHistory

FAILING = pytest.mark.parametrize("any_fail", [fail, fail_async], ids=["sync_task", "async_task"])
RAISING = pytest.mark.parametrize(
    "any_raise", [raise_kind, raise_kind_async], ids=["sync_task", "async_task"]
)
KINDS_OF_EXCEPTIONS = {
    "group": ExceptionGroup,
    "exit": SystemExit,
    "memory": MemoryError,
    "base": BaseException,
}


class Failures(Suite):
    """How a task fails is seen by who asks, and raised at the end if nobody does."""

    @FAILING
    def test_result_raises_the_exception_of_the_task(
        self, runner: TaskRunner, any_fail: Task[..., Any]
    ) -> None:
        @flow(task_runner=runner)
        def sync_flow() -> None:
            with pytest.raises(SpecimenError, match=r"^so it is$"):
                any_fail("so it is").result()

        @flow(task_runner=runner)
        async def async_flow() -> None:
            with pytest.raises(SpecimenError, match=r"^so it is$"):
                await any_fail("so it is")

        run(sync_flow)
        run(async_flow)

    @needs(Capability.SHARES_MEMORY)
    @FAILING
    def test_the_traceback_leads_to_the_line_that_raised(
        self, runner: TaskRunner, any_fail: Task[..., Any]
    ) -> None:
        @flow(task_runner=runner)
        def sync_flow() -> Any:
            return any_fail().result()

        with pytest.raises(SpecimenError) as caught:
            run(sync_flow)
        assert traceback.extract_tb(caught.value.__traceback__)[-1].name == any_fail.fn.__name__

    @FAILING
    def test_the_history_keeps_type_message_and_traceback(
        self, runner: TaskRunner, history: RecordedHistory, any_fail: Task[..., Any]
    ) -> None:
        @flow(task_runner=runner)
        def sync_flow() -> None:
            any_fail("for the record").exception()

        run(sync_flow)
        failure = history.run().task_runs[0].failure
        assert failure is not None
        assert failure.type.endswith("SpecimenError")
        assert failure.message == "for the record"
        assert any_fail.fn.__name__ in failure.traceback

    @FAILING
    def test_a_failure_that_nobody_retrieved_is_raised_at_the_end(
        self, runner: TaskRunner, history: RecordedHistory, any_fail: Task[..., Any]
    ) -> None:
        @flow(task_runner=runner)
        def sync_flow() -> str:
            any_fail("one")
            any_fail("two").wait()  # a look, not a retrieval
            return "unheard"

        with pytest.raises(TaskFailures) as caught:
            run(sync_flow)
        assert sorted(str(error) for error in caught.value.exceptions) == ["one", "two"]
        assert history.run().state == StateName.FAILED

    @FAILING
    def test_a_failure_that_was_retrieved_does_not_fail_the_flow(
        self, runner: TaskRunner, any_fail: Task[..., Any]
    ) -> None:
        @flow(task_runner=runner)
        def sync_flow() -> str:
            assert isinstance(any_fail().exception(), SpecimenError)
            receive(allow_failure(any_fail()))
            return "handled"

        assert run(sync_flow) == "handled"

    @FAILING
    def test_a_returned_future_that_failed_raises_its_own_exception(
        self, runner: TaskRunner, any_fail: Task[..., Any]
    ) -> None:
        @flow(task_runner=runner)
        def sync_flow() -> Any:
            return any_fail("returned")

        with pytest.raises(SpecimenError, match=r"^returned$"):
            run(sync_flow)

    @FAILING
    def test_downstreams_of_a_failure_end_without_running_and_name_it(
        self, runner: TaskRunner, history: RecordedHistory, any_fail: Task[..., Any]
    ) -> None:
        @flow(task_runner=runner)
        def sync_flow() -> Any:
            last = add(add_async(add(any_fail("the root"), 1), 2), 3)
            other = add(20, 22)
            error = last.exception()
            assert isinstance(error, UpstreamFailedError)
            assert isinstance(error.__cause__, SpecimenError)
            assert str(error.__cause__) == "the root"
            return other.result()

        assert run(sync_flow) == 42
        states = [task_run.state for task_run in history.run().task_runs]
        assert states == ["Failed", "UpstreamFailed", "UpstreamFailed", "UpstreamFailed", "Completed"]
        assert all(task_run.started_us is None for task_run in history.run().task_runs[1:4])

    def test_a_run_that_failed_for_two_roots_names_both(self, runner: TaskRunner) -> None:
        @flow(task_runner=runner)
        def sync_flow() -> Any:
            return add(fail("left"), add(fail_async("right"), 1)).exception()

        error = run(sync_flow)
        assert isinstance(error, UpstreamFailedError)
        assert isinstance(error.__cause__, BaseExceptionGroup)
        assert sorted(str(cause) for cause in error.__cause__.exceptions) == ["left", "right"]

    @pytest.mark.parametrize("kind", KINDS_OF_EXCEPTIONS)
    @RAISING
    def test_exceptions_of_every_kind_end_in_failed(
        self, runner: TaskRunner, history: RecordedHistory, any_raise: Task[..., Any], kind: str
    ) -> None:
        @flow(task_runner=runner)
        def sync_flow() -> Any:
            error = any_raise(kind).exception()
            return error, add(1, 2).result()

        error, after = run(sync_flow)
        assert type(error) is KINDS_OF_EXCEPTIONS[kind]
        assert after == 3
        assert [task_run.state for task_run in history.run().task_runs] == ["Failed", "Completed"]

    @pytest.mark.parametrize("kind", KINDS_OF_EXCEPTIONS)
    @RAISING
    def test_exceptions_of_every_kind_reach_an_async_flow(
        self, runner: TaskRunner, any_raise: Task[..., Any], kind: str
    ) -> None:
        @flow(task_runner=runner)
        async def async_flow() -> Any:
            with pytest.raises(KINDS_OF_EXCEPTIONS[kind]):
                await any_raise(kind)
            return await add_async(1, 2)

        assert run(async_flow) == 3

    def test_a_stop_iteration_of_a_task_ends_nothing_but_its_run(
        self, runner: TaskRunner, history: RecordedHistory
    ) -> None:
        @flow(task_runner=runner)
        def sync_flow() -> Any:
            return raise_kind("stop").result()

        with pytest.raises(StopIteration, match=r"^nothing left$"):
            run(sync_flow)
        assert history.run().state == "Failed"
        assert [task_run.state for task_run in history.run().task_runs] == ["Failed"]

    @needs(Capability.SHARES_MEMORY)
    @RAISING
    def test_an_exception_that_cannot_be_pickled_is_raised_as_it_is(
        self, runner: TaskRunner, any_raise: Task[..., Any]
    ) -> None:
        @flow(task_runner=runner)
        def sync_flow() -> Any:
            return any_raise("unpicklable")

        with pytest.raises(UnpicklableError, match=r"^cannot travel$"):
            run(sync_flow)

    @lacks(Capability.SHARES_MEMORY)
    @RAISING
    def test_an_exception_that_cannot_be_pickled_is_told_in_words(
        self, runner: TaskRunner, any_raise: Task[..., Any]
    ) -> None:
        @flow(task_runner=runner)
        def sync_flow() -> Any:
            return any_raise("unpicklable").exception()

        assert "UnpicklableError" in str(run(sync_flow))
        assert "cannot travel" in str(run(sync_flow))

    @RAISING
    def test_an_exception_that_its_constructor_cannot_make_again_is_raised_as_it_is(
        self, runner: TaskRunner, any_raise: Task[..., Any]
    ) -> None:
        @flow(task_runner=runner)
        def sync_flow() -> Any:
            return any_raise("demanding")

        with pytest.raises(DemandingError, match=r"^code 7 at the gate$") as caught:
            run(sync_flow)
        assert caught.value.code == 7

    @RAISING
    def test_an_exception_whose_str_raises_ends_in_failed_and_is_told_by_its_type(
        self, runner: TaskRunner, history: RecordedHistory, any_raise: Task[..., Any]
    ) -> None:
        @flow(task_runner=runner)
        def sync_flow() -> Any:
            any_raise("unspeakable")

        with pytest.raises(TaskFailures):
            run(sync_flow)
        [task_run] = history.run().task_runs
        assert task_run.state == "Failed"
        assert task_run.failure is not None
        assert "UnspeakableError" in task_run.failure.type

    def test_a_flow_that_raises_lets_started_runs_end_and_tells_what_else_failed(
        self, runner: TaskRunner, history: RecordedHistory
    ) -> None:
        @flow(task_runner=runner)
        def sync_flow() -> None:
            add(1, 2).wait()
            fail("another").wait()
            raise LookupError("of the flow")

        with pytest.raises(LookupError, match="of the flow") as caught:
            run(sync_flow)
        assert any("another" in note for note in caught.value.__notes__)
        assert [task_run.state for task_run in history.run().task_runs] == ["Completed", "Failed"]
