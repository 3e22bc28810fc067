"""Storage: what is kept of the values that task runs give, and that it comes back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from headrace.flows import flow
from headrace.task_runners.runner import Capability
from headrace.testing.conformance.specimens import (
    add,
    add_twice,
    add_twice_async,
    make_bytes,
    make_bytes_async,
    make_lock,
    receive,
    receive_async,
)
from headrace.testing.conformance.suite import Suite, needs, run

if TYPE_CHECKING:
    from headrace.task_runners.runner import TaskRunner
    from headrace.tasks import Task
    from headrace.testing.recorded import RecordedHistory

LARGE = 3 * 1024 * 1024
MAKING = pytest.mark.parametrize("any_make", [make_bytes, make_bytes_async], ids=["sync_task", "async_task"])


class Storage(Suite):
    """``persist_result``, ``result_serializer``, and what cannot be stored."""

    @pytest.mark.parametrize("any_receive", [receive, receive_async], ids=["sync_task", "async_task"])
    def test_a_result_is_stored_with_its_run_and_comes_back(
        self, runner: TaskRunner, history: RecordedHistory, any_receive: Task[..., Any]
    ) -> None:
        value = {"deep": [1, (2, "three"), None]}

        @flow(task_runner=runner)
        def sync_flow() -> Any:
            return any_receive.with_options(name="receive")(value)

        run(sync_flow)
        recorded = history.run()
        [task_run] = recorded.task_runs
        assert task_run.storage is not None
        assert (task_run.storage.serializer, task_run.storage.key) == ("pickle", None)
        assert recorded.stored_value("receive-0") == value

    @MAKING
    def test_a_large_result_is_not_stored_and_the_record_says_why(
        self, runner: TaskRunner, history: RecordedHistory, any_make: Task[..., Any]
    ) -> None:
        @flow(task_runner=runner)
        def sync_flow() -> Any:
            return any_make(LARGE)

        run(sync_flow)
        [made] = history.run().task_runs
        assert (made.state, made.storage) == ("Completed", None)
        assert made.result_note is not None
        assert "larger" in made.result_note
        assert "persist_result=True" in made.result_note

    @MAKING
    def test_a_large_result_that_is_to_persist_is_in_a_file_and_goes_on_to_its_downstreams(
        self, runner: TaskRunner, history: RecordedHistory, any_make: Task[..., Any]
    ) -> None:
        @flow(task_runner=runner)
        def sync_flow() -> Any:
            made = any_make.with_options(name="make", persist_result=True)(LARGE)
            return receive(made)

        assert run(sync_flow) == bytes(LARGE)
        recorded = history.run()
        made = recorded.task_run("make-0")
        assert made.result_note is None
        assert made.storage is not None
        assert made.storage.key is not None
        assert recorded.stored_value("make-0") == bytes(LARGE)

    @MAKING
    def test_nothing_is_stored_of_a_result_that_is_not_to_persist(
        self, runner: TaskRunner, history: RecordedHistory, any_make: Task[..., Any]
    ) -> None:
        @flow(task_runner=runner)
        def sync_flow() -> Any:
            return any_make.with_options(persist_result=False).map([1, LARGE]).result()

        assert run(sync_flow) == [bytes(1), bytes(LARGE)]
        for task_run in history.run().task_runs:
            assert (task_run.state, task_run.storage) == ("Completed", None)
            assert task_run.result_note == "not stored: persist_result=False"

    @pytest.mark.parametrize("any_add_twice", [add_twice, add_twice_async], ids=["sync_task", "async_task"])
    def test_the_flow_says_it_for_tasks_and_child_runs_that_do_not(
        self, runner: TaskRunner, history: RecordedHistory, any_add_twice: Task[..., Any]
    ) -> None:
        @flow(task_runner=runner, persist_result=False)
        def sync_flow() -> Any:
            return any_add_twice(1, 2), add.with_options(name="own", persist_result=True)(1, 2)

        run(sync_flow)
        recorded = history.run()
        for task_run in recorded.task_runs:
            if task_run.name == "own-0":
                assert recorded.stored_value("own-0") == 3
            else:
                assert task_run.result_note == "not stored: persist_result=False", task_run.name

    def test_a_result_is_stored_by_the_serializer_that_is_asked_for(
        self, runner: TaskRunner, history: RecordedHistory
    ) -> None:
        @flow(task_runner=runner, result_serializer="json")
        def sync_flow() -> Any:
            receive({"a": [1]})
            receive((1, 2))
            receive.with_options(result_serializer="pickle")((1, 2))
            receive.with_options(persist_result=True)("x" * LARGE)

        run(sync_flow)
        recorded = history.run()
        small, refused, pickled, large = recorded.task_runs
        assert small.storage is not None
        assert (small.storage.serializer, recorded.stored_value(small.name)) == ("json", {"a": [1]})
        assert (refused.state, refused.storage) == ("Completed", None)
        assert refused.result_note is not None
        assert "cannot be serialized by 'json'" in refused.result_note
        assert recorded.stored_value(pickled.name) == (1, 2)
        assert large.storage is not None
        assert (large.storage.serializer, large.storage.key is None) == ("json", False)
        assert recorded.stored_value(large.name) == "x" * LARGE

    @needs(Capability.SHARES_MEMORY)
    def test_a_result_that_cannot_be_pickled_is_not_stored_and_the_record_says_why(
        self, runner: TaskRunner, history: RecordedHistory
    ) -> None:
        @flow(task_runner=runner)
        def sync_flow() -> None:
            for persist_result in (None, True):
                make_lock.with_options(persist_result=persist_result)()

        run(sync_flow)
        for task_run in history.run().task_runs:
            assert (task_run.state, task_run.storage) == ("Completed", None)
            assert task_run.result_note is not None
            assert "cannot be pickled" in task_run.result_note
