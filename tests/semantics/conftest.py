"""What the tests of the semantics share: every way to run a flow, and what the history says of it."""

from __future__ import annotations

import asyncio
import logging
import threading
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from headrace import flow, task
from headrace.history import History, use_history
from headrace.task_runners import ConcurrentTaskRunner, SequentialTaskRunner

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from headrace import Flow, Task
    from headrace.history.reader import LogLine, Run, TaskRun

DEADLINE_SECONDS = 20


@pytest.fixture(autouse=True)
def history() -> Iterator[History]:
    """A history in memory for each test."""
    with use_history(History.open(":memory:")) as history:
        yield history
    history.close()


class Story:
    """What the history tells of the runs of a test."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._reader = history.reader()

    def flow_runs(self) -> list[Run]:
        """Every flow run, the oldest first."""
        assert self._history.flush(DEADLINE_SECONDS), self._history.failure or "it is not written in time"
        return [self._reader.get_run(summary.id) for summary in reversed(self._reader.list_runs(0))]

    def flow_run(self, name: str | None = None) -> Run:
        """The newest run, or that of the flow with this name."""
        return [run for run in self.flow_runs() if name in (None, run.flow)][-1]

    def task_runs(self, flow_name: str | None = None) -> dict[str, TaskRun]:
        """The task runs of such a flow run, by name."""
        run = self.flow_run(flow_name)
        return {task_run.name: task_run for task_run in self._reader.task_runs(run)}

    def states(self, flow_name: str | None = None) -> dict[str, str]:
        """The last state of each task run, by name."""
        return {name: task_run.state for name, task_run in self.task_runs(flow_name).items()}

    def path(self, task_run_name: str) -> list[str]:
        """Every state that a task run was in."""
        return [state.name for state in self.task_runs()[task_run_name].states]

    def lines(self, flow_name: str | None = None) -> list[LogLine]:
        """The log lines of a flow run and its task runs."""
        return self._reader.logs(self.flow_run(flow_name))

    def messages(self, flow_name: str | None = None) -> list[str]:
        """Their texts."""
        return [line.message for line in self.lines(flow_name)]


@pytest.fixture
def story(history: History) -> Story:
    return Story(history)


def in_thread(function: Callable[[], Any]) -> Any:
    """What the function gives in a thread of its own, or raises."""
    outcome: list[tuple[Any, BaseException | None]] = []

    def work() -> None:
        try:
            outcome.append((function(), None))
        except BaseException as error:
            outcome.append((None, error))

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(DEADLINE_SECONDS)
    assert outcome, "the thread has not ended in time"
    value, error = outcome[0]
    if error is not None:
        raise error
    return value


class Way(NamedTuple):
    """One way to run a flow: what kind of function, on which runner, called from where."""

    is_async_flow: bool
    is_sequential: bool
    place: str

    def make_flow(self, body: Callable[[], Any], **options: Any) -> Flow[[], Any]:
        """The body as a flow of this kind."""
        runner = SequentialTaskRunner() if self.is_sequential else ConcurrentTaskRunner(max_workers=4)
        if self.is_async_flow:

            @flow(task_runner=runner, **options)
            async def async_body() -> Any:
                return body()

            return async_body

        @flow(task_runner=runner, **options)
        def sync_body() -> Any:
            return body()

        return sync_body

    def call(self, subject: Flow[[], Any]) -> Any:
        """Call the flow from this place: what it gives."""
        if self.place == "thread":
            return in_thread(lambda: self._drive(subject))
        return self._drive(subject)

    def _drive(self, subject: Flow[[], Any]) -> Any:
        async def on_a_loop() -> Any:
            value = subject()
            return await value if subject.is_async else value

        if subject.is_async or self.place == "loop":
            return asyncio.run(on_a_loop())
        return subject()

    def run(self, body: Callable[[], Any], **options: Any) -> Any:
        """What the body gives as a flow of this kind, called from this place."""
        return self.call(self.make_flow(body, **options))

    def __str__(self) -> str:
        kind = "async" if self.is_async_flow else "sync"
        return f"{kind}-{'sequential' if self.is_sequential else 'concurrent'}-{self.place}"


WAYS = [
    Way(is_async_flow, is_sequential, place)
    for is_async_flow in (False, True)
    for is_sequential in (False, True)
    for place in ("main", "thread", "loop")
]


@pytest.fixture(params=WAYS, ids=str)
def way(request: pytest.FixtureRequest) -> Way:
    """Each of the ways to run a flow, one after another."""
    chosen: Way = request.param
    return chosen


@pytest.fixture(params=[way for way in WAYS if not way.is_sequential], ids=str)
def concurrent_way(request: pytest.FixtureRequest) -> Way:
    """Those of the concurrent runner alone."""
    chosen: Way = request.param
    return chosen


@pytest.fixture(params=[way for way in WAYS if not way.is_async_flow], ids=str)
def sync_way(request: pytest.FixtureRequest) -> Way:
    """Those of sync flows alone."""
    chosen: Way = request.param
    return chosen


@pytest.fixture(params=[way for way in WAYS if way.is_async_flow or not way.is_sequential], ids=str)
def overlapping_way(request: pytest.FixtureRequest) -> Way:
    """Those in which a call returns before its run has ended."""
    chosen: Way = request.param
    return chosen


@pytest.fixture(params=[False, True], ids=["sync-task", "async-task"])
def is_async_task(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
def make_task(is_async_task: bool) -> Callable[..., Task[..., Any]]:
    """Makes a task of a sync function: as it is, or as a coroutine function."""

    def make(function: Callable[..., Any], **options: Any) -> Task[..., Any]:
        async def as_coroutine(*args: Any, **kwargs: Any) -> Any:
            return function(*args, **kwargs)

        as_coroutine.__name__ = function.__name__
        made: Task[..., Any] = task(**options)(as_coroutine if is_async_task else function)
        return made

    return make


@pytest.fixture
def quiet_root() -> Iterator[logging.Logger]:
    """The root logger as a program finds it that has configured nothing."""
    root = logging.root
    handlers, level = root.handlers[:], root.level
    root.handlers[:] = []
    root.setLevel(logging.WARNING)
    yield root
    root.handlers[:] = handlers
    root.setLevel(level)
