"""Executing one attempt: call the user's function, and say in a report how it went.

This is all that a worker does, wherever it is. The sync and the async way differ in the one line that calls
the function.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from headrace.call_keys import is_told_by_row
from headrace.context import current_scope
from headrace.engine.events import AttemptStarted, AttemptWithdrawn, Ending
from headrace.errors import FlowRunCancelled, RunInterrupted, TaskCancelled
from headrace.history.results import bytes_to_admit, dump_result
from headrace.interrupts import calls_user_code, noted, shielded
from headrace.previews import preview_arguments
from headrace.task_runners.call import NO_CONTEXT, Report, fill_report, new_report
from headrace.task_runners.stopping import is_timed_out, report_of_stop
from headrace.thread_marks import own_mark
from headrace.tracebacks import describe, strip_engine_frames

if TYPE_CHECKING:
    from collections.abc import Mapping

    from headrace.history import History
    from headrace.history.facts import StoredResult
    from headrace.history.keeping import Keeping
    from headrace.task_runners.call import Call
    from headrace.thread_marks import ThreadMark

_RETURNED = Ending.RETURNED
_enter_scope = current_scope.set


@shielded
def execute(call: Call) -> None:
    """Execute the next attempt of a sync task in this thread, and post its report."""
    report = attempt(call, own_mark())
    if report is not None:
        call.driver.post(report)


@shielded
def attempt(call: Call, mark: ThreadMark, worker: str | None = None) -> Report | None:
    """Execute the next attempt of a sync task in this thread: its report, unless it was taken back before.

    ``mark`` is that of the thread; the report calls the worker by its name, unless it is told another one.
    """
    context = call.context
    if context is NO_CONTEXT:  # it was taken back, and the run has ended
        return None
    if call.retries:  # what an attempt sets, the next does not see
        context = context.copy()
    return context.run(_attempt, call, mark, worker or mark.name)


def _attempt(call: Call, mark: ThreadMark, worker: str) -> Report | None:
    number = call.number
    _enter_scope(call)
    now_us = call.driver.now_us
    call.started_us = started_us = now_us()
    if (call.is_withdrawn or call.announces_start) and not _may_begin(call, number, started_us):
        return None
    try:
        mark.number = number
        mark.run = call
        try:
            value = _call_function(call)
        finally:  # to take off the mark is the first thing: see `thread_marks`
            mark.run = None
            if mark.is_targeted:
                mark.absorb()
        ended_us = now_us()
        stored = dump_result(value) if call.keeping is None else call.keeping.keep(value)
        if value is not None and (nbytes := bytes_to_admit(stored)):
            call.driver.history.admit(nbytes)
    except BaseException as error:
        return _failed(call, number, started_us, error, worker)
    if call.is_timed_out and call.number == number:  # what comes too late is not waited for
        return report_of_stop(call, number, started_us, worker, "")
    report = new_report()
    fill_report(report, call, number, started_us, ended_us, _RETURNED, value, stored, worker)
    return report


async def execute_async(call: Call) -> None:
    """Execute the next attempt of an async task on this loop, and post its report."""
    number = call.number
    worker = own_mark().name
    _enter_scope(call)
    now_us = call.driver.now_us
    call.started_us = started_us = now_us()
    if (call.is_withdrawn or call.announces_start) and not _may_begin(call, number, started_us):
        return
    try:
        args, kwargs = _arguments(call)
        value = await call.task.fn(*args, **kwargs)
        ended_us = now_us()
        stored = dump_result(value) if call.keeping is None else await _keep_on_loop(call.keeping, value)
        if value is not None and (nbytes := bytes_to_admit(stored)):
            await _admit_on_loop(call.driver.history, nbytes)
    except BaseException as error:
        report = _failed(call, number, started_us, error, worker)
    else:
        if call.is_timed_out and call.number == number:
            report = report_of_stop(call, number, started_us, worker, "")
        else:
            report = new_report()
            fill_report(report, call, number, started_us, ended_us, _RETURNED, value, stored, worker)
    post = call.driver.post
    post(report)
    if call.number == number:  # of an attempt that was given up, another one may have come since
        call.asyncio_task = None  # not before: who interrupts it now finds it over, and hears the report


def _may_begin(call: Call, number: int, started_us: int) -> bool:
    """Whether the attempt was not taken back; if its start is awaited somewhere, it is announced."""
    if call.is_withdrawn:
        call.driver.post(AttemptWithdrawn(call.id, number, started_us))
        return False
    if call.announces_start and (call.task.task_run_name is None or call.run_name is not None):
        call.driver.post(AttemptStarted(call.id, number, started_us))
    return True


@calls_user_code
def _call_function(call: Call) -> Any:
    if call.args or call.kwargs or call.task.task_run_name is not None:
        args, kwargs = _arguments(call)
        return call.task.fn(*args, **kwargs)
    function = call.task.fn
    return function()


def _arguments(call: Call) -> tuple[tuple[Any, ...], Mapping[str, Any]]:
    args: tuple[Any, ...] = call.args
    kwargs: Mapping[str, Any] = call.kwargs
    if call.upstreams or call.tolerated:
        args, kwargs = call.driver.resolve(call)
    if args or kwargs:
        parameters = preview_arguments(call.task.argument_names, args, kwargs)
        if not is_told_by_row(call.args, call.kwargs, parameters, call.fact_upstreams):
            call.driver.note_key(call)
        call.parameters = (
            parameters  # after its key: a row that has them and no key tells all (see `call_keys`)
        )
    if call.task.task_run_name is not None and call.run_name is None:
        call.run_name = call.task.name_run(call, args, kwargs)
        call.is_told_plainly = False
        if call.announces_start:  # not before it has its name, under which its hooks know it
            call.driver.post(AttemptStarted(call.id, call.number, call.started_us))  # type: ignore[arg-type]
    return args, kwargs


async def _keep_on_loop(keeping: Keeping, value: Any) -> StoredResult:
    """What ``Keeping.keep`` does, without blocking the loop while a file is written."""
    stored = keeping.keep_beside(value)
    if stored is None:
        import asyncio

        stored = await asyncio.to_thread(keeping.keep_in_file, value)
    return stored


async def _admit_on_loop(history: History, nbytes: int) -> None:
    """What ``History.admit`` does, without blocking the loop."""
    if not history.has_room:
        from headrace.loop_waits import LoopGate

        gate = LoopGate(retrieves=False)
        history.when_there_is_room(gate)
        await gate.waiter
    history.count(nbytes)


def _failed(call: Call, number: int, started_us: int, error: BaseException, worker: str) -> Report:
    ended_us = call.driver.now_us()
    strip_engine_frames(error)
    if isinstance(error, TypeError) and _is_about_the_call(error):
        error.__traceback__ = None  # it would show how the engine calls functions, and nothing else
    is_interrupt = isinstance(error, KeyboardInterrupt) and _is_in_main_thread()
    if isinstance(error, KeyboardInterrupt) and is_interrupt:
        noted.note(error)  # the caller is told, not the task: see `interrupts`
    stops = _is_by_a_stop(error)
    if is_timed_out(call, number) or (stops and call.is_cancelled):
        cause, frames = (None, error.__traceback__) if stops else (error, None)
        return report_of_stop(call, number, started_us, worker, "", cause, frames)
    if is_interrupt or _is_cancellation(error):
        reason = "interrupted" if is_interrupt else None
        return Report(call, number, started_us, ended_us, Ending.CANCELLED, None, None, worker, error, reason)
    delay = call.driver.retry_delay_seconds(call, error)
    return Report(
        call, number, started_us, ended_us, Ending.RAISED, None, None, worker, error, describe(error), delay
    )


def _is_by_a_stop(error: BaseException) -> bool:
    """Whether the function ended by what stops it, or asked for a run that was stopped together with its own."""
    return isinstance(error, RunInterrupted | TaskCancelled | FlowRunCancelled) or _is_cancellation(error)


def _is_in_main_thread() -> bool:
    return threading.get_ident() == threading.main_thread().ident


def _is_about_the_call(error: TypeError) -> bool:
    """Whether Python could not even call the function with these arguments."""
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    return frame is not None and frame.tb_frame.f_code in _CALLERS


def _is_cancellation(error: BaseException) -> bool:
    import sys

    asyncio = sys.modules.get("asyncio")
    # Without the name, another thread is just importing it: nobody can have raised that.
    return asyncio is not None and isinstance(error, getattr(asyncio, "CancelledError", ()))


_CALLERS = frozenset({_call_function.__code__, execute_async.__code__})
