"""What is raised by a flow run that gave no value: loaded when one does not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.engine.events import Ending
from headrace.engine.states import StateName, StateType
from headrace.errors import FlowRunCancelled, FlowRunCrashed, FlowRunTimedOut, TaskFailures, TaskRunError
from headrace.flow_runs import ending_of
from headrace.tracebacks import describe

if TYPE_CHECKING:
    from headrace.driver import FlowEnd
    from headrace.flow_runs import FlowRun


def error_of(
    run: FlowRun, end: FlowEnd, error: BaseException | None, interrupt: BaseException | None
) -> BaseException:
    """What its call raises: ``error`` came of its function, ``interrupt`` cut the waiting short that followed."""
    is_cancelled = run.state.type is StateType.CANCELLED
    if run.state.name is StateName.TIMED_OUT and not isinstance(interrupt, KeyboardInterrupt):
        return _timeout_of(run, error)
    if isinstance(interrupt, KeyboardInterrupt) or (is_cancelled and run.is_interrupted):
        error = _raised_again(interrupt, error)
    elif is_cancelled and run.is_cancelled and interrupt is None:
        return cancellation_of(run, error)
    if error is not None and (
        ending_of(error) is not Ending.RETURNED or run.state.type is StateType.COMPLETED
    ):
        _add_unseen(run, error, end.unseen)
        return error
    if interrupt is not None:
        return interrupt
    match run.state.type:
        case StateType.CANCELLED:
            return cancellation_of(run, None)
        case StateType.FAILED:
            return _failures_of(run, end)
        case _:
            crash = FlowRunCrashed(f"flow run {run.name!r} crashed: {run.state.message}")
            crash.__cause__ = run.driver.defect
            return crash


def cancellation_of(run: FlowRun, cause: BaseException | None) -> FlowRunCancelled:
    """What is raised by a run that was cancelled."""
    cancelled = FlowRunCancelled(f"flow run {run.name!r} was cancelled: {run.state.message}")
    cancelled.__cause__ = cause
    return cancelled


def _timeout_of(run: FlowRun, cause: BaseException | None) -> FlowRunTimedOut:
    timed_out = FlowRunTimedOut(f"flow run {run.name!r} timed out: {run.state.message}")
    timed_out.__cause__ = cause
    return timed_out


def _failures_of(flow_run: FlowRun, end: FlowEnd) -> BaseException:
    """The failure of the one run that speaks for the flow; all of them, if nobody retrieved several."""
    ids = sorted({*end.unseen, *end.returned}, key=_order_of_calls)
    runs = [flow_run.driver.failed_run(id) for id in ids]
    errors = [run.exception() for run in runs]
    if len(ids) == 1 and end.returned:
        return errors[0].with_traceback(runs[0].traceback)  # type: ignore[no-any-return]
    names = ", ".join(run.display_name for run in runs[:10]) + (", …" if len(runs) > 10 else "")
    count = f"{len(runs)} task run{'s' if len(runs) > 1 else ''}"
    message = f"{count} of flow run {flow_run.name!r} failed and nobody retrieved {'it' if len(runs) == 1 else 'them'}: {names}"
    return TaskFailures(message, [_as_exception(error) for error in errors])


def _add_unseen(flow_run: FlowRun, error: BaseException, unseen: tuple[int, ...]) -> None:
    """What else failed is not lost behind the flow's own exception."""
    for id in sorted(unseen, key=_order_of_calls):
        run = flow_run.driver.failed_run(id)
        cause = run.exception()
        if cause is not None and cause is not error:
            error.add_note(f"Also failed, and retrieved by nobody: {run.display_name}: {describe(cause)}")


def _raised_again(interrupt: BaseException | None, error: BaseException | None) -> BaseException:
    """A Ctrl-C is not to be lost, whatever the function made of it or raised besides."""
    if isinstance(error, KeyboardInterrupt):
        return error
    raised = interrupt or KeyboardInterrupt()
    raised.__cause__ = error
    return raised


def _order_of_calls(id: int) -> tuple[bool, int]:
    """Task runs as they were called, then the runs of other flows, whose ids are negative."""
    return (id < 0, abs(id))


def _as_exception(error: BaseException) -> Exception:
    """A group of exceptions cannot hold a ``SystemExit``; it is told as what it did to its task."""
    if isinstance(error, Exception):
        return error
    told = TaskRunError(f"the task raised {describe(error)}")
    told.__cause__ = error
    return told
