"""``headrace runs logs``: the log lines and kept prints of a run, as they were or as they come."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

import click

from headrace.cli import screen
from headrace.cli.as_json import log_json, print_json
from headrace.cli.lines import Line, Span
from headrace.cli.live import words
from headrace.cli.run_names import find_run, open_history
from headrace.cli.safe_text import safe, safe_lines
from headrace.cli.times import time_of_day
from headrace.engine.states import StateName, StateType
from headrace.errors import RunNotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from headrace.history.reader import LogLine, Reader, Run, TaskRunName

_LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40, "critical": 50}
_STYLES = {10: "dim", 20: "", 30: "yellow", 40: "red", 50: "bold red"}
_PAGE = 5_000
_INTERVAL_SECONDS = 0.3


@click.command()
@click.argument("name", metavar="[ID]", required=False)
@click.option("--task", help="Only lines of this task, or of the task run of this name or number.")
@click.option(
    "--level",
    type=click.Choice(list(_LEVELS), case_sensitive=False),
    help="Only lines of this level or above.",
)
@click.option("-f", "--follow", is_flag=True, help="Go on as lines come, until the run ends.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array; with --follow an object a line.")
def logs(*, name: str | None, task: str | None, level: str | None, follow: bool, as_json: bool) -> None:
    """Print the log lines of a run, of the newest if ID is left out."""
    with open_history() as reader:
        run = find_run(reader, name)
        lines = _lines(reader, run, task, _LEVELS.get((level or "").lower(), 0), follows=follow)
        if as_json and not follow:
            print_json([log_json(line, where.name if where else None) for line, where in lines])
            return
        output = screen.stdout()
        is_empty = True
        for line, where in lines:
            is_empty = False
            if as_json:
                print_json(log_json(line, where.name if where else None), in_one_line=True)
            else:
                output.print(draw(line, where.name if where else None))
        now = reader.get_run(run.id)
        if follow and now.state != StateName.COMPLETED.value and now.states[-1].message:
            click.echo(f"{safe(run.name)} {words(now.state)}: {safe(now.states[-1].message)}", err=True)
        if is_empty and not as_json:
            what = "has no log lines" if task is None and level is None else "has no log lines like that"
            click.echo(f"{safe(run.name)} {what}.", err=True)


def draw(line: LogLine, task_run: str | None) -> list[Line]:
    """A log line; further lines of its message are indented."""
    style = _STYLES.get(line.level // 10 * 10, "")
    first, *others = safe_lines(line.message.rstrip("\n")).split("\n")
    head: Line = [
        Span(f"{time_of_day(line.at_us)}  ", "dim"),
        Span(f"{logging.getLevelName(line.level):<8} ", style),
    ]
    if task_run is not None:
        head.append(Span(f"{safe(task_run)}: ", "cyan"))
    return [[*head, Span(first, style)], *[[Span(f"    {other}", style)] for other in others]]


def _lines(
    reader: Reader, run: Run, task: str | None, min_level: int, *, follows: bool
) -> Iterator[tuple[LogLine, TaskRunName | None]]:
    """The lines that are asked for, each with the task run that wrote it.

    Raises ``RunNotFoundError`` if there are none since no such task ran, unless it may still run.
    """
    has_lines = False
    names: dict[int, TaskRunName] = {}
    last = 0
    while True:
        has_ended = StateType(reader.get_run(run.id).state_type).is_terminal
        while page := reader.logs(run, min_level=min_level, after_key=last, limit=_PAGE):
            last = page[-1].key
            if any(line.task_run is not None and line.task_run not in names for line in page):
                names = reader.names_in_logs(run)
            for line in page:
                where = names.get(line.task_run) if line.task_run is not None else None
                if task is None or (where is not None and task in (where.task, where.name, str(where.id))):
                    has_lines = True
                    yield line, where
        if has_ended or not follows:
            break
        time.sleep(_INTERVAL_SECONDS)
    if task is not None and not (has_lines or follows or _has(reader, run, task)):
        raise RunNotFoundError(f"No task or task run {task!r} ran in {run.name} ({run.id}).")


def _has(reader: Reader, run: Run, task: str) -> bool:
    return any(group.task == task for group in reader.task_groups(run)) or any(
        task in (task_run.name, str(task_run.id)) for task_run in reader.task_runs(run)
    )
