"""Timeouts and cancels: what is to stop does, or is given up and said to go on."""

from __future__ import annotations

import asyncio
import re
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from headrace import as_completed, flow, get_run_context, sleep, task, wait
from headrace.errors import (
    FlowRunCancelled,
    FlowRunTimedOut,
    RunInterrupted,
    TaskCancelled,
    TaskTimedOut,
    UpstreamFailedError,
)
from headrace.task_runners import ConcurrentTaskRunner, SequentialTaskRunner
from headrace.testing import ManualClock
from tests.semantics.conftest import DEADLINE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from headrace.engine.states import State
    from headrace.history.reader import Run, TaskRun
    from tests.conftest import RunPython
    from tests.semantics.conftest import Story

RUNNERS = [SequentialTaskRunner(), ConcurrentTaskRunner(max_workers=2)]
EVERY_RUNNER = pytest.mark.parametrize("runner", RUNNERS, ids=str)


class Place:
    """Where tasks stay until they are stopped; one that is stuck, until it is let go."""

    def __init__(self) -> None:
        self.has_come = threading.Event()
        self.has_left = threading.Event()
        self.release = threading.Semaphore(0)

    def stay(self) -> None:
        """In steps of Python, between which it can be interrupted."""
        self.has_come.set()
        end = time.monotonic() + DEADLINE_SECONDS
        try:
            while time.monotonic() < end:
                self.release.acquire(timeout=0.001)
        finally:
            self.has_left.set()

    async def stay_on_loop(self) -> None:
        self.has_come.set()
        try:
            await asyncio.sleep(DEADLINE_SECONDS)
        finally:
            self.has_left.set()

    def be_stuck(self) -> None:
        """In one step, which nothing interrupts."""
        self.has_come.set()
        try:
            self.release.acquire(timeout=DEADLINE_SECONDS)
        finally:
            self.has_left.set()

    def await_coming(self) -> None:
        assert self.has_come.wait(DEADLINE_SECONDS)

    def await_leaving(self) -> None:
        assert self.has_left.wait(DEADLINE_SECONDS)


@pytest.fixture
def place() -> Iterator[Place]:
    place = Place()
    yield place
    place.release.release()


def beside(run: Callable[[], Any]) -> Any:
    """What it gives or raises in a thread that is not the main one."""
    outcome: list[tuple[Any, BaseException | None]] = []

    def work() -> None:
        try:
            outcome.append((run(), None))
        except BaseException as error:
            outcome.append((None, error))

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(DEADLINE_SECONDS)
    [(value, error)] = outcome
    if error is not None:
        raise error
    return value


def here(run: Callable[[], Any]) -> Any:
    return run()


THREADS = pytest.mark.parametrize("anywhere", [here, beside], ids=["main_thread", "other_thread"])


# -- C8: the timeout of a task ---------------------------------------------------------------------------


@EVERY_RUNNER
@THREADS
def test_c8_a_task_that_runs_too_long_times_out_and_what_depends_on_it_does_not_run(
    runner: Any, anywhere: Any, place: Place, story: Story
) -> None:
    slow = task(timeout_seconds=0.05, name="slow")(place.stay)
    after = task(name="after")(lambda value: value)

    @flow(task_runner=runner)
    def hasty() -> None:
        future = slow()
        dependent = after(future)
        with pytest.raises(TaskTimedOut, match=r"slow-0 did not end within 0\.05 s"):
            future.result()
        with pytest.raises(UpstreamFailedError):
            dependent.result()

    anywhere(hasty)
    place.await_leaving()
    assert story.path("slow-0") == ["Pending", "Running", "TimedOut"]
    assert story.task_runs()["slow-0"].states[-1].message == "it did not end within 0.05 s"
    failure = story.task_runs()["slow-0"].failure
    assert failure is not None
    assert failure.type.endswith("TaskTimedOut")


@EVERY_RUNNER
def test_c8_an_async_task_that_runs_too_long_is_cancelled(runner: Any, place: Place, story: Story) -> None:
    slow = task(timeout_seconds=0.05, name="slow")(place.stay_on_loop)

    @flow(task_runner=runner)
    def hasty() -> BaseException | None:
        return slow().exception()

    @flow(task_runner=runner)
    async def hasty_on_a_loop() -> None:
        with pytest.raises(TaskTimedOut):
            await slow()

    assert isinstance(hasty(), TaskTimedOut)
    place.await_leaving()
    place.has_left.clear()
    asyncio.run(hasty_on_a_loop())
    place.await_leaving()
    assert story.states("hasty") == story.states("hasty_on_a_loop") == {"slow-0": "TimedOut"}


@EVERY_RUNNER
@pytest.mark.parametrize("is_async", [False, True], ids=["sync_task", "async_task"])
def test_c8_every_attempt_has_its_own_timeout(
    runner: Any, is_async: bool, place: Place, story: Story
) -> None:
    heard: list[tuple[str, int]] = []

    def is_worth_it(_task: Any, run: Any, state: State) -> bool:
        heard.append((str(state), run.attempt))
        return True

    async def stay_once_on_loop() -> int:
        attempt: int = get_run_context().attempt
        if attempt == 1:
            await place.stay_on_loop()
        return attempt

    def stay_once() -> int:
        attempt: int = get_run_context().attempt
        if attempt == 1:
            place.stay()
        return attempt

    function: Any = stay_once_on_loop if is_async else stay_once
    slow = task(timeout_seconds=0.2, retries=1, retry_condition_fn=is_worth_it, name="slow")(function)

    @flow(task_runner=runner)
    def hasty() -> Any:
        return slow()

    assert hasty() == 2
    assert story.path("slow-0") == ["Pending", "Running", "AwaitingRetry", "Retrying", "Completed"]
    assert story.task_runs()["slow-0"].states[2].message == "it did not end within 0.2 s"
    assert heard == [("Failed: TaskTimedOut: slow-0 did not end within 0.2 s", 1)]


def test_c8_the_clock_of_a_test_decides_when_the_time_is_over(place: Place, story: Story) -> None:
    slow = task(timeout_seconds=3600, name="slow")(place.stay)

    @flow
    def hasty() -> BaseException | None:
        return slow().exception()

    with ManualClock() as clock:
        running = hasty.submit()
        place.await_coming()
        clock.wait_until_pending()
        clock.advance(3599)
        assert not running.done()
        clock.advance(1)
        assert isinstance(running.result(DEADLINE_SECONDS), TaskTimedOut)
    assert clock.pending == ()
    assert story.states() == {"slow-0": "TimedOut"}


def test_c8_a_timeout_that_is_not_needed_leaves_nothing_behind() -> None:
    quick = task(timeout_seconds=3600)(lambda: 1)

    @flow
    def hasty() -> Any:
        return quick()

    with ManualClock() as clock:
        assert hasty() == 1
        assert clock.pending == ()


def test_c8_what_cannot_be_stopped_is_given_up_and_said_to_go_on(place: Place, story: Story) -> None:
    stuck = task(timeout_seconds=0.05, name="stuck")(place.be_stuck)
    quick = task(name="quick")(lambda: 1)

    @flow(task_runner=ConcurrentTaskRunner(max_workers=1))
    def hasty() -> Any:
        future = stuck()
        with pytest.raises(
            TaskTimedOut, match="what it does in worker-1 could not be stopped and goes on unheard"
        ):
            future.result()
        return quick()  # by another thread: the slot is free

    assert hasty() == 1
    place.release.release()
    place.await_leaving()
    assert story.states() == {"stuck-0": "TimedOut", "quick-0": "Completed"}
    assert "goes on unheard" in str(story.task_runs()["stuck-0"].states[-1].message)
    assert any("stuck-0' is given up" in message for message in story.messages())


@EVERY_RUNNER
def test_c8_the_traceback_of_a_timeout_is_where_the_task_was(runner: Any, place: Place, story: Story) -> None:
    lingering = task(timeout_seconds=0.05, name="lingering")(place.stay)

    @flow(task_runner=runner)
    def hasty() -> None:
        lingering().exception()

    hasty()
    assert functions_in(story.task_runs()["lingering-0"]) == ["stay"]


@pytest.mark.parametrize("way", ["sleep", "result", "stuck"])
def test_c8_the_traceback_of_a_timeout_shows_no_frames_of_the_engine(
    way: str, place: Place, story: Story
) -> None:
    def rest() -> None:
        if way == "sleep":
            sleep(DEADLINE_SECONDS)
        elif way == "result":
            task(place.stay)().result()
        else:
            place.be_stuck()

    resting = task(timeout_seconds=0.05, name="resting")(rest)

    @flow
    def hasty() -> None:
        resting().exception()

    hasty()
    assert functions_in(story.task_runs()["resting-0"]) == (
        ["rest", "be_stuck"] if way == "stuck" else ["rest"]
    )


def test_c8_the_traceback_of_a_cancelled_run_is_where_its_function_was(story: Story) -> None:
    @flow
    def patient() -> None:
        sleep(3600)

    with ManualClock() as clock:
        future = patient.submit()
        clock.wait_until_pending()
        future.cancel()
        future.wait()

    run = story.flow_run()
    assert run.failure is not None
    assert run.failure.type == "FlowRunCancelled"
    assert functions_in(run) == ["patient"]


def functions_in(run: Run | TaskRun) -> list[str]:
    """The functions in the traceback with which it failed, but for those of Python's own locks."""
    assert run.failure is not None
    return re.findall(r'File ".*(?<!threading.py)", line [0-9]+, in (\w+)', run.failure.traceback)


def test_c8_a_value_that_comes_too_late_is_not_taken(place: Place, story: Story) -> None:
    def catches_all() -> int:
        try:
            place.stay()
        except RunInterrupted:
            return 1
        return 2

    stubborn = task(timeout_seconds=0.05, name="stubborn")(catches_all)

    @flow
    def hasty() -> BaseException | None:
        return stubborn().exception()

    assert isinstance(hasty(), TaskTimedOut)
    assert story.states() == {"stubborn-0": "TimedOut"}


def test_c8_what_the_function_raises_as_it_is_stopped_is_the_cause(place: Place) -> None:
    def fails_to_clean_up() -> None:
        try:
            place.stay()
        finally:
            raise LookupError("nothing to clean up")

    untidy = task(timeout_seconds=0.05)(fails_to_clean_up)

    @flow
    def hasty() -> BaseException | None:
        return untidy().exception()

    assert isinstance(getattr(hasty(), "__cause__", None), LookupError)


@EVERY_RUNNER
def test_c8_the_children_of_a_task_that_times_out_are_stopped(
    runner: Any, place: Place, story: Story
) -> None:
    child = task(name="child")(place.stay)

    @task(timeout_seconds=0.05)
    def parent() -> None:
        child().result()

    @flow(task_runner=runner)
    def hasty() -> BaseException | None:
        return parent().exception()

    assert isinstance(hasty(), TaskTimedOut)
    place.await_leaving()
    assert story.states() == {"parent-0": "TimedOut", "child-0": "Cancelled"}


@THREADS
def test_c8_a_task_outside_any_flow_has_a_timeout_too(anywhere: Any, place: Place) -> None:
    slow = task(timeout_seconds=0.05)(place.stay)
    assert isinstance(anywhere(lambda: slow().exception()), TaskTimedOut)


# -- W10: the timeout of a flow --------------------------------------------------------------------------


@EVERY_RUNNER
@THREADS
def test_w10_a_flow_that_runs_too_long_is_interrupted_in_its_own_code(
    runner: Any, anywhere: Any, place: Place, story: Story
) -> None:
    hasty = flow(timeout_seconds=0.05, task_runner=runner, name="hasty")(place.stay)
    with pytest.raises(FlowRunTimedOut, match=r"it did not end within 0\.05 s"):
        anywhere(hasty)
    place.await_leaving()
    assert [state.name for state in story.flow_run().states] == [
        "Pending",
        "Running",
        "Cancelling",
        "TimedOut",
    ]


@EVERY_RUNNER
@THREADS
def test_w10_a_flow_that_waits_is_woken_and_its_task_runs_are_stopped(
    runner: Any, anywhere: Any, place: Place, story: Story
) -> None:
    slow = task(name="slow")(place.stay)

    @flow(timeout_seconds=0.1, task_runner=runner)
    def hasty() -> None:
        futures = [slow(), slow()]
        wait(futures)
        list(as_completed(futures))

    with pytest.raises(FlowRunTimedOut):
        anywhere(hasty)
    assert story.flow_run().state == "TimedOut"
    assert set(story.states().values()) == {"Cancelled"}


@EVERY_RUNNER
def test_w10_an_async_flow_that_runs_too_long_is_cancelled(runner: Any, place: Place, story: Story) -> None:
    slow = task(name="slow")(place.stay_on_loop)

    @flow(timeout_seconds=0.05, task_runner=runner)
    async def hasty() -> None:
        await slow()

    with pytest.raises(FlowRunTimedOut):
        asyncio.run(hasty())
    assert story.flow_run().state == "TimedOut"
    assert story.states() == {"slow-0": "Cancelled"}


def test_w10_each_attempt_of_a_flow_has_a_time_of_its_own(place: Place, story: Story) -> None:
    attempts: list[int] = []

    def stay_once() -> int:
        attempts.append(1)
        if len(attempts) == 1:
            place.stay()
        return len(attempts)

    hasty = flow(timeout_seconds=3600, retries=1, retry_delay_seconds=60, name="hasty")(stay_once)
    with ManualClock() as clock:
        running = hasty.submit()
        place.await_coming()
        clock.wait_until_pending()
        clock.advance(3600)
        while story.flow_run().state != "AwaitingRetry":
            assert not running.done()
        states = [state.name for state in story.flow_run().states]
        clock.wait_until_pending()
        clock.advance(60)
        assert running.result(DEADLINE_SECONDS) == 2
    assert states == ["Pending", "Running", "Cancelling", "AwaitingRetry"]
    assert [state.name for state in story.flow_run().states] == ["AwaitingRetry", "Retrying", "Completed"]


def test_w10_a_flow_whose_function_has_ended_still_has_its_timeout(place: Place, story: Story) -> None:
    slow = task(name="slow")(place.stay)

    @flow(timeout_seconds=0.1)
    def hasty() -> None:
        slow()

    with pytest.raises(FlowRunTimedOut):
        hasty()
    assert story.states() == {"slow-0": "Cancelled"}


@THREADS
def test_w10_the_subflows_of_a_flow_that_times_out_are_stopped(
    anywhere: Any, place: Place, story: Story
) -> None:
    inner = flow(name="inner")(place.stay)

    @flow(timeout_seconds=1.5)  # long enough for both to begin on a busy machine
    def outer() -> None:
        inner.submit()
        inner()

    with pytest.raises(FlowRunTimedOut):
        anywhere(outer)
    assert sorted(run.state for run in story.flow_runs()) == ["Cancelled", "Cancelled", "TimedOut"]


def test_w10_a_flow_whose_function_cannot_be_stopped_ends_all_the_same(place: Place, story: Story) -> None:
    hasty = flow(timeout_seconds=0.05, name="hasty")(place.be_stuck)
    running = hasty.submit()
    began = time.monotonic()
    with pytest.raises(FlowRunTimedOut, match="its function could not be stopped and goes on unheard"):
        running.result(DEADLINE_SECONDS)
    assert time.monotonic() - began < 5
    assert not place.has_left.is_set()
    assert story.flow_run().state == "TimedOut"


# -- W11: cancelling -------------------------------------------------------------------------------------


@EVERY_RUNNER
@pytest.mark.parametrize("is_async", [False, True], ids=["sync_task", "async_task"])
def test_w11_a_cancelled_task_run_is_interrupted(
    runner: Any, is_async: bool, place: Place, story: Story
) -> None:
    slow: Any = task(name="slow")(place.stay_on_loop if is_async else place.stay)

    @flow(task_runner=runner)
    async def changes_its_mind() -> None:
        future = slow()
        await asyncio.to_thread(place.await_coming)
        assert future.cancel()
        with pytest.raises(TaskCancelled):
            await future

    asyncio.run(changes_its_mind())
    place.await_leaving()
    assert story.states() == {"slow-0": "Cancelled"}
    assert story.flow_run().state == "Completed"


@EVERY_RUNNER
@pytest.mark.parametrize("is_waiting", [False, True], ids=["in_its_code", "in_a_wait"])
def test_w11_a_cancelled_flow_run_stops_its_function_and_all_that_it_called(
    runner: Any, is_waiting: bool, place: Place, story: Story, caplog: pytest.LogCaptureFixture
) -> None:
    slow = task(name="slow")(place.stay)

    @flow(task_runner=runner)
    def main() -> None:
        if is_waiting:
            slow().result()
        else:
            place.stay()

    running = main.submit()
    place.await_coming()
    assert running.cancel()
    with pytest.raises(FlowRunCancelled, match="cancelled on request"):
        running.result(DEADLINE_SECONDS)
    place.await_leaving()
    assert story.flow_run().state == "Cancelled"
    assert set(story.states().values()) <= {"Cancelled"}
    assert {run.states[-1].message for run in story.task_runs().values()} <= {"cancelled on request"}
    assert re.search(r"ended Cancelled after \S+ \S+: cancelled on request\n", caplog.text)


def test_w11_hooks_of_what_is_cancelled_run(place: Place) -> None:
    heard: list[str] = []

    def hear(_subject: Any, run: Any, state: State) -> None:
        heard.append(f"{run.display_name} {state.name}")

    slow = task(name="slow", on_cancelled=hear)(place.stay)

    @flow(on_cancelled=hear, flow_run_name="main")
    def main() -> None:
        slow().result()

    running = main.submit()
    place.await_coming()
    running.cancel()
    running.exception(DEADLINE_SECONDS)
    assert heard == ["slow-0 Cancelled", "main Cancelled"]


def test_w9_the_process_ends_though_a_flow_that_was_given_up_is_stuck(run_python: RunPython) -> None:
    source = """
import threading
from headrace import flow

@flow(timeout_seconds=0.1)
def stuck():
    threading.Semaphore(0).acquire(timeout=60)

print(type(stuck.submit().exception(30)).__name__)
"""
    ended = run_python("-c", source)
    assert (ended.returncode, ended.stdout) == (0, "FlowRunTimedOut\n"), ended.stderr
