"""``headrace run``: runs one flow in this process and ends with its exit code.

On a terminal there is a live view while it runs and a summary at its end; elsewhere the library's own log lines.
"""

from __future__ import annotations

import sys
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import click

from headrace.cli.screen import can_redraw

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from headrace.flow_runs import FlowRun

_COMPLETED, _FAILED, _INTERRUPTED = 0, 1, 130


@click.command()
@click.argument("target", metavar="FILE_OR_MODULE[:FLOW]")
@click.option(
    "-p",
    "--param",
    "pairs",
    metavar="NAME=VALUE",
    multiple=True,
    help="A parameter, as JSON or text. Repeatable.",
)
@click.option("-q", "--quiet", is_flag=True, help="Print nothing but errors and what the flow itself prints.")
@click.option("--json", "as_json", is_flag=True, help="Print the run as a JSON object in the last line.")
def run(*, target: str, pairs: tuple[str, ...], quiet: bool, as_json: bool) -> int:
    """Run a flow of a Python file or module.

    FLOW may be left out where there is only one. The exit code is 0 only if the flow completed, 1 if it failed, 130
    if it was interrupted; a code that the flow itself exits with is passed on.

    \b
    headrace run flows.py
    headrace run flows.py:report -p month=6 -p 'columns=["a", "b"]'
    """  # noqa: D301 - click asks for this very character before lines that are not to be joined
    has_view = not quiet and can_redraw(sys.stderr)
    try:
        with _view() if has_view else nullcontext() as view:
            return _run(target, pairs, view, is_quiet=quiet, as_json=as_json)
    except KeyboardInterrupt:
        return _INTERRUPTED


def _view() -> AbstractContextManager[Any]:
    from headrace.cli.live import LiveView

    return LiveView(sys.stderr)


def _run(target: str, pairs: tuple[str, ...], view: Any, *, is_quiet: bool, as_json: bool) -> int:
    from headrace.cli.flow_finder import find_flow
    from headrace.cli.log_lines import choose_log_lines
    from headrace.cli.parameter_values import as_call, read_values
    from headrace.flow_runs import FlowRun

    flow = find_flow(target)
    flow_run = FlowRun(flow, as_call(flow, read_values(flow, pairs)))
    choose_log_lines(has_view=view is not None, is_quiet=is_quiet)
    try:
        with nullcontext() if view is None else view.following(flow_run):
            return _conduct(flow_run, shows_traceback=view is None)
    finally:
        if as_json and flow_run.driver is not None:
            _print_as_json(flow_run)


def _conduct(flow_run: FlowRun, *, shows_traceback: bool) -> int:
    """Lives the run, and gives the exit code. ``SystemExit`` passes: its code is the flow's own."""
    from headrace.errors import HeadraceError
    from headrace.flow_runs import conduct_async, conduct_sync

    try:
        if flow_run.flow.is_async:
            import asyncio

            asyncio.run(conduct_async(flow_run))
        else:
            conduct_sync(flow_run)
    except KeyboardInterrupt:
        return _INTERRUPTED
    except Exception as error:
        if flow_run.driver is None and isinstance(
            error, HeadraceError
        ):  # there is no run: nothing was recorded
            raise
        if shows_traceback:
            _tell(flow_run, error)
        return _FAILED
    return _COMPLETED


def _tell(flow_run: FlowRun, error: Exception) -> None:
    """Where there is no summary: what was raised as Python would print it, but for what the log has told."""
    from headrace.cli.safe_text import safe_lines
    from headrace.errors import ParameterError, TaskFailures
    from headrace.history import default_history
    from headrace.history.database import IN_MEMORY
    from headrace.tracebacks import format_traceback, message_of, strip_engine_frames

    if isinstance(error, TaskFailures):
        text = error.message
    elif isinstance(error, ParameterError):
        text = message_of(error)
    else:
        strip_engine_frames(error)
        click.echo(safe_lines(format_traceback(error)), err=True, nl=False)
        text = f"flow run {flow_run.name!r} failed"
    click.echo(f"headrace: {safe_lines(text)}", err=True)
    if default_history().location != IN_MEMORY:  # such a history is gone with this process
        click.echo(f"Look at it with: headrace runs show {flow_run.flow_run_id}", err=True)


def _print_as_json(flow_run: FlowRun) -> None:
    from headrace.cli.as_json import print_json, run_json
    from headrace.history import default_history

    with default_history().reader() as reader:
        recorded = reader.get_run(flow_run.flow_run_id)
        told = run_json(recorded, reader.children(recorded), reader.results_home)
        print_json(told, in_one_line=True)
