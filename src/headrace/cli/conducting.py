"""Lives one flow run in this process for a command, and ends with its exit code.

On a terminal there is a live view while it runs and a summary at its end; elsewhere the library's own log lines.
"""

from __future__ import annotations

import sys
from contextlib import ExitStack, nullcontext
from typing import TYPE_CHECKING, Any

import click

from headrace.cli.last_word import LastWord
from headrace.cli.screen import can_redraw

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from headrace.flow_runs import FlowRun

COMPLETED, FAILED, UNDER_WAY_ELSEWHERE, INTERRUPTED = 0, 1, 3, 130


def conduct(prepare: Callable[[], FlowRun | int], *, is_quiet: bool, as_json: bool) -> int:
    """Live the flow run that ``prepare`` makes; the exit code. It may give one itself, if there is nothing to live."""
    has_view = not is_quiet and can_redraw(sys.stderr)
    try:
        with _view() if has_view else nullcontext() as view:
            return _live(prepare, view, is_quiet=is_quiet, as_json=as_json)
    except KeyboardInterrupt:
        return INTERRUPTED


def _view() -> AbstractContextManager[Any]:
    from headrace.cli.live import LiveView

    return LiveView(sys.stderr)


def _live(prepare: Callable[[], FlowRun | int], view: Any, *, is_quiet: bool, as_json: bool) -> int:
    from headrace.cli.log_lines import choose_log_lines

    flow_run = prepare()
    if isinstance(flow_run, int):
        return flow_run
    choose_log_lines(has_view=view is not None, is_quiet=is_quiet)
    with ExitStack() as ending:
        if as_json:
            ending.callback(_print_begun_run, flow_run)
        if view is not None:
            ending.enter_context(view.following(flow_run))

        def tell(error: BaseException | None) -> int:
            """In the place of a main thread that does not come back."""
            code = _exit_code(flow_run, error, shows_traceback=view is None)
            ending.close()
            return code

        last_word = LastWord(flow_run, tell)
        try:
            error = _conduct(flow_run)
        finally:
            last_word.take()
        return _exit_code(flow_run, error, shows_traceback=view is None)


def _print_begun_run(flow_run: FlowRun) -> None:
    if flow_run.driver is not None:
        print_run(flow_run.flow_run_id)


def _conduct(flow_run: FlowRun) -> BaseException | None:
    """Lives the run, and gives what it raised. ``SystemExit`` passes: its code is the flow's own."""
    from headrace.flow_runs import conduct_sync

    try:
        if flow_run.flow.is_async:
            import asyncio

            from headrace.async_conduct import conduct_async

            asyncio.run(conduct_async(flow_run))
        else:
            conduct_sync(flow_run)
    except (KeyboardInterrupt, Exception) as error:
        return error
    return None


def _exit_code(flow_run: FlowRun, error: BaseException | None, *, shows_traceback: bool) -> int:
    """The exit code of what the run raised, which is told where there is no summary."""
    from headrace.errors import HeadraceError
    from headrace.interrupts import Terminated, exit_of

    if error is None:
        return COMPLETED
    if isinstance(error, Terminated):
        return int(exit_of(error).code or 0)
    if not isinstance(error, Exception):
        return INTERRUPTED
    if flow_run.driver is None and isinstance(error, HeadraceError):  # there is no run: nothing was recorded
        raise error
    if shows_traceback:
        _tell(flow_run, error)
    return FAILED


def _tell(flow_run: FlowRun, error: Exception) -> None:
    """Where there is no summary: what was raised as Python would print it, but for what the log has told."""
    from headrace.cli.safe_text import safe_lines
    from headrace.errors import FlowRunCancelled, ParameterError, TaskFailures
    from headrace.history import default_history
    from headrace.history.database import IN_MEMORY
    from headrace.tracebacks import format_traceback, message_of, strip_engine_frames

    if isinstance(error, TaskFailures):
        text = error.message
    elif isinstance(error, ParameterError | FlowRunCancelled):
        text = message_of(error)
    else:
        strip_engine_frames(error)
        click.echo(safe_lines(format_traceback(error)), err=True, nl=False)
        text = f"flow run {flow_run.name!r} failed"
    click.echo(f"headrace: {safe_lines(text)}", err=True)
    if default_history().location != IN_MEMORY:  # such a history is gone with this process
        click.echo(f"Look at it with: headrace runs show {flow_run.flow_run_id}", err=True)


def print_run(flow_run_id: str) -> None:
    """Print the run as a JSON object in one line."""
    from headrace.cli.as_json import print_json, run_json
    from headrace.history import default_history

    with default_history().reader() as reader:
        recorded = reader.get_run(flow_run_id)
        told = run_json(recorded, reader.children(recorded), reader.results_home)
        print_json(told, in_one_line=True)
