"""Flows: rules W1 to W9."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
import threading
import time
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Generic, Literal, Optional, Protocol, TypeVar

import pydantic
import pytest

from headrace import (
    FlowRunFuture,
    StateType,
    allow_failure,
    as_completed,
    flow,
    get_run_context,
    task,
    wait,
)
from headrace.completion import Completion
from headrace.engine.events import Ending
from headrace.errors import (
    FlowRunCancelled,
    ParameterError,
    RunInterrupted,
    TaskCancelled,
    TaskCrashed,
    TaskFailures,
    UpstreamFailedError,
)
from headrace.history import History, use_history
from headrace.task_runners import ConcurrentTaskRunner, SequentialTaskRunner
from headrace.task_runners.call import Report

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from headrace import Task
    from headrace.task_runners import TaskRunner
    from tests.conftest import RunPython
    from tests.semantics.conftest import Story, Way

    MakeTask = Callable[..., Task[..., Any]]

DEADLINE_SECONDS = 20
T = TypeVar("T")


@task
def double(x: int) -> int:
    return 2 * x


@task
def fail(message: str = "unseen") -> None:
    raise ValueError(message)


@task
def describe(outcome: Any) -> str:
    return str(outcome)


@task
async def forever() -> None:
    await asyncio.Event().wait()


@dataclass
class Pair:
    left: Any
    right: Any


# -- W1: what a call gives, and when -------------------------------------------------------------


def test_w1_futures_inside_the_value_are_replaced_by_theirs(way: Way, make_task: MakeTask) -> None:
    twice = make_task(lambda x: 2 * x)

    def body() -> Any:
        return {"a": [twice(1), (twice(2), {twice(3)})], "b": Pair(twice(4), 5), twice(6): None}

    assert way.run(body) == {"a": [2, (4, {6})], "b": Pair(8, 5), 12: None}


def test_w1_a_value_without_futures_is_the_very_same_object(way: Way) -> None:
    value = [1, {"a": object()}]

    assert way.run(lambda: value) is value


def test_w1_it_raises_what_its_function_raises(way: Way, story: Story) -> None:
    own = KeyError("own")

    def body() -> Any:
        raise own

    with pytest.raises(KeyError) as caught:
        way.run(body)
    assert caught.value is own
    assert story.flow_run().state == "Failed"


def test_w1_the_traceback_ends_in_the_users_code_and_the_history_has_it(way: Way, story: Story) -> None:
    def body() -> Any:
        raise KeyError("own")

    with pytest.raises(KeyError) as caught:
        way.run(body)
    assert caught.traceback[-1].name == "body"
    failure = story.flow_run().failure
    assert failure is not None
    assert (failure.type, failure.message) == ("KeyError", "'own'")
    assert "in body" in failure.traceback


def test_w1_an_async_flows_call_is_a_coroutine_and_nothing_runs_before_it_is_awaited(story: Story) -> None:
    @flow
    async def lazy() -> int:
        return 1

    coroutine = lazy()
    assert asyncio.iscoroutine(coroutine)
    assert story.flow_runs() == []
    assert asyncio.run(coroutine) == 1


def test_w1_python_warns_by_its_name_of_an_async_flow_that_is_not_awaited() -> None:
    @flow
    async def forgotten() -> None: ...

    with pytest.warns(RuntimeWarning, match="coroutine 'forgotten' was never awaited"):
        forgotten()  # type: ignore[unused-coroutine]


def test_w1_it_never_ends_before_every_task_run_has(way: Way) -> None:
    ended: list[int] = []

    @task
    def slow(n: int) -> None:
        threading.Event().wait(0.01)
        ended.append(n)

    def body() -> None:
        for n in range(5):
            slow(n)

    way.run(body)
    assert sorted(ended) == [0, 1, 2, 3, 4]


@pytest.fixture
def database(tmp_path: Path) -> Iterator[str]:
    """A history in a file."""
    location = str(tmp_path / "history.db")
    history = History.open(location)
    with use_history(history):
        yield location
    history.close()


@pytest.mark.parametrize("fails", [False, True])
def test_w1_nothing_is_returned_before_the_history_is_on_disk(way: Way, database: str, fails: bool) -> None:
    def body() -> Any:
        for n in range(20):
            double(n)
        if fails:
            raise ValueError("on purpose")
        return 5

    for _ in range(3):
        try:
            way.run(body)
        except ValueError:
            assert fails
        with sqlite3.connect(database) as connection:  # a connection of its own, at once
            [state] = connection.execute("SELECT state FROM flow_runs ORDER BY key DESC LIMIT 1").fetchone()
            [count] = connection.execute(
                "SELECT count(*) FROM task_runs WHERE state IN ('Completed', 'Cancelled')"
                " AND flow_run = (SELECT max(key) FROM flow_runs)"
            ).fetchone()
        connection.close()
        assert (state, count) == ("Failed" if fails else "Completed", 20)


def test_w1_another_process_reads_it_right_after(database: str) -> None:
    @flow
    def recorded() -> int:
        return double(2).result()

    recorded()
    program = "import sqlite3, sys; print(*sqlite3.connect(sys.argv[1]).execute('SELECT state, result_preview FROM flow_runs'))"
    done = subprocess.run(
        [sys.executable, "-c", program, database], capture_output=True, text=True, check=True
    )
    assert done.stdout == "('Completed', '4')\n"


# -- W2: unseen failures -------------------------------------------------------------------------

LOOKS: dict[str, Callable[[Any], Any]] = {
    "nothing": lambda _: None,
    "state": lambda future: future.state,
    "done": lambda future: future.done(),
    "wait": lambda future: future.wait(),
    "wait()": lambda future: wait([future]),
    "wait with timeout": lambda future: future.wait(timeout=1),
    "as_completed": lambda future: list(as_completed([future])),
    "a downstream": lambda future: describe([future]),
    "wait_for": lambda future: describe("text", wait_for=[future]),
}


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS.keys())
def test_w2_a_failure_that_nobody_retrieved_fails_the_flow(
    look: Callable[[Any], Any], make_task: MakeTask, story: Story
) -> None:
    def raise_it() -> None:
        raise ValueError("unseen")

    failing = make_task(raise_it, name="failing")

    @flow
    def looking() -> str:
        look(failing())
        return "a value"

    with pytest.raises(TaskFailures, match="failing-0") as caught:
        looking()
    [error] = caught.value.exceptions
    assert isinstance(error, ValueError)
    assert isinstance(caught.value, ExceptionGroup)
    run = story.flow_run()
    assert (run.state, run.states[-1].message) == ("Failed", "1 task run failed")


def retrieve_by_result(future: Any) -> None:
    with pytest.raises(ValueError, match="unseen"):
        future.result()


RETRIEVALS: dict[str, Callable[[Any], Any]] = {
    "result": retrieve_by_result,
    "exception": lambda future: future.exception(),
    "exception after it has ended": lambda future: (future.wait(), future.exception()),
    "allow_failure": lambda future: describe(allow_failure(future)),
    "allow_failure after it has ended": lambda future: (future.wait(), describe(allow_failure(future))),
    "allow_failure of what is downstream": lambda future: describe(allow_failure(describe(future))),
    "downstream's exception": lambda future: describe(describe(future)).exception(),
    "map": lambda future: describe.map([allow_failure(future)]),
}


@pytest.mark.parametrize("retrieve", RETRIEVALS.values(), ids=RETRIEVALS.keys())
def test_w2_a_failure_that_was_retrieved_does_not(
    retrieve: Callable[[Any], Any], make_task: MakeTask, story: Story
) -> None:
    def raise_it() -> None:
        raise ValueError("unseen")

    failing = make_task(raise_it)

    @flow
    def retrieving() -> str:
        retrieve(failing())
        return "a value"

    assert retrieving() == "a value"
    assert story.flow_run().state == "Completed"


@pytest.mark.parametrize("runner", [SequentialTaskRunner(), ConcurrentTaskRunner()], ids=str)
def test_w2_await_in_every_form_retrieves(runner: Any, make_task: MakeTask) -> None:
    def raise_it() -> None:
        raise ValueError("unseen")

    failing = make_task(raise_it)

    @flow(task_runner=runner)
    async def retrieving() -> str:
        with pytest.raises(ValueError, match="unseen"):
            await failing()
        ended = failing()
        await wait([ended])
        with pytest.raises(ValueError, match="unseen"):
            await ended
        await asyncio.gather(failing(), failing(), return_exceptions=True)
        with pytest.raises(ValueError, match="unseen"):
            await asyncio.gather(failing(), failing())
        return "a value"

    assert asyncio.run(retrieving()) == "a value"


def test_w2_the_second_failure_of_a_gather_counts_as_retrieved_since_somebody_was_waiting() -> None:
    second_may_fail = threading.Event()

    @task
    def fail_later() -> None:
        second_may_fail.wait(DEADLINE_SECONDS)
        raise KeyError

    @flow
    async def gathering() -> None:
        with pytest.raises(ValueError, match="unseen"):
            await asyncio.gather(fail(), fail_later())
        second_may_fail.set()

    asyncio.run(gathering())


def test_w2_who_waits_for_a_downstream_when_its_root_fails_retrieves_the_root() -> None:
    root_may_fail = threading.Event()

    @task
    def fail_later() -> None:
        root_may_fail.wait(DEADLINE_SECONDS)
        raise KeyError

    @flow
    async def gathering() -> None:
        with pytest.raises(ValueError, match="unseen"):
            await asyncio.gather(fail(), describe(fail_later()))
        root_may_fail.set()

    asyncio.run(gathering())


def test_w2_who_waits_for_a_submitted_flow_when_it_fails_retrieves_that() -> None:
    second_may_fail = threading.Event()

    @flow
    def fail_later() -> None:
        second_may_fail.wait(DEADLINE_SECONDS)
        raise KeyError

    @flow
    async def gathering() -> None:
        with pytest.raises(ValueError, match="unseen"):
            await asyncio.gather(fail(), fail_later.submit())
        second_may_fail.set()

    asyncio.run(gathering())


def test_w2_whoever_waits_in_another_thread_retrieves_too(monkeypatch: pytest.MonkeyPatch) -> None:
    box: list[Any] = []
    waits, may_fail = threading.Event(), threading.Event()
    add_done_callback = Completion.add_done_callback

    @task
    def fail_later() -> None:
        may_fail.wait(DEADLINE_SECONDS)
        raise ValueError("unseen")

    @flow
    async def watched() -> None:
        box.append(fail_later())
        watcher.start()
        assert waits.wait(DEADLINE_SECONDS)
        asyncio.get_running_loop().call_soon(may_fail.set)  # that is: after this function

    def note(completion: Completion, callback: Callable[[], None]) -> None:
        add_done_callback(completion, callback)
        if threading.current_thread() is watcher:
            waits.set()

    monkeypatch.setattr(Completion, "add_done_callback", note)
    watcher = threading.Thread(target=lambda: box.append(box[0].exception(DEADLINE_SECONDS)), daemon=True)
    asyncio.run(watched())
    watcher.join(DEADLINE_SECONDS)
    assert isinstance(box[1], ValueError)


def test_w2_a_crashed_run_that_nobody_retrieved_fails_the_flow(story: Story) -> None:
    """A worker that dies is seen as an attempt that ended so."""
    release = threading.Event()

    @task
    def doomed() -> None:
        release.wait(DEADLINE_SECONDS)

    def crash(future: Any) -> None:
        source = future._source
        at_us = source.driver.now_us()
        source.driver.post(
            Report(source, 1, at_us, at_us, Ending.CRASHED, None, None, "worker", reason="it died")
        )
        assert future.wait(DEADLINE_SECONDS).name == "Crashed"
        release.set()

    @flow(name="unseen")
    def unseen() -> None:
        crash(doomed())

    @flow(name="seen")
    def seen() -> None:
        future = doomed()
        crash(future)
        with pytest.raises(TaskCrashed, match="it died"):
            future.result()

    with pytest.raises(TaskFailures) as caught:
        unseen()
    assert [type(error) for error in caught.value.exceptions] == [TaskCrashed]
    release.clear()
    seen()
    assert story.states("unseen") == story.states("seen") == {"doomed-0": "Crashed"}
    assert (story.flow_run("unseen").state, story.flow_run("seen").state) == ("Failed", "Completed")


def test_w2_a_wait_that_ran_out_is_no_retrieval() -> None:
    release = threading.Event()

    @task
    def fail_later() -> None:
        release.wait(DEADLINE_SECONDS)
        raise ValueError

    @flow
    def impatient() -> None:
        future = fail_later()
        with pytest.raises(TimeoutError):
            future.result(timeout=0.01)
        release.set()

    with pytest.raises(TaskFailures):
        impatient()


def test_w2_unseen_failures_are_raised_together_in_the_order_of_the_calls(way: Way) -> None:
    @task
    def leave() -> None:
        sys.exit(3)

    def body() -> None:
        fail("a")
        describe(allow_failure(fail("b")))
        fail("c")
        leave()

    with pytest.raises(TaskFailures, match=r"3 task runs of flow run .* nobody retrieved") as caught:
        way.run(body)
    told = [str(error) for error in caught.value.exceptions]
    assert told == ["a", "c", "the task raised SystemExit: 3"]
    assert isinstance(caught.value.exceptions[2].__cause__, SystemExit)


def test_w2_except_star_sees_them() -> None:
    @flow
    def failing() -> None:
        fail("a")
        fail("b")

    seen: list[ExceptionGroup[ValueError]] = []
    try:
        failing()
    except* ValueError as group:
        seen.append(group)
    [caught] = seen
    assert isinstance(caught, TaskFailures)
    assert [str(error) for error in caught.exceptions] == ["a", "b"]


def test_w2_a_returned_future_that_failed_raises_its_own_exception(way: Way) -> None:
    with pytest.raises(ValueError, match="own"):
        way.run(lambda: fail("own"))
    with pytest.raises(ValueError, match="own"):
        way.run(lambda: [double(1), {"a": fail("own")}])


def test_w2_a_returned_future_whose_upstream_failed_raises_upstream_failed(way: Way) -> None:
    with pytest.raises(UpstreamFailedError) as caught:
        way.run(lambda: [describe(fail("root"))])
    assert isinstance(caught.value.__cause__, ValueError)


def test_w2_several_returned_failures_raise_task_failures(way: Way) -> None:
    with pytest.raises(TaskFailures) as caught:
        way.run(lambda: [fail("a"), double(1), fail("b")])
    assert sorted(str(error) for error in caught.value.exceptions) == ["a", "b"]


def test_w2_a_returned_failure_beside_an_unseen_one_raises_both(way: Way) -> None:
    def body() -> Any:
        fail("unseen")
        return fail("returned")

    with pytest.raises(TaskFailures) as caught:
        way.run(body)
    assert sorted(str(error) for error in caught.value.exceptions) == ["returned", "unseen"]


def test_w2_a_returned_failure_that_is_allowed_is_a_value(way: Way) -> None:
    value = way.run(lambda: [allow_failure(fail("allowed")), allow_failure(double(1))])

    assert str(value[0]) == "allowed"
    assert value[1] == 2


def test_w2_a_returned_future_both_allowed_and_not_is_not_allowed(way: Way) -> None:
    def body() -> Any:
        future = fail("own")
        return [allow_failure(future), future]

    with pytest.raises(ValueError, match="own"):
        way.run(body)


def test_w2_a_returned_future_of_another_run_that_may_fail_is_waited_for(way: Way) -> None:
    value = way.run(lambda: [allow_failure(failing_inner.submit())])

    assert str(value[0]) == "inner"


def test_w2_failures_that_were_retried_away_are_none(way: Way) -> None:
    attempts: list[int] = []

    @task(retries=1)
    def flaky() -> None:
        attempts.append(1)
        if len(attempts) == 1:
            raise ValueError

    def body() -> str:
        flaky()
        return "a value"

    assert way.run(body) == "a value"


def test_w2_each_failure_is_logged_at_error_with_its_traceback(story: Story, capsys: Any) -> None:
    @flow
    def failing() -> None:
        fail("unseen")

    with pytest.raises(TaskFailures):
        failing()
    told = capsys.readouterr().err
    assert "ERROR" in told
    assert "raise ValueError(message)" in told
    [line] = [line for line in story.lines() if line.task_run == 1]
    assert line.level == 40
    assert "Task run 'fail-0' failed" in line.message


# -- W3: the function's own exception wins -------------------------------------------------------


def test_w3_started_runs_finish_and_others_are_cancelled(story: Story) -> None:
    begun, release = threading.Event(), threading.Event()

    @task
    def started() -> int:
        begun.set()
        release.wait(DEADLINE_SECONDS)
        return 1

    @task(on_cancelled=lambda *_: release.set())
    def never(_: Any = None) -> None:
        raise AssertionError

    @flow(task_runner=ConcurrentTaskRunner(max_workers=1))
    def failing() -> None:
        first = started()
        never()
        never(first)
        assert begun.wait(DEADLINE_SECONDS)
        raise KeyError("own")

    with pytest.raises(KeyError):
        failing()
    assert story.states() == {"started-0": "Completed", "never-0": "Cancelled", "never-1": "Cancelled"}
    assert story.task_runs()["never-0"].states[-1].message == "flow failed"
    assert story.flow_run().states[-1].message == "KeyError: 'own'"


@pytest.mark.parametrize("runner", [SequentialTaskRunner(), ConcurrentTaskRunner()], ids=str)
@pytest.mark.parametrize("is_async_flow", [False, True])
def test_w3_unseen_failures_are_notes_and_logged(
    runner: TaskRunner, is_async_flow: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    @flow(task_runner=runner)
    def sync_flow() -> None:
        fail("first").wait()
        raise KeyError("own")

    @flow(task_runner=runner)
    async def async_flow() -> None:
        await wait([fail("first")])
        raise KeyError("own")

    with pytest.raises(KeyError) as caught:
        asyncio.run(async_flow()) if is_async_flow else sync_flow()
    assert caught.value.__notes__ == ["Also failed, and retrieved by nobody: fail-0: ValueError: first"]
    assert "ValueError: first" in capsys.readouterr().err


def test_w3_the_flows_exception_being_the_tasks_own_is_no_note() -> None:
    @flow
    def failing() -> None:
        fail("the one").result()

    with pytest.raises(ValueError, match="the one") as caught:
        failing()
    assert not hasattr(caught.value, "__notes__")


# -- W4: cancelled by the user -------------------------------------------------------------------


def test_w4_a_run_that_the_user_cancelled_does_not_fail_the_flow(story: Story) -> None:
    @flow
    def cancelling() -> str:
        future = forever()
        describe(future)
        future.cancel()
        return "a value"

    assert cancelling() == "a value"
    assert story.states() == {"forever-0": "Cancelled", "describe-0": "UpstreamFailed"}


def test_w4_its_result_raises_task_cancelled(overlapping_way: Way) -> None:
    def body() -> Any:
        future = forever()
        future.cancel()
        return future

    with pytest.raises(TaskCancelled):
        overlapping_way.run(body)


# -- W5: flow runs beside each other and inside each other ---------------------------------------


@flow
def sync_inner(x: int) -> int:
    return double(x).result()


@flow
async def async_inner(x: int) -> int:
    return await double(x)


@flow
def failing_inner() -> None:
    raise ValueError("inner")


def test_w5_submit_gives_a_future_with_a_futures_methods(way: Way) -> None:
    def body() -> Any:
        futures = [sync_inner.submit(1), async_inner.submit(2)]
        for future in futures:
            assert isinstance(future, FlowRunFuture)
            assert len(future.flow_run_id) == 36
            assert isinstance(future.state.type, StateType)
            assert isinstance(future.done(), bool)
            assert "FlowRunFuture" in repr(future)
            with pytest.raises(TypeError):
                bool(future)
        return futures

    assert way.run(body) == [2, 4]


def test_w5_submit_outside_any_flow() -> None:
    sync_future, async_future = sync_inner.submit(1), async_inner.submit(2)

    assert sync_future.result(DEADLINE_SECONDS) == 2
    assert async_future.result(DEADLINE_SECONDS) == 4
    assert sync_future.exception() is None
    state = async_future.wait()
    assert state is not None
    assert state.name == "Completed"

    failing = failing_inner.submit()
    assert isinstance(failing.exception(DEADLINE_SECONDS), ValueError)
    with pytest.raises(ValueError, match="inner"):
        failing.result()

    async def on_a_loop() -> list[int]:
        return [*await asyncio.gather(sync_inner.submit(3), async_inner.submit(4))]

    assert asyncio.run(on_a_loop()) == [6, 8]


def test_w5_submitted_flow_runs_overlap() -> None:
    meeting = threading.Barrier(3, timeout=DEADLINE_SECONDS)

    @flow
    def meet() -> int:
        return meeting.wait()

    futures = [meet.submit() for _ in range(3)]
    assert sorted(future.result(DEADLINE_SECONDS) for future in futures) == [0, 1, 2]


def test_w5_several_flow_runs_in_threads_need_no_configuration(story: Story) -> None:
    outcomes: list[int] = []

    @flow
    def total(n: int) -> int:
        return sum(double.map(range(n)).result())

    threads = [threading.Thread(target=lambda n=n: outcomes.append(total(n))) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE_SECONDS)
    assert sorted(outcomes) == [n * (n - 1) for n in range(8)]
    assert [run.state for run in story.flow_runs()] == ["Completed"] * 8


def test_w5_several_flow_runs_in_one_loop_need_no_configuration() -> None:
    @flow
    async def total(n: int) -> int:
        return sum(await asyncio.gather(*(double(i) for i in range(n))))

    async def main() -> list[int]:
        return await asyncio.gather(*(total(n) for n in range(8)))

    assert asyncio.run(main()) == [n * (n - 1) for n in range(8)]


def test_w5_a_flow_called_in_a_flow_is_a_run_of_its_own(way: Way, story: Story) -> None:
    @flow(name="inner", task_runner=SequentialTaskRunner())
    def inner() -> str:
        double(1)
        return get_run_context().flow_run_id

    inner_id = way.run(inner, name="outer")
    outer_run, inner_run = story.flow_run("outer"), story.flow_run("inner")
    assert inner_run.id == inner_id
    assert inner_run.parent == outer_run.id
    assert (inner_run.task_runner, outer_run.parent) == ("sequential", None)
    assert story.states("outer") == {}
    assert story.states("inner") == {"double-0": "Completed"}


def test_w5_a_flow_called_in_a_task_is_linked_to_it(way: Way, make_task: MakeTask, story: Story) -> None:
    call_it = make_task(lambda: sync_inner(2))

    assert way.run(call_it, name="outer") == 4
    assert story.flow_run("sync_inner").parent == f"{story.flow_run('outer').id}/1"


def test_w5_an_async_flow_awaits_a_subflow(story: Story) -> None:
    @flow
    async def outer() -> list[int]:
        return [await async_inner(1), *await asyncio.gather(async_inner(2), async_inner(3))]

    assert asyncio.run(outer()) == [2, 4, 6]
    assert {run.parent for run in story.flow_runs() if run.flow == "async_inner"} == {
        story.flow_run("outer").id
    }


def test_w5_the_failure_of_a_called_subflow_is_retrieved_by_the_call(way: Way, story: Story) -> None:
    def body() -> str:
        with pytest.raises(ValueError, match="inner"):
            failing_inner()
        return "went on"

    assert way.run(body, name="outer") == "went on"
    assert story.flow_run("failing_inner").state == "Failed"
    assert story.flow_run("outer").state == "Completed"


def test_w5_the_failure_of_a_submitted_subflow_must_be_retrieved(way: Way) -> None:
    def unseen() -> None:
        failing_inner.submit()

    with pytest.raises(TaskFailures) as caught:
        way.run(unseen)
    assert str(caught.value.exceptions[0]) == "inner"

    def seen() -> str:
        futures = [failing_inner.submit()]
        describe(allow_failure(futures[0]))
        return "went on"

    assert way.run(seen) == "went on"


def test_w5_a_flow_waits_for_what_it_submitted(way: Way, story: Story) -> None:
    ended: list[int] = []

    @flow
    def slow() -> None:
        threading.Event().wait(0.02)
        ended.append(1)

    def body() -> None:
        slow.submit()

    way.run(body, name="outer")
    assert ended == [1]


def test_w5_a_submitted_async_flow_is_cancelled(story: Story) -> None:
    begun = threading.Event()

    @flow
    async def waiting() -> None:
        begun.set()
        await forever()

    future = waiting.submit()
    assert begun.wait(DEADLINE_SECONDS)
    assert future.cancel()
    with pytest.raises(FlowRunCancelled, match="was cancelled: cancelled on request"):
        future.result(DEADLINE_SECONDS)
    assert story.flow_run().state == "Cancelled"
    assert set(story.states().values()) <= {"Cancelled"}
    assert not future.cancel()


def test_w5_the_function_of_a_cancelled_async_flow_may_tidy_up(story: Story) -> None:
    begun = threading.Event()
    tidied: list[str] = []

    @flow
    async def tidy() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            tidied.append("tidied")

    future = tidy.submit()
    assert begun.wait(DEADLINE_SECONDS)
    assert future.cancel()
    assert isinstance(future.exception(DEADLINE_SECONDS), FlowRunCancelled)
    assert tidied == ["tidied"]
    assert story.flow_run().state == "Cancelled"


def test_w5_a_submitted_sync_flow_is_cancelled(story: Story) -> None:
    box: list[Any] = []
    begun = threading.Event()

    @flow
    def waiting() -> None:
        box.append(forever())
        begun.set()
        box[0].result(DEADLINE_SECONDS)

    future = waiting.submit()
    assert begun.wait(DEADLINE_SECONDS)
    assert future.cancel()
    with pytest.raises(FlowRunCancelled) as caught:
        future.result(DEADLINE_SECONDS)
    assert isinstance(caught.value.__cause__, TaskCancelled | RunInterrupted)
    assert story.flow_run().state == "Cancelled"
    assert story.states() == {"forever-0": "Cancelled"}


def test_w5_a_submitted_flow_that_is_cancelled_before_it_begins_never_calls_its_function(
    story: Story,
) -> None:
    called: list[str] = []

    @flow
    async def never_called() -> None:
        called.append("called")

    async def main() -> None:
        future = never_called.submit()
        assert future.cancel()
        with pytest.raises(FlowRunCancelled):
            await future

    asyncio.run(main())
    assert called == []
    assert story.flow_run().state == "Cancelled"


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
def test_w5_a_submitted_flow_that_is_cancelled_does_not_wait_for_its_arguments(
    story: Story, is_async: bool
) -> None:
    released = threading.Event()
    called: list[str] = []

    @task
    def held() -> bool:
        return released.wait(DEADLINE_SECONDS)

    @flow(name="inner")
    def sync_inner(_: object) -> None:
        called.append("sync")

    @flow(name="inner")
    async def async_inner(_: object) -> None:
        called.append("async")

    @flow(name="outer")
    def outer() -> bool:
        upstream = held()
        future = (async_inner if is_async else sync_inner).submit([upstream])
        assert future.cancel()
        with pytest.raises(FlowRunCancelled, match="cancelled on request"):
            future.result(DEADLINE_SECONDS)
        assert not upstream.done()
        released.set()
        return upstream.result()

    assert outer()
    assert called == []
    assert {run.flow: run.state for run in story.flow_runs()} == {"outer": "Completed", "inner": "Cancelled"}


def test_w5_a_cancelled_await_cancels_the_flow_run(story: Story) -> None:
    @flow
    async def endless() -> None:
        await forever()

    async def main() -> None:
        future = endless.submit()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(future, 0.01)
        await wait([future])

    asyncio.run(main())
    assert story.flow_run().state == "Cancelled"


def test_w5_cancelling_a_flow_run_cancels_those_that_it_submitted(story: Story) -> None:
    begun = threading.Event()

    @flow(name="inner")
    async def inner() -> None:
        begun.set()
        await forever()

    @flow(name="outer")
    def outer() -> None:
        inner.submit()

    future = outer.submit()
    assert begun.wait(DEADLINE_SECONDS)
    assert future.cancel()
    with pytest.raises(FlowRunCancelled):
        future.result(DEADLINE_SECONDS)
    assert [run.state for run in story.flow_runs()] == ["Cancelled", "Cancelled"]


def test_w5_methods_are_flows() -> None:
    class Report:
        factor = 3

        @flow
        def whole(self, x: int) -> int:
            return self.factor * double(x).result()

        @flow
        @classmethod
        def of_class(cls, x: int) -> int:
            return cls.factor * x

        @flow
        @staticmethod
        def plain(x: int) -> int:
            return x

    assert (Report().whole(1), Report.of_class(1), Report().of_class(2), Report.plain(5)) == (6, 3, 6, 5)
    assert Report().whole.submit(1).result(DEADLINE_SECONDS) == 6


def test_w5_names_of_flow_runs(story: Story) -> None:
    @flow(flow_run_name="report-{month}-{year}", name="templated")
    def templated(month: int, year: int = 2013) -> str:
        return get_run_context().flow_run_name

    @flow(flow_run_name=lambda: "by function", name="function")
    def by_function() -> None: ...

    @flow(name="generated")
    def generated() -> None: ...

    @flow(flow_run_name="{month:d}", name="broken")
    def broken(month: Any) -> int:
        return 1

    templated(4)
    by_function()
    generated()
    assert broken("text") == 1
    names = {run.flow: run.name for run in story.flow_runs()}
    assert (names["templated"], names["function"]) == ("report-4-2013", "by function")
    for name in (names["generated"], names["broken"]):
        assert len(name.split("-")) == 2
    with pytest.raises(ValueError, match="no_parameter"):
        flow(flow_run_name="{no_parameter}")(lambda: None)


# -- W6: parameters ------------------------------------------------------------------------------


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Model(pydantic.BaseModel):
    x: int
    name: str = "default"


def test_w6_arguments_are_bound_like_a_python_call_before_any_run_exists(story: Story) -> None:
    @flow
    def bound(a: int, /, b: int, *, c: int = 3) -> tuple[int, int, int]:
        return a, b, c

    @flow
    async def async_bound(a: int) -> int:
        return a

    for args, kwargs in (((), {}), ((1,), {}), ((1, 2, 3), {}), ((1, 2), {"d": 4}), ((1,), {"a": 1, "b": 2})):
        with pytest.raises(TypeError, match="bound") as caught:
            bound(*args, **kwargs)
        assert not isinstance(caught.value, ParameterError)
        with pytest.raises(TypeError, match="bound"):
            bound.submit(*args, **kwargs)
    with pytest.raises(TypeError, match="async_bound"):
        _ = async_bound()
    assert story.flow_runs() == []
    assert bound(1, 2) == bound(1, b=2, c=3) == (1, 2, 3)


def test_w6_values_are_coerced_against_annotations(story: Story) -> None:
    @flow
    def coerced(  # type: ignore[no-untyped-def]
        number: int,
        when: dt.date,
        colour: Colour,
        numbers: list[int],
        model: Model,
        path: Path,
        option: Literal["a", "b"],
        maybe: Optional[int] = None,  # noqa: UP045
        also: int | None = None,
        bounded: Annotated[int, pydantic.Field(gt=0)] = 1,
        anything: Any = None,
        plain=None,
    ) -> dict[str, Any]:
        return dict(locals())

    found = coerced(
        "1", "2013-04-01", "red", ["1", 2], {"x": "3"}, "/tmp", "a", "5", also="6", bounded="7", anything="8", plain="9"
    )  # fmt: skip
    assert found == {
        "number": 1, "when": dt.date(2013, 4, 1), "colour": Colour.RED, "numbers": [1, 2],
        "model": Model(x=3), "path": Path("/tmp"), "option": "a", "maybe": 5, "also": 6, "bounded": 7,
        "anything": "8", "plain": "9",
    }  # fmt: skip


def test_w6_a_parameter_error_lists_every_field(story: Story) -> None:
    @flow
    def picky(
        number: int, option: Literal["a"], model: Model, numbers: list[int], fine: str = "x"
    ) -> None: ...

    with pytest.raises(ParameterError) as caught:
        picky("one", "c", {"y": 1}, [1, "two"], fine="y")
    message = str(caught.value)
    assert isinstance(caught.value, TypeError)
    assert "4 parameters do not fit" in message
    for field in ("number:", "option:", "model.x:", "numbers.1:"):
        assert field in message
    assert "fine" not in message
    assert story.flow_run().state == "Failed"
    with pytest.raises(ParameterError, match="1 parameter does not fit"):
        picky("one", "a", Model(x=1), [1])


def test_w6_a_parameter_error_does_not_tell_secrets(story: Story) -> None:
    @flow
    def login(password: int, model: Model, pins: dict[str, int]) -> None: ...

    with pytest.raises(ParameterError) as caught:
        login("swordfish", {"x": {"api_key": "hidden"}}, {"password": "1234x", "plain": "shown"})
    message = str(caught.value)
    for secret in ("swordfish", "hidden", "1234x"):
        assert secret not in message
    assert "shown" in message
    failure = story.flow_run().failure
    assert failure is not None
    assert "swordfish" not in failure.message + failure.traceback


def test_w6_star_arguments_are_checked_too() -> None:
    @flow
    def variadic(first: int, *rest: int, **named: float) -> Any:
        return first, rest, named

    assert variadic("1", "2", 3, a="4.5", b=6.0) == (1, (2, 3), {"a": 4.5, "b": 6.0})
    assert variadic(1) == (1, (), {})
    with pytest.raises(ParameterError, match=r"(?s)rest\.1: .*named\.a: "):
        variadic(1, 2, "x", a="y")


def test_w6_defaults_are_the_authors_own_and_not_checked() -> None:
    @flow
    def relaxed(number: int = None) -> Any:  # type: ignore[assignment] # noqa: RUF013
        return number

    assert relaxed() is None
    assert relaxed(None) is None
    assert relaxed("3") == 3


def test_w6_text_annotations_are_resolved_and_unknown_ones_not_checked() -> None:
    namespace: dict[str, Any] = {"flow": flow, "__name__": "somewhere"}
    exec(
        textwrap.dedent("""
        from __future__ import annotations
        import datetime

        @flow
        def texts(when: datetime.date, number: "int", unknown: NoSuchType = None):
            return when, number, unknown
        """),
        namespace,
    )
    assert namespace["texts"]("2013-04-01", "5", "x") == (dt.date(2013, 4, 1), 5, "x")


class Own:
    """A class of which pydantic knows nothing."""


class OwnGeneric(Generic[T]):
    """One with a parameter."""


class Readable(Protocol):
    """What nothing can check at run time."""

    def read(self) -> str: ...


def test_w6_classes_that_pydantic_does_not_know_are_checked_by_isinstance() -> None:
    @flow
    def odd(own: Own, generic: OwnGeneric[int], items: list[Own]) -> tuple[Any, ...]:
        return own, generic, items

    given = (Own(), OwnGeneric[int](), [Own()])
    assert all(a is b for a, b in zip(odd(*given), given, strict=True))
    with pytest.raises(ParameterError, match=r"(?s)own: .*generic: .*items\.0: "):
        odd(5, 6, [7])


def test_w6_what_cannot_be_checked_is_passed_on() -> None:
    @flow
    def odd(readable: Readable, items: dict[Readable, int]) -> tuple[Any, ...]:
        return readable, items

    given = (5, {5: "x"})
    assert all(a is b for a, b in zip(odd(*given), given, strict=True))


def test_w6_a_value_that_satisfies_its_annotation_is_the_very_same_object() -> None:
    @flow
    def same(numbers: list[int], table: dict[str, list[float]], pair: tuple[int, ...], x: int | str) -> Any:
        return numbers, table, pair, x

    given = ([1, 2], {"a": [1.0]}, (1, 2), "x")
    assert all(a is b for a, b in zip(same(*given), given, strict=True))


def test_w6_validate_parameters_false_passes_values_on() -> None:
    @flow(validate_parameters=False)
    def unchecked(number: int) -> Any:
        return number

    assert unchecked("text") == "text"


def test_w6_pydantic_is_imported_only_when_needed(run_python: RunPython) -> None:
    program = """
        import datetime, sys
        from typing import Any, Literal, Optional
        from headrace import flow

        @flow
        def fine(a: int, b: "str", c: list[int], d: dict[str, float], e: Optional[int], f: Literal["x"], g: Any,
                 h: datetime.date, i: int | None = None, *args: int, j=None, **more: str):
            return a

        fine(1, "b", [1], {"a": 1.0}, None, "x", object(), datetime.date.today(), 1, 2, k="l")
        print("pydantic" in sys.modules)
        fine("1", "b", [1], {"a": 1.0}, None, "x", object(), datetime.date.today(), 1, 2, k="l")
        print("pydantic" in sys.modules)
    """
    assert run_python("-c", textwrap.dedent(program)).stdout == "False\nTrue\n"


# -- W7: leaving ---------------------------------------------------------------------------------


def states_of(run: subprocess.CompletedProcess[str] | str) -> dict[str, Any]:
    text = run if isinstance(run, str) else run.stdout
    found: dict[str, Any] = json.loads(text.strip().splitlines()[-1])
    return found


READ = """
def read():
    import json
    from headrace.history import default_history
    default_history().flush(10)
    reader = default_history().reader()
    run = reader.get_run(reader.list_runs(1, roots_only=True)[0].id)
    states = {r.name: r.state for r in reader.task_runs(run)}
    print(json.dumps({"flow": run.state, "failure": run.failure and run.failure.type, "tasks": states}), flush=True)
"""


@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.parametrize(
    ("code", "exit_code", "state"),
    [
        ("", 0, "Completed"),
        ("0", 0, "Completed"),
        ("None", 0, "Completed"),
        ("3", 3, "Failed"),
        ("'why'", 1, "Failed"),
    ],
)
def test_w7_sys_exit_in_a_flow(
    code: str, exit_code: int, state: str, is_async: bool, run_python: RunPython
) -> None:
    program = f"""
import asyncio, atexit, sys
from headrace import flow, task
{READ}
@task
def work(): return 1

@flow
{"async " if is_async else ""}def leaving():
    work()
    sys.exit({code})

atexit.register(read)
{"asyncio.run(leaving())" if is_async else "leaving()"}
print("never printed")
"""
    done = run_python("-c", program, check=False)
    assert done.returncode == exit_code, done.stderr
    assert "never printed" not in done.stdout
    found = states_of(done)
    assert found["flow"] == state
    assert found["failure"] == (None if state == "Completed" else "SystemExit")
    assert found["tasks"]["work-0"] in ("Completed", "Cancelled")


def test_w7_sys_exit_0_does_not_hide_a_failure() -> None:
    @flow
    def leaving() -> None:
        fail("unseen")
        sys.exit(0)

    with pytest.raises(TaskFailures):
        leaving()


def test_w7_sys_exit_0_in_a_submitted_flow_completes_it() -> None:
    @flow
    def leaving() -> None:
        sys.exit(0)

    @flow
    def outer() -> Any:
        return leaving.submit()

    assert outer() is None
    assert leaving.submit().exception(DEADLINE_SECONDS) is None


def test_w7_sys_exit_in_a_task_is_its_failure(way: Way, make_task: MakeTask, story: Story) -> None:
    leaving = make_task(lambda: sys.exit(4), name="leaving")

    with pytest.raises(SystemExit) as caught:
        way.run(leaving)
    assert caught.value.code == 4
    assert story.states() == {"leaving-0": "Failed"}


class Program:
    """A program in a process of its own, that is spoken to by lines and signals."""

    def __init__(self, source: str, environment: dict[str, str], folder: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-u", "-c", source],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
            cwd=folder,
        )

    def wait_for(self, line: str) -> None:
        assert self.process.stdout is not None
        for found in self.process.stdout:
            if found.strip() == line:
                return
        raise AssertionError(
            f"{line!r} was not printed:\n{self.process.stderr and self.process.stderr.read()}"
        )

    def interrupt(self) -> None:
        self.process.send_signal(signal.SIGINT)

    def end(self) -> tuple[int, str, str]:
        try:
            out, err = self.process.communicate(timeout=DEADLINE_SECONDS)
        finally:
            self.process.kill()
        return self.process.returncode, out, err


@pytest.fixture
def start_program(user_environment: dict[str, str], tmp_path: Path) -> Iterator[Callable[[str], Program]]:
    programs: list[Program] = []

    def start(source: str) -> Program:
        programs.append(Program(source, user_environment, tmp_path))
        return programs[-1]

    yield start
    for program in programs:
        program.process.kill()
        program.process.wait()
        for stream in (program.process.stdout, program.process.stderr):
            if stream is not None:
                stream.close()


INTERRUPTED = (
    READ
    + """
import asyncio, sys, threading, time
from headrace import as_completed, flow, task
from headrace.task_runners import ConcurrentTaskRunner, SequentialTaskRunner

release = threading.Event()

def say(line):
    sys.stdout.write(line + "\\n")  # in one piece: several threads speak

@task
def started():
    say("begun")
    release.wait(20)

@task
async def async_started():
    say("begun")
    await asyncio.Event().wait()

@task
def never(x=None): raise AssertionError
"""
)

PROGRAMS = {
    "sync flow that blocks in result": """
@flow(task_runner=ConcurrentTaskRunner(max_workers=1))
def main():
    first = async_started(); waiting = never(first)
    first.result()
call = main
""",
    "sync flow that computes": """
@flow
def main():
    first = async_started(); waiting = never(first)
    while True: pass
call = main
""",
    "sync flow that has returned": """
@flow
def main():
    first = async_started(); waiting = never(first)
call = main
""",
    "sequential task that blocks": """
@flow(task_runner=SequentialTaskRunner())
def main():
    started()
    never()
call = main
""",
    "async flow that awaits": """
@flow
async def main():
    first = async_started(); waiting = never(first)
    await first
call = lambda: asyncio.run(main())
""",
    "async flow that has returned": """
@flow
async def main():
    first = async_started(); waiting = never(first)
call = lambda: asyncio.run(main())
""",
}


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS.keys())
def test_w7_the_first_interrupt_cancels_records_and_is_raised_again(
    program: str, start_program: Callable[[str], Program]
) -> None:
    source = f"""{INTERRUPTED}{program}
try:
    call()
except KeyboardInterrupt:
    release.set()
    read()
    say("raised again")
    raise
"""
    running = start_program(source)
    running.wait_for("begun")
    running.interrupt()
    returncode, out, err = running.end()
    assert "raised again" in out, err
    assert returncode in (-signal.SIGINT, 130), err
    found = states_of(out.replace("raised again", ""))
    assert found["flow"] == "Cancelled"
    assert set(found["tasks"].values()) <= {"Cancelled", "UpstreamFailed"}


@pytest.mark.parametrize("after", ["never()", "begun", "*never.map([1, 2])", "*as_completed([begun])"])
def test_w7_after_the_first_interrupt_nothing_more_is_submitted_or_starts(
    after: str, start_program: Callable[[str], Program]
) -> None:
    source = f"""{INTERRUPTED}
@flow(task_runner=ConcurrentTaskRunner(max_workers=1))
def main():
    begun = started()
    queued = [never() for _ in range(3)]
    try:
        say("queued")
        queued[0].result()
    finally:
        ended = [{after}]
        say("after: " + " ".join(type(future.exception()).__name__ for future in ended))
        release.set()
try:
    main()
except KeyboardInterrupt:
    read()
"""
    running = start_program(source)
    running.wait_for("queued")
    running.interrupt()
    returncode, out, err = running.end()
    assert returncode == 0, err
    assert "after: TaskCancelled" in out
    found = states_of(out)
    assert found["flow"] == "Cancelled"
    begun = found["tasks"].pop("started-0")
    assert begun in {"Completed", "Cancelled"}, out  # it may return before it is interrupted
    assert set(found["tasks"].values()) == {"Cancelled"}, out


def test_w7_a_flow_that_goes_on_after_an_interrupt_is_cancelled_and_it_is_raised_again(
    start_program: Callable[[str], Program],
) -> None:
    source = f"""{INTERRUPTED}
@flow
def main():
    try:
        async_started().result()
    except KeyboardInterrupt:
        never().result()
try:
    main()
except KeyboardInterrupt as interrupt:
    say(type(interrupt.__cause__).__name__)
    read()
"""
    running = start_program(source)
    running.wait_for("begun")
    running.interrupt()
    returncode, out, err = running.end()
    assert returncode == 0, err
    assert "TaskCancelled" in out
    assert states_of(out) == {
        "flow": "Cancelled",
        "failure": "KeyboardInterrupt",
        "tasks": {"async_started-0": "Cancelled", "never-0": "Cancelled"},
    }


def test_w7_an_interrupt_cancels_the_flows_that_were_submitted(
    start_program: Callable[[str], Program],
) -> None:
    source = f"""{INTERRUPTED}
@flow
async def beside():
    await async_started()

@flow
def main():
    beside.submit()
try:
    main()
except KeyboardInterrupt:
    read()
"""
    running = start_program(source)
    running.wait_for("begun")
    running.interrupt()
    returncode, out, err = running.end()
    assert returncode == 0, err
    assert states_of(out)["flow"] == "Cancelled"


def test_w7_an_interrupt_while_a_failed_flow_waits_is_raised_with_the_failure_as_cause(
    start_program: Callable[[str], Program],
) -> None:
    source = f"""{INTERRUPTED}
def hook(*_):
    say("waiting")

@task(on_cancelled=hook)
def queued(): ...

@flow(task_runner=ConcurrentTaskRunner(max_workers=1))
def main():
    started()
    queued()
    raise ValueError("own")
try:
    main()
except KeyboardInterrupt as interrupt:
    say(repr(interrupt.__cause__))
    read()
"""
    running = start_program(source)
    running.wait_for("waiting")
    running.interrupt()
    returncode, out, err = running.end()
    assert returncode == 0, err
    assert "ValueError('own')" in out


def test_w7_the_second_interrupt_leaves_at_once(start_program: Callable[[str], Program]) -> None:
    source = f"""{INTERRUPTED}
def stuck_hook(flow, run, state):
    say("hook")
    threading.Event().wait(60)

@flow(on_cancelled=stuck_hook)
def main():
    async_started().result()
main()
"""
    running = start_program(source)
    running.wait_for("begun")
    running.interrupt()
    running.wait_for("hook")
    began = time.monotonic()
    running.interrupt()
    returncode, _, err = running.end()
    assert returncode in (-signal.SIGINT, 130), err
    assert "KeyboardInterrupt" in err
    assert time.monotonic() - began < DEADLINE_SECONDS


def test_w7_an_interrupt_outside_a_flow_is_pythons_own(start_program: Callable[[str], Program]) -> None:
    source = f"""{INTERRUPTED}
@flow
def main(): return 1
main()
import signal
say(str(signal.getsignal(signal.SIGINT) is signal.default_int_handler))
say("begun")
while True: pass
"""
    running = start_program(source)
    running.wait_for("True")
    running.wait_for("begun")
    running.interrupt()
    assert running.end()[0] in (-signal.SIGINT, 130)


def test_w7_keyboard_interrupt_raised_by_the_flow_itself_cancels_it(sync_way: Way, story: Story) -> None:
    def body() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sync_way.run(body)
    assert story.flow_run().state == "Cancelled"


# -- W8: hooks -----------------------------------------------------------------------------------

HOOKS = ("on_running", "on_completion", "on_failure", "on_crashed", "on_cancelled")


class Notebook:
    """Hooks that note what they are called with."""

    def __init__(self) -> None:
        self.notes: list[tuple[str, str, str]] = []

    def hook(self, label: str) -> Callable[..., None]:
        def note(subject: Any, run: Any, state: Any) -> None:
            self.notes.append((label, subject.name, state.name.value))

        return note

    def hooks(self) -> dict[str, Any]:
        return {name: [self.hook(f"{name} 1"), self.hook(f"{name} 2")] for name in HOOKS}


def test_w8_hooks_of_a_task_are_called_in_order(way: Way, make_task: MakeTask) -> None:
    notebook = Notebook()
    works = make_task(lambda: 1, name="works", **notebook.hooks())

    way.run(works)
    assert notebook.notes == [
        ("on_running 1", "works", "Running"),
        ("on_running 2", "works", "Running"),
        ("on_completion 1", "works", "Completed"),
        ("on_completion 2", "works", "Completed"),
    ]


def test_w8_hooks_are_called_after_the_state_is_decided_and_the_flow_ends_after_them(
    way: Way, make_task: MakeTask
) -> None:
    decided = threading.Event()
    seen: list[tuple[str, bool]] = []
    futures: list[Any] = []

    def look(subject: Any, *_: Any) -> None:
        assert decided.wait(DEADLINE_SECONDS)
        seen.append((subject.name, futures[0].done()))

    def body() -> str:
        futures.append(works())
        decided.set()
        return "a value"

    works = make_task(lambda: 1, name="works", on_completion=look)
    assert way.run(body, name="flow", on_completion=look) == "a value"
    assert seen == [("works", True), ("flow", True)]


def test_w8_hooks_run_in_the_flows_process_in_a_thread_of_their_own(way: Way, make_task: MakeTask) -> None:
    places: list[tuple[int, str]] = []

    def note(*_: Any) -> None:
        places.append((os.getpid(), threading.current_thread().name))

    way.run(make_task(lambda: 1, on_running=note, on_completion=note), on_completion=note)
    assert places == [(os.getpid(), "headrace-hooks")] * 3


def test_w8_hooks_of_a_failing_and_a_cancelled_task(make_task: MakeTask) -> None:
    notebook = Notebook()

    def raise_it() -> None:
        raise ValueError

    fails = make_task(raise_it, name="fails", retries=1, **notebook.hooks())
    stuck = forever.with_options(name="stuck", **notebook.hooks())

    @flow
    def both() -> None:
        fails().exception()
        future = stuck()
        future.cancel()

    both()
    own = [(label, state) for label, name, state in notebook.notes if name == "fails" and label.endswith("1")]
    assert own == [("on_running 1", "Running"), ("on_running 1", "Retrying"), ("on_failure 1", "Failed")]
    assert ("on_cancelled 2", "stuck", "Cancelled") in notebook.notes


def test_w8_hooks_of_a_flow(way: Way) -> None:
    notebook = Notebook()

    way.run(lambda: 1, name="works", **notebook.hooks())
    with pytest.raises(ZeroDivisionError):
        way.run(lambda: 1 / 0, name="fails", **notebook.hooks())
    assert [(label, name) for label, name, _ in notebook.notes if label.endswith("1")] == [
        ("on_running 1", "works"), ("on_completion 1", "works"), ("on_running 1", "fails"), ("on_failure 1", "fails"),
    ]  # fmt: skip


def test_w8_hooks_of_a_cancelled_flow() -> None:
    notebook = Notebook()

    @flow(name="stopped", **notebook.hooks())
    def stopped() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    assert notebook.notes[-1] == ("on_cancelled 2", "stopped", "Cancelled")


def test_w8_hooks_of_crashed_runs(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    """A defect of the engine is what crashes a run in its own process."""
    from headrace.engine.orchestrator import Orchestrator

    notebook = Notebook()

    def defect(*_: Any) -> None:
        raise RuntimeError("a defect")

    @task(name="crashing", **notebook.hooks())
    def crashing() -> None: ...

    @flow(name="crashed", **notebook.hooks())
    def crashed() -> None:
        monkeypatch.setattr(Orchestrator, "_on_submitted", defect)
        monkeypatch.setattr(Orchestrator, "handle", defect)
        crashing()

    with pytest.raises(RuntimeError, match="crashed") as caught:
        crashed()
    assert "a defect" in str(caught.value.__cause__)
    assert ("on_crashed 1", "crashed", "Crashed") in notebook.notes
    assert ("on_crashed 2", "crashing", "Crashed") in notebook.notes
    monkeypatch.undo()
    assert story.flow_run().state == "Crashed"


def test_w8_an_async_hook_runs_on_the_flows_loop_and_the_flow_ends_after_it() -> None:
    loops: list[Any] = []

    async def hook(*_: Any) -> None:
        await asyncio.sleep(0.01)
        loops.append(asyncio.get_running_loop())

    @task(on_completion=hook)
    def hooked() -> None: ...

    @flow(on_completion=hook, on_running=hook)
    async def main() -> Any:
        await hooked()
        return asyncio.get_running_loop()

    @flow(on_completion=hook)
    def sync_main() -> None:
        hooked()

    loop = asyncio.run(main())
    assert loops == [loop] * 3
    loops.clear()
    sync_main()
    from headrace.task_runners.loops import background_loop

    assert loops == [background_loop().loop] * 2


def test_w8_a_hook_that_raises_is_logged_and_changes_nothing(way: Way, story: Story, capsys: Any) -> None:
    called: list[str] = []

    def raising(*_: Any) -> None:
        called.append("raising")
        raise ValueError("of the hook")

    async def raising_async(*_: Any) -> None:
        raise KeyError("of the async hook")

    def leaving(*_: Any) -> None:
        sys.exit(1)

    after = lambda *_: called.append("after")
    hooked = task(lambda: 1, on_completion=[raising, raising_async, leaving, after])

    assert way.run(hooked, on_completion=[raising, after]) == 1
    assert called == ["raising", "after"] * 2
    assert story.flow_run().state == "Completed"
    told = capsys.readouterr().err
    assert "of the hook" in told
    assert "of the async hook" in told
    assert "hook 'raising'" in told


def test_w8_a_hook_receives_the_task_or_flow_the_run_and_the_state() -> None:
    seen: list[Any] = []

    @task(on_failure=lambda *given: seen.append(given), tags=["t"])
    def failing() -> None:
        raise ValueError("why")

    @flow(on_completion=lambda *given: seen.append(given))
    def main(x: int) -> None:
        failing().exception()

    main(5)
    (of_task, task_run, task_state), (of_flow, flow_run, flow_state) = seen
    assert of_task is failing
    assert (task_run.task_run_name, task_run.task_name, task_run.attempt, task_run.tags) == (
        "failing-0",
        "failing",
        1,
        ("t",),
    )
    assert (task_state.type, task_state.message) == (StateType.FAILED, "ValueError: why")
    assert of_flow is main
    assert flow_run.parameters == {"x": 5}
    assert flow_state.type is StateType.COMPLETED
    assert task_run.flow_run_id == flow_run.flow_run_id


def test_w8_hooks_run_outside_the_engines_own_work() -> None:
    """A hook that takes its time holds up no other task run."""
    release = threading.Event()

    def slow(*_: Any) -> None:
        release.wait(DEADLINE_SECONDS)

    @task(on_completion=slow)
    def hooked() -> int:
        return 1

    @flow
    def main() -> int:
        assert hooked().result(DEADLINE_SECONDS) == 1
        value = sum(double.map(range(50)).result(DEADLINE_SECONDS))
        release.set()
        return value

    assert main() == 2450


def test_w8_a_lone_tasks_hooks_are_called_too(make_task: MakeTask) -> None:
    called = threading.Event()
    make_task(lambda: 1, on_completion=lambda *_: called.set())()

    assert called.wait(DEADLINE_SECONDS)


# -- W9: the end of the process ------------------------------------------------------------------


@pytest.mark.parametrize("how", ["cancelled", "lone"])
def test_w9_the_process_ends_though_a_worker_thread_is_stuck(how: str, run_python: RunPython) -> None:
    program = f"""
import threading, time
from headrace import flow, task

begun = threading.Event()

@task
def stuck():
    begun.set()
    threading.Event().wait()

@flow
def main():
    future = stuck()
    begun.wait(10)
    future.cancel()
    return "ended"

@task
def parent():
    return main()

print({"main()" if how == "cancelled" else "parent().result()"})
"""
    began = time.monotonic()
    assert run_python("-c", program).stdout == "ended\n"
    assert time.monotonic() - began < DEADLINE_SECONDS


def test_w9_a_submitted_flow_is_finished_before_the_process_ends(run_python: RunPython) -> None:
    program = """
import time
from headrace import flow, task

@task
def work():
    time.sleep(0.05)
    print("worked")

@flow
def beside():
    work()

beside.submit()
"""
    assert run_python("-c", program).stdout == "worked\n"
