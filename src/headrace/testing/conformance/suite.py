"""What every case of the conformance suite has at hand: the runner, a history, a clock, a turnstile."""

from __future__ import annotations

import asyncio
import sys
import threading
import traceback
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

from headrace.testing.conformance.turnstile import DEADLINE_SECONDS, Turnstile
from headrace.testing.manual_clock import ManualClock
from headrace.testing.recorded import in_memory_history

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from headrace.flows import Flow
    from headrace.task_runners.runner import Capability, TaskRunner
    from headrace.testing.recorded import RecordedHistory

FunctionT = TypeVar("FunctionT", bound="Callable[..., Any]")


def needs(capability: Capability) -> Callable[[FunctionT], FunctionT]:
    """Mark a case that only runners with that capability must pass; one marked ``lacks`` is for the others."""
    return lambda case: _marked(case, "needs", capability)


def lacks(capability: Capability) -> Callable[[FunctionT], FunctionT]:
    """Mark a case that says what a user gets from a runner without that capability."""
    return lambda case: _marked(case, "lacks", capability)


def _marked(case: FunctionT, mark: str, capability: Capability) -> FunctionT:
    setattr(
        case, mark, capability
    )  # no pytest mark: projects that are strict about those would have to know it
    return case


class Suite:
    """The base of the suite's chapters."""

    def make_runner(self) -> TaskRunner:
        """The runner under test, new or not: a runner serves several flow runs at once."""
        raise NotImplementedError(f"{type(self).__name__} must define make_runner()")

    def make_single_worker_runner(self) -> TaskRunner:
        """The same with one worker, if workers can be counted."""
        return self.make_runner()

    @pytest.fixture
    def runner(self) -> TaskRunner:
        """The runner under test."""
        return self.make_runner()

    @pytest.fixture(autouse=True)
    def history(self) -> Iterator[RecordedHistory]:
        """A history of this case alone."""
        with in_memory_history() as history:
            yield history

    @pytest.fixture
    def clock(self) -> Iterator[ManualClock]:
        """A clock that ends delays at once, in their order."""
        with ManualClock(automatic=True) as clock:
            yield clock

    @pytest.fixture
    def turnstile(self) -> Iterator[Turnstile]:
        """Where task runs wait until the case lets them pass."""
        with Turnstile() as turnstile:
            yield turnstile

    @pytest.fixture(autouse=True)
    def _leave_out_what_is_not_declared(self, request: pytest.FixtureRequest, runner: TaskRunner) -> None:
        needed: Capability | None = getattr(request.function, "needs", None)
        lacked: Capability | None = getattr(request.function, "lacks", None)
        if needed is not None and needed not in runner.capabilities:
            pytest.skip(f"{runner!r} does not declare: {needed.value}")
        if lacked is not None and lacked in runner.capabilities:
            pytest.skip(f"{runner!r} declares: {lacked.value}")


def run(flow: Flow[..., Any], *args: Any) -> Any:
    """What a call of the flow gives or raises. A flow that does not end in time fails the case; it does not hang it."""

    def call() -> Any:
        value = flow(*args)
        return asyncio.run(value) if flow.is_async else value

    return within_deadline(call)


def within_deadline(call: Callable[[], Any]) -> Any:
    """What the call gives or raises, unless it takes too long."""
    outcome: list[tuple[Any, BaseException | None]] = []

    def work() -> None:
        try:
            outcome.append((call(), None))
        except BaseException as error:
            outcome.append((None, error))

    thread = threading.Thread(target=work, name="conformance", daemon=True)
    thread.start()
    thread.join(DEADLINE_SECONDS)
    if not outcome:
        frame = sys._current_frames().get(thread.ident or 0)
        place = "".join(traceback.format_stack(frame)) if frame is not None else "nowhere"
        pytest.fail(f"it has not ended within {DEADLINE_SECONDS} s; it is at\n{place}")
    value, error = outcome[0]
    if error is not None:
        raise error
    return value
