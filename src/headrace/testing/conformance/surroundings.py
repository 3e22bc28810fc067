"""Surroundings: what the code of a task finds around it, and what is kept of what it says."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from headrace.engine.states import StateType
from headrace.flows import flow
from headrace.run_context import FlowRunContext, TaskRunContext, get_run_context
from headrace.tagging import tags
from headrace.task_runners.runner import Capability
from headrace.testing.conformance.specimens import (
    add,
    add_async,
    change_mood,
    change_mood_async,
    fail,
    log_lines,
    log_lines_async,
    mood,
    print_lines,
    print_unkept,
    succeed_at,
    tell_context,
    tell_context_async,
)
from headrace.testing.conformance.suite import Suite, lacks, needs, run

if TYPE_CHECKING:
    from headrace.engine.states import State
    from headrace.task_runners.runner import TaskRunner
    from headrace.tasks import Task
    from headrace.testing.recorded import RecordedHistory

CONTEXTS = pytest.mark.parametrize(
    "any_tell", [tell_context, tell_context_async], ids=["sync_task", "async_task"]
)
MOODS = pytest.mark.parametrize(
    "any_change", [change_mood, change_mood_async], ids=["sync_task", "async_task"]
)
LOGS = pytest.mark.parametrize("any_log", [log_lines, log_lines_async], ids=["sync_task", "async_task"])


class Surroundings(Suite):
    """A task knows its run, sees its caller's context, is heard under its run, and its hooks are called."""

    @CONTEXTS
    def test_a_task_knows_its_run(self, runner: TaskRunner, any_tell: Task[..., Any]) -> None:
        named = any_tell.with_options(name="teller", task_run_name="the teller", tags=["of task"])

        @flow(task_runner=runner, name="host", flow_run_name="the host")
        def sync_flow() -> Any:
            with tags("of block"):
                told = named().result()
            return told, get_run_context()

        told, own = run(sync_flow)
        assert isinstance(told, TaskRunContext)
        assert isinstance(own, FlowRunContext)
        assert told.flow_run_id == own.flow_run_id
        assert told[1:] == ("host", "the host", 1, "teller", "the teller", 1, ("of task", "of block"))

    @needs(Capability.SHARES_MEMORY)
    @MOODS
    def test_a_task_sees_a_copy_of_its_callers_context_variables(
        self, runner: TaskRunner, any_change: Task[..., Any]
    ) -> None:
        @flow(task_runner=runner)
        def sync_flow() -> Any:
            mood.set("gay")
            first = any_change().result()
            return first, any_change().result(), mood.get()

        @flow(task_runner=runner)
        async def async_flow() -> Any:
            mood.set("gay")
            first = await any_change()
            return first, await any_change(), mood.get()

        assert run(sync_flow) == run(async_flow) == (("gay", "wild"), ("gay", "wild"), "gay")

    @needs(Capability.SHARES_MEMORY)
    def test_every_attempt_sees_the_context_of_the_call(self, runner: TaskRunner) -> None:
        seen: list[str] = []

        def look_and_change(_attempt: int) -> float:
            return 0.0

        def note(_task: Any, _run: Any, _state: State) -> bool:
            seen.append(mood.get())
            mood.set("spoilt")
            return True

        @flow(task_runner=runner)
        def sync_flow() -> Any:
            mood.set("fresh")
            patient = succeed_at.with_options(
                retries=2, retry_delay_seconds=look_and_change, retry_condition_fn=note
            )
            patient(3).result()
            return mood.get()

        assert run(sync_flow) == "fresh"
        assert seen == ["fresh", "fresh"]

    @lacks(Capability.SHARES_MEMORY)
    def test_context_variables_do_not_travel_and_have_their_defaults(self, runner: TaskRunner) -> None:
        @flow(task_runner=runner)
        def sync_flow() -> Any:
            mood.set("gay")
            return change_mood(), mood.get()

        assert run(sync_flow) == (("calm", "wild"), "gay")

    # -- what it says --------------------------------------------------------------------------

    @LOGS
    def test_log_records_of_any_logger_are_kept_under_their_run(
        self, runner: TaskRunner, history: RecordedHistory, any_log: Task[..., Any]
    ) -> None:
        named = any_log.with_options(name="speaker")

        @flow(task_runner=runner)
        def sync_flow() -> None:
            for number in range(3):
                named(str(number))

        @flow(task_runner=runner)
        async def async_flow() -> None:
            for number in range(3):
                named(str(number))

        run(sync_flow)
        run(async_flow)
        for recorded in history.runs():
            for number in range(3):
                lines = recorded.logs(f"speaker-{number}")
                assert lines == [f"run logger: {number}", f"other logger: {number}"]

    def test_prints_are_kept_under_their_run_if_task_or_flow_says_so(
        self, runner: TaskRunner, history: RecordedHistory, capsys: pytest.CaptureFixture[str]
    ) -> None:
        @flow(task_runner=runner)
        def quiet() -> None:
            print_lines("a").wait()
            print_unkept("b").wait()

        @flow(task_runner=runner, log_prints=True)
        def loud() -> None:
            print_unkept("c").wait()

        run(quiet)
        run(loud)
        assert history.run("quiet").logs("print_lines-0") == ["printed: a"]
        assert history.run("quiet").logs("print_unkept-0") == []
        assert history.run("loud").logs("print_unkept-0") == ["printed: c"]
        del capsys

    @needs(Capability.SHARES_MEMORY)
    def test_what_is_kept_is_printed_all_the_same(
        self, runner: TaskRunner, capsys: pytest.CaptureFixture[str]
    ) -> None:
        @flow(task_runner=runner)
        def sync_flow() -> None:
            print_lines("a")

        run(sync_flow)
        assert capsys.readouterr().out == "printed: a\n"

    # -- hooks ---------------------------------------------------------------------------------

    @pytest.mark.parametrize("any_add", [add, add_async], ids=["sync_task", "async_task"])
    def test_hooks_are_called_in_order_in_the_process_of_the_flow(
        self, runner: TaskRunner, any_add: Task[..., Any]
    ) -> None:
        heard: list[tuple[str, StateType]] = []

        def hear(_task: Any, task_run: TaskRunContext, state: State) -> None:
            heard.append((task_run.task_run_name, state.type))

        async def hear_async(task: Any, task_run: TaskRunContext, state: State) -> None:
            hear(task, task_run, state)

        hooked = any_add.with_options(
            task_run_name="sum", on_running=hear, on_completion=[hear_async, hear], on_failure=hear
        )

        @flow(task_runner=runner)
        def sync_flow() -> Any:
            return hooked(1, 2)

        assert run(sync_flow) == 3
        assert heard == [
            ("sum", StateType.RUNNING),
            ("sum", StateType.COMPLETED),
            ("sum", StateType.COMPLETED),
        ]

    def test_hooks_hear_of_failures_and_of_every_attempt(self, runner: TaskRunner) -> None:
        heard: list[str] = []

        def hear(_task: Any, _task_run: TaskRunContext, state: State) -> None:
            heard.append(state.name.value)

        @flow(task_runner=runner)
        def sync_flow() -> None:
            succeed_at.with_options(retries=1, on_running=hear, on_failure=hear)(9).exception()

        run(sync_flow)
        assert heard == ["Running", "Retrying", "Failed"]

    def test_a_hook_that_raises_changes_nothing(self, runner: TaskRunner) -> None:
        def broken(*_: Any) -> None:
            raise LookupError("the hook's own")

        @flow(task_runner=runner, on_completion=broken)
        def sync_flow() -> Any:
            return add.with_options(on_running=broken, on_completion=broken)(1, 2)

        assert run(sync_flow) == 3

    def test_hooks_may_call_back_into_the_flow(self, runner: TaskRunner) -> None:
        states: list[StateType] = []
        called = threading.Event()

        def hear(_task: Any, _task_run: TaskRunContext, state: State) -> None:
            states.append(state.type)
            called.set()

        @flow(task_runner=runner, on_failure=hear)
        def sync_flow() -> None:
            fail()

        with pytest.raises(ExceptionGroup):
            run(sync_flow)
        assert called.is_set()
        assert states == [StateType.FAILED]
