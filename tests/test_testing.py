"""What ``headrace.testing`` gives: a history in memory, and a clock that a test sets."""

from __future__ import annotations

import threading
import time
from functools import partial
from typing import TYPE_CHECKING

import psutil
import pytest

from headrace import StateType, flow, get_run_context, get_run_logger, task
from headrace.errors import HistoryUnavailableError, RunNotFoundError
from headrace.history import History, use_history
from headrace.run_context import TaskRunContext
from headrace.task_runners import SequentialTaskRunner
from headrace.testing import ManualClock, RecordedHistory, in_memory_history
from headrace.testing.rest import wait_for_rest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DEADLINE_SECONDS = 30.0


@pytest.fixture
def history() -> Iterator[RecordedHistory]:
    with in_memory_history() as history:
        yield history


@task
def double(number: int) -> int:
    get_run_logger().info("doubling %s", number)
    return 2 * number


@task(retries=3, retry_delay_seconds=[1, 10, 100])
def succeed_at(attempt: int) -> int:
    context = get_run_context()
    assert isinstance(context, TaskRunContext)
    if context.attempt < attempt:
        raise OSError(f"attempt {context.attempt}")
    return attempt


@flow
def doubled(numbers: list[int]) -> list[int]:
    return double.map(numbers).result()


@flow
def patient(attempt: int) -> int:
    return succeed_at(attempt)  # type: ignore[return-value]


# -- the history -----------------------------------------------------------------------------------


def test_a_run_that_was_read_from_a_file_keeps_no_file_open(tmp_path: Path) -> None:
    history = History.open(str(tmp_path / "history.db"))
    with use_history(history):
        doubled([1, 2])
    run = RecordedHistory(history).run()
    history.close()

    assert run.states_of("double-1") == ["Pending", "Running", "Completed"]
    assert run.stored_value("double-1") == 4
    open_files = [file.path for file in psutil.Process().open_files()]
    assert not [path for path in open_files if path.startswith(str(tmp_path))]


def test_a_history_in_memory_that_is_closed_says_so() -> None:
    with in_memory_history() as history:
        doubled([1])
        run = history.run()

    for ask in (history.runs, partial(run.stored_value, "double-0")):
        with pytest.raises(HistoryUnavailableError, match="was in memory, is closed"):
            ask()


def test_a_test_reads_what_its_flow_recorded(history: RecordedHistory) -> None:
    doubled([1, 2])

    run = history.run("doubled")
    assert (run.state, run.states) == ("Completed", ["Pending", "Running", "Completed"])
    assert [task_run.name for task_run in run.task_runs] == ["double-0", "double-1"]
    assert run.states_of("double-1")[-1] == "Completed"
    assert run.logs("double-1") == ["doubling 2"]
    assert len(run.task_runs_of("double")) == 2


def test_runs_come_in_the_order_of_their_beginning(history: RecordedHistory) -> None:
    for count in range(5):
        doubled(list(range(count)) or [0])

    assert [len(run.task_runs) for run in history.runs()] == [1, 1, 2, 3, 4]


def test_runs_that_began_at_the_same_time_come_in_their_order_too(history: RecordedHistory) -> None:
    with ManualClock(automatic=True):
        doubled([1])
        patient(1)

    assert [run.flow for run in history.runs()] == ["doubled", "patient"]


def test_each_history_holds_only_its_own(history: RecordedHistory) -> None:
    doubled([1])
    with in_memory_history() as inner:
        patient(1)
        assert [run.flow for run in inner.runs()] == ["patient"]

    assert [run.flow for run in history.runs()] == ["doubled"]


def test_asking_for_the_one_run_says_what_there_is_instead(history: RecordedHistory) -> None:
    with pytest.raises(RunNotFoundError, match=r"0 runs.*There are: none"):
        history.run()
    doubled([1])
    with pytest.raises(RunNotFoundError, match=r"0 runs of flow 'tripled'.*There are: doubled"):
        history.run("tripled")
    doubled([1])
    with pytest.raises(RunNotFoundError, match="has 2 runs of flow 'doubled', not one"):
        history.run("doubled")


def test_asking_for_a_task_run_says_what_there_is_instead(history: RecordedHistory) -> None:
    doubled([1])

    with pytest.raises(RunNotFoundError, match=r"'double-9'\. There are: double-0"):
        history.run().task_run("double-9")


# -- the clock, automatic --------------------------------------------------------------------------


def test_delays_take_no_time_and_are_told(history: RecordedHistory) -> None:
    began = time.monotonic()
    with ManualClock(automatic=True) as clock:
        assert patient(4) == 4

    assert time.monotonic() - began < 60
    assert clock.delays == (1.0, 10.0, 100.0)
    assert clock.elapsed == 111.0
    states = history.run().task_run("succeed_at-0").states
    seconds = [(state.at_us - states[0].at_us) / 1e6 for state in states]
    assert [state.name for state in states][1::2] == ["Running", "Retrying", "Retrying", "Retrying"]
    assert seconds == [0, 0, 0, 1, 1, 11, 11, 111, 111]


def test_delays_end_in_the_order_of_their_ends_not_of_their_beginnings() -> None:
    ended: list[float] = []
    lock = threading.Lock()

    @task(retries=1)
    def note(seconds: float) -> None:
        context = get_run_context()
        assert isinstance(context, TaskRunContext)
        if context.attempt == 1:
            raise OSError
        with lock:
            ended.append(seconds)

    @flow
    def race() -> None:
        for seconds in (300.0, 50.0, 7.0, 2000.0, 1.0):
            note.with_options(retry_delay_seconds=seconds)(seconds)

    with ManualClock(automatic=True) as clock:
        race()

    assert ended == [1.0, 7.0, 50.0, 300.0, 2000.0]
    assert clock.elapsed == 2000.0


def test_a_delay_does_not_end_while_a_flow_may_still_begin_a_shorter_one() -> None:
    order: list[str] = []

    @task(retries=1)
    def note(name: str) -> None:
        context = get_run_context()
        assert isinstance(context, TaskRunContext)
        if context.attempt == 1:
            raise OSError
        order.append(name)

    @flow
    def late_comer() -> None:
        note.with_options(retry_delay_seconds=60)("long")
        sum(range(3_000_000))  # the flow computes, while the first delay has begun
        note.with_options(retry_delay_seconds=1)("short")

    with ManualClock(automatic=True):
        late_comer()

    assert order == ["short", "long"]


def test_the_sequential_runner_waits_for_the_clock_in_the_thread_of_the_flow() -> None:
    with ManualClock(automatic=True) as clock:
        assert patient.with_options(task_runner=SequentialTaskRunner())(3) == 3

    assert clock.elapsed == 11.0


def test_a_task_outside_any_flow_goes_by_the_clock_too() -> None:
    with ManualClock(automatic=True) as clock:
        assert succeed_at(2).result() == 2

    assert clock.delays == (1.0,)


def test_log_lines_have_the_time_of_the_clock(history: RecordedHistory) -> None:
    with ManualClock() as clock:
        doubled([1])

    assert {line.at_us for line in history.run().log_lines} == {clock.now_us()}


def test_the_clock_thread_ends_with_the_last_delay() -> None:
    with ManualClock(automatic=True):
        patient(2)

    for thread in threading.enumerate():
        if thread.name == "headrace-manual-clock":
            thread.join(DEADLINE_SECONDS)
            assert not thread.is_alive()


# -- the clock, by hand ----------------------------------------------------------------------------


def test_a_test_moves_the_clock_while_the_flow_runs_beside_it(history: RecordedHistory) -> None:
    with ManualClock() as clock:
        future = patient.submit(3)
        clock.wait_until_pending()
        assert clock.pending == (1.0,)
        clock.advance(0.25)
        assert clock.pending == (0.75,)
        assert not future.done()
        clock.advance(0.75)
        clock.wait_until_pending()
        assert clock.pending == (10.0,)
        clock.advance(10)
        assert future.result(DEADLINE_SECONDS) == 3

    assert clock.delays == (1.0, 10.0)
    assert history.run().task_runs[0].attempt_count == 3


def test_a_run_that_lasts_is_noticed_also_while_the_clock_stands_still() -> None:
    has_begun, may_end = threading.Event(), threading.Event()

    @task
    def last() -> None:
        has_begun.set()
        assert may_end.wait(DEADLINE_SECONDS)

    @flow
    def lasting() -> StateType:
        future = last()
        assert has_begun.wait(DEADLINE_SECONDS)
        for _ in range(2):
            future._source.driver._notice()  # type: ignore[attr-defined]
        state = future.state
        may_end.set()
        return state.type

    with ManualClock():
        assert lasting() is StateType.RUNNING


def test_advancing_ends_every_delay_in_the_span_at_its_own_time() -> None:
    clock = ManualClock()
    told: list[tuple[str, float]] = []
    for name, seconds in (("c", 3), ("a", 1), ("b", 2), ("late", 4)):
        clock.call_later(seconds, lambda name=name: told.append((name, clock.elapsed)))  # type: ignore[misc]

    clock.advance(3.5)

    assert told == [("a", 1.0), ("b", 2.0), ("c", 3.0)]
    assert clock.elapsed == 3.5
    assert clock.pending == (0.5,)


def test_a_delay_begun_by_the_end_of_another_ends_in_the_same_span() -> None:
    clock = ManualClock()
    told: list[float] = []
    clock.call_later(1, lambda: clock.call_later(1, lambda: told.append(clock.elapsed)))

    clock.advance(5)

    assert told == [2.0]


def test_time_does_not_go_back() -> None:
    with pytest.raises(ValueError, match="time does not go back"):
        ManualClock().advance(-1)


def test_waiting_in_vain_for_a_delay_is_a_timeout() -> None:
    with pytest.raises(TimeoutError, match="0 delays are pending"):
        ManualClock().wait_until_pending(timeout=0)


def test_a_clock_that_is_held_jumps_no_more() -> None:
    with ManualClock(automatic=True) as clock:
        clock.hold()
        future = patient.submit(2)
        clock.wait_until_pending()
        wait_for_rest(patience_seconds=DEADLINE_SECONDS)
        assert not future.done()
        clock.advance(1)
        assert future.result(DEADLINE_SECONDS) == 2


# -- rest ------------------------------------------------------------------------------------------


def test_a_process_in_which_a_thread_computes_is_not_at_rest() -> None:
    is_over = threading.Event()
    rested_at: list[bool] = []

    def compute() -> None:
        for _ in range(30):
            sum(range(100_000))
        is_over.set()

    thread = threading.Thread(target=compute)
    thread.start()
    wait_for_rest(patience_seconds=DEADLINE_SECONDS)
    rested_at.append(is_over.is_set())
    thread.join(DEADLINE_SECONDS)

    assert rested_at == [True]


def test_a_process_that_never_rests_is_waited_for_only_so_long() -> None:
    is_over = threading.Event()

    def compute() -> None:
        while not is_over.is_set():
            sum(range(10_000))

    thread = threading.Thread(target=compute, daemon=True)
    thread.start()
    wait_for_rest(patience_seconds=0.05)
    is_over.set()
    thread.join(DEADLINE_SECONDS)
