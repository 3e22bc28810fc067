"""What a worker does with a result: it is pickled at once, and a large one waits while too much is unwritten."""

from __future__ import annotations

import asyncio
import gc
import signal
import threading
import tracemalloc
import weakref
from typing import TYPE_CHECKING, Any

import pytest

from headrace import flow, task
from headrace.history import History, journal, use_history
from headrace.task_runners import ConcurrentTaskRunner, SequentialTaskRunner

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from headrace.history.reader import TaskRun

DEADLINE_SECONDS = 20
LARGE = 50_000


@pytest.fixture
def history(tmp_path: Path) -> Iterator[History]:
    history = History.open(str(tmp_path / "history.db"))
    with use_history(history):
        yield history
    history.close()


@pytest.fixture
def producer_waits(history: History, monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Set when somebody waits for room; two large results leave none."""
    monkeypatch.setattr(journal, "UNWRITTEN_LIMIT", 2 * LARGE)
    waits = threading.Event()
    when_there_is_room = history.when_there_is_room

    def tell_and_wait(callback: Callable[[], None]) -> None:
        when_there_is_room(callback)
        waits.set()

    monkeypatch.setattr(history, "when_there_is_room", tell_and_wait)
    return waits


@pytest.fixture
def counted(history: History, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes that the history was told of."""
    sizes: list[int] = []
    count = history.count

    def note_and_count(nbytes: int) -> None:
        sizes.append(nbytes)
        count(nbytes)

    monkeypatch.setattr(history, "count", note_and_count)
    return sizes


def task_runs(history: History) -> list[TaskRun]:
    history.flush()
    with history.reader() as reader:
        (run,) = reader.list_runs()
        return list(reader.task_runs(reader.get_run(run.id)))


@task
def make(size: int) -> bytes:
    return bytes(size)


@task
async def make_async(size: int) -> bytes:
    return bytes(size)


@pytest.mark.parametrize("runner", [SequentialTaskRunner(), ConcurrentTaskRunner(max_workers=1)], ids=str)
def test_a_worker_waits_while_too_much_is_unwritten(
    runner: Any, history: History, producer_waits: threading.Event
) -> None:
    begun: list[int] = []

    @task
    def make_another(number: int) -> bytes:
        begun.append(number)
        return bytes(LARGE)

    @flow(task_runner=runner)
    def many() -> None:
        make_another.map(range(10))

    with history._writing:
        thread = threading.Thread(target=many)
        thread.start()
        assert producer_waits.wait(DEADLINE_SECONDS)
        assert begun == [0, 1, 2]
    thread.join(DEADLINE_SECONDS)

    assert begun == list(range(10))
    assert history._unwritten == 0
    assert [run.state for run in task_runs(history)] == ["Completed"] * 10


def test_an_event_loop_goes_on_while_its_tasks_wait(
    history: History, producer_waits: threading.Event
) -> None:
    @flow
    async def many() -> int:
        futures = make_async.map([LARGE] * 10)
        # The loop blocks here if its tasks block it.
        assert await asyncio.to_thread(producer_waits.wait, DEADLINE_SECONDS)
        is_over = [future.done() for future in futures]
        history._writing.release()
        return is_over.count(True)

    history._writing.acquire()
    assert asyncio.run(many()) == 2
    assert history._unwritten == 0
    assert [run.state for run in task_runs(history)] == ["Completed"] * 10


@pytest.mark.parametrize("any_make", [make, make_async], ids=["sync", "async"])
def test_each_large_result_is_counted_once_and_small_ones_are_not(
    any_make: Any, history: History, counted: list[int]
) -> None:
    @flow
    def several() -> None:
        any_make.map([0, 100, 900, 2000, 5000, 2_000_000])

    several()

    assert sorted(size // 1000 for size in counted) == [2, 5]


def test_what_is_tried_again_is_counted_once(history: History, counted: list[int]) -> None:
    attempts: list[int] = []

    @task(retries=2)
    def make_at_last() -> bytes:
        attempts.append(1)
        if len(attempts) < 3:
            raise ValueError
        return bytes(LARGE)

    @flow
    def once() -> None:
        make_at_last()

    once()

    assert len(counted) == 1


def test_a_result_that_nobody_hears_of_any_more_takes_no_room(history: History, counted: list[int]) -> None:
    begun, go_on = threading.Event(), threading.Event()
    workers: list[threading.Thread] = []

    @task
    def make_late() -> bytes:
        workers.append(threading.current_thread())
        begun.set()
        go_on.wait(DEADLINE_SECONDS)
        return bytes(LARGE)

    @flow
    def cancelling() -> None:
        future = make_late()
        begun.wait(DEADLINE_SECONDS)
        future.cancel()

    cancelling()
    go_on.set()
    workers[0].join(DEADLINE_SECONDS)
    assert history.flush()

    assert counted == []  # it was interrupted before it had made one
    assert history._unwritten == 0


def test_a_ctrl_c_ends_the_wait_for_room(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "UNWRITTEN_LIMIT", -1)
    monkeypatch.setattr(history, "when_there_is_room", lambda _: signal.raise_signal(signal.SIGINT))

    @flow(task_runner=SequentialTaskRunner())
    def one() -> None:
        make(LARGE)

    with pytest.raises(KeyboardInterrupt):
        one()

    (run,) = task_runs(history)
    assert (run.state, run.states[-1].message) == ("Cancelled", "interrupted")


class Load:
    """A value that says when it is let go."""


@pytest.mark.parametrize("is_async", [False, True])
def test_a_value_is_let_go_with_its_future_and_not_by_the_collector(is_async: bool, history: History) -> None:
    is_gone = threading.Event()

    def made() -> Load:
        load = Load()
        weakref.finalize(load, is_gone.set)
        return load

    @task
    def make_load() -> Load:
        return made()

    @task
    async def make_load_async() -> Load:
        return made()

    @flow
    def dropping() -> bool:
        future: Any = make_load_async() if is_async else make_load()
        assert isinstance(future.result(), Load)
        del future
        make(1).result()  # what the engine looked at last is another run
        return is_gone.wait(DEADLINE_SECONDS)

    gc.disable()
    try:
        assert dropping()
    finally:
        gc.enable()


def test_the_pickle_of_a_result_is_let_go_when_it_is_written(history: History) -> None:
    @flow
    def keeping() -> int:
        futures = make.map([900_000] * 20)
        futures.wait()
        history.flush()
        traced = tracemalloc.get_traced_memory()[0] - before
        return traced // 1_000_000

    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        assert 18 <= keeping() < 25
    finally:
        tracemalloc.stop()


class Leaving:
    """Leaves the program when it is pickled, which is no way to treat a value."""

    def __reduce__(self) -> Any:
        raise SystemExit(3)


@pytest.mark.parametrize("is_async", [False, True])
def test_a_result_that_leaves_the_program_when_it_is_pickled_fails_its_run(
    is_async: bool, history: History
) -> None:
    @task
    def make_leaving() -> Leaving:
        return Leaving()

    @task
    async def make_leaving_async() -> Leaving:
        return Leaving()

    @flow
    def one() -> BaseException | None:
        future: Any = make_leaving_async() if is_async else make_leaving()
        return future.exception()  # type: ignore[no-any-return]

    error = one()

    assert isinstance(error, SystemExit)
    (run,) = task_runs(history)
    assert run.state == "Failed"
