"""Ctrl-C while a flow runs: at every point of the engine, on every runner, it is raised once and nothing is lost."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

import pytest

from headrace import flow, task
from headrace.context import current_scope
from headrace.engine.states import StateType
from headrace.history import History, use_history
from headrace.interrupts import noted
from headrace.task_runners import ConcurrentTaskRunner, SequentialTaskRunner
from tests.interruption import InterruptAt, ctrl_c_as_at_a_terminal, deadline

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from headrace.history.reader import Reader, Run

PATIENCE_SECONDS = 20.0
RUNNERS = {"sequential": SequentialTaskRunner(), "concurrent": ConcurrentTaskRunner(max_workers=2)}


@pytest.fixture
def history() -> Iterator[History]:
    history = History.open(":memory:")
    with use_history(history):
        yield history
    history.close()


@pytest.fixture(autouse=True)
def _nothing_is_left() -> Iterator[None]:
    with ctrl_c_as_at_a_terminal():
        yield
        assert not noted.is_set
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


# -- small flows, interrupted anywhere -----------------------------------------------------------------


@task
def one() -> int:
    return 1


@task
def add(first: int, second: int) -> int:
    return first + second


@task
def refuse(_value: int) -> None:
    raise ValueError("no")


def small() -> int:
    """A chain, a failure that is retrieved, and a task that is left to itself."""
    first = one()
    second = add(first, 1)
    refuse(second).exception()
    add(second, first)
    return second.result()


def stubborn() -> int:
    """Goes on after the interrupt, and waits for all that it began."""
    futures = []
    for _ in range(3):
        try:
            futures.append(one())
        except KeyboardInterrupt:
            continue
    for future in futures:
        try:
            future.wait()
        except KeyboardInterrupt:
            future.wait()
    return 3


def interrupt(run: Callable[[], Any], point: int) -> tuple[InterruptAt, int]:
    """Run the flow with a Ctrl-C at the n-th point of the engine: how often it was raised."""
    interrupts = 0
    tracer = InterruptAt(point)
    try:
        with deadline(PATIENCE_SECONDS), tracer:
            run()
    except KeyboardInterrupt:
        interrupts += 1
    return tracer, interrupts


def new_runs_of(reader: Reader, flow_name: str, seen: set[str]) -> list[Run]:
    summaries = [summary for summary in reader.list_runs(limit=0) if summary.flow == flow_name]
    return [reader.get_run(summary.id) for summary in summaries if summary.id not in seen]


def check_what_was_recorded(history: History, flow_name: str, seen: set[str], place: str | None) -> None:
    """The run, if it came to be, has ended for the history too, and so have all its task runs."""
    history.flush()
    reader = history.reader()
    for run in new_runs_of(reader, flow_name, seen):
        seen.add(run.id)
        assert StateType(run.state_type).is_terminal, f"the run is {run.state}, interrupted at {place}"
        for task_run in reader.task_runs(run):
            name = task_run.states[-1].name
            assert name in {"Completed", "Failed", "Cancelled", "UpstreamFailed"}, f"{name}, at {place}"


def interrupt_everywhere(function: Callable[[], int], runner: str, history: History, step: int) -> None:
    program = flow(task_runner=RUNNERS[runner], name=f"{function.__name__}-{runner}")(function)
    program()
    program()
    points = interrupt(program, -1)[0].passed
    assert points > 300
    seen: set[str] = set()
    for point in range(step // 2, points, step):
        tracer, interrupts = interrupt(program, point)
        if tracer.place is None:  # this time it took a shorter way
            continue
        assert interrupts == 1 or function is stubborn, f"raised {interrupts} times, at {tracer.place}"
        assert not noted.is_set, tracer.place
        assert current_scope.get() is None, tracer.place
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler, tracer.place
        check_what_was_recorded(history, program.name, seen, tracer.place)


@pytest.mark.traces
@pytest.mark.parametrize("runner", RUNNERS)
@pytest.mark.parametrize("function", [small, stubborn])
def test_a_ctrl_c_at_many_points_of_a_flow_is_raised_once_and_nothing_is_lost(
    function: Callable[[], int], runner: str, history: History
) -> None:
    interrupt_everywhere(function, runner, history, step=101)


@pytest.mark.traces
@pytest.mark.nightly
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("runner", RUNNERS)
@pytest.mark.parametrize("function", [small, stubborn])
def test_a_ctrl_c_at_every_point_of_a_flow_is_raised_once_and_nothing_is_lost(
    function: Callable[[], int], runner: str, history: History
) -> None:
    interrupt_everywhere(function, runner, history, step=1)
