"""``sleep``: time that passes in a flow, also while no process runs it."""

from __future__ import annotations

from numbers import Real
from typing import TYPE_CHECKING, Any

from headrace.clock import current_clock
from headrace.completion import Gate
from headrace.context import current_scope
from headrace.limits import DONE, is_async_here

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from headrace.clock import Clock
    from headrace.flow_runs import FlowRun

_LONGEST_SECONDS = 100 * 365.25 * 86_400


def sleep(seconds: float) -> Awaitable[None]:
    """Lets time pass. Sync code blocks here; async code awaits it.

    In the function of a flow the end of the sleep is recorded before it begins: a run that is resumed sleeps only what is
    left, also if that is nothing. In a task, or outside of runs, it is a plain sleep. A cancel, a timeout and Ctrl-C end
    it. Raises ``ValueError`` for a negative number and for more than a hundred years.

    >>> from headrace import flow, sleep
    >>> @flow
    ... def patient() -> str:
    ...     sleep(0.01)
    ...     return "rested"
    >>> patient()
    'rested'
    """
    _check(seconds)
    scope: Any = current_scope.get()
    flow_run: FlowRun | None = scope if scope is not None and scope.call is None else None
    if is_async_here():
        return _sleep_on_loop(seconds, flow_run, _clock_of(scope))
    _sleep(seconds, flow_run, _clock_of(scope))
    return DONE


def _check(seconds: Any) -> None:
    if not isinstance(seconds, Real):
        raise TypeError(f"sleep({seconds!r}): give a number of seconds")
    number: Any = seconds
    if not 0 <= number <= _LONGEST_SECONDS:
        raise ValueError(f"sleep({seconds!r}): give seconds, 0 or more, and at most a hundred years of them")


def _sleep(seconds: float, flow_run: FlowRun | None, clock: Clock) -> None:
    left = seconds
    if flow_run is not None:
        until_us, is_new = flow_run.waits.end_of_sleep_us(seconds)
        if is_new:
            flow_run.driver.history.flush()
        left = (until_us - clock.now_us()) / 1e6
    if left > 0:
        gate = Gate(retrieves=False)
        clock.call_later(left, gate)
        gate.wait(None)


async def _sleep_on_loop(seconds: float, flow_run: FlowRun | None, clock: Clock) -> None:
    from headrace.loop_waits import LoopGate

    left = seconds
    if flow_run is not None:
        until_us, is_new = flow_run.waits.end_of_sleep_us(seconds)
        if is_new:
            committed = LoopGate(retrieves=False)
            flow_run.driver.history.when_flushed(committed)
            await committed.waiter
        left = (until_us - clock.now_us()) / 1e6
    if left > 0:
        gate = LoopGate(retrieves=False)
        clock.call_later(left, gate)
        await gate.waiter


def _clock_of(scope: Any) -> Clock:
    """The clock of the flow run; remote workers have none but the system's."""
    clock: Clock = getattr(getattr(scope, "driver", None), "clock", None) or current_clock()
    return clock
