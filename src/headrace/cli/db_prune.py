"""``headrace db prune``: takes runs that ended long ago out of the history."""

from __future__ import annotations

import sys
from collections import Counter
from typing import TYPE_CHECKING

import click

from headrace import settings
from headrace.cli.as_json import print_json
from headrace.cli.byte_sizes import byte_size
from headrace.cli.run_filters import moment_option
from headrace.cli.run_names import has_history, open_history
from headrace.cli.safe_text import safe
from headrace.cli.screen import is_terminal
from headrace.errors import HistoryUnavailableError
from headrace.history.database import IN_MEMORY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headrace.history.deletion import Deletion
    from headrace.history.pruning import Extent, OldRun


@click.command()
@click.option(
    "--older-than",
    "ended_before_us",
    metavar="WHEN",
    required=True,
    callback=moment_option,
    help="Runs that ended before: 30d (ago), or a date.",
)
@click.option(
    "--keep",
    type=click.IntRange(min=0),
    default=0,
    metavar="N",
    help="Of each flow leave the newest N runs, however old they are.",
)
@click.option("--dry-run", is_flag=True, help="Only say what would be deleted.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object. Needs --yes or --dry-run.")
def prune(*, ended_before_us: int, keep: int, dry_run: bool, yes: bool, as_json: bool) -> int:
    """Delete runs that ended long ago, with their task runs, results, log lines and subflows.

    \b
    headrace db prune --older-than 30d
    headrace db prune --older-than 30d --keep 10 --yes

    A run that has not ended is never deleted. Flows may run meanwhile: they are not held up. The file keeps its size,
    with room in it for new runs, until it is vacuumed.
    """  # noqa: D301 - click asks for this very character before lines that are not to be joined
    location = settings.database()
    if location == IN_MEMORY:
        raise HistoryUnavailableError(
            "HEADRACE_DATABASE is :memory:, where nothing is old. Set it to a file."
        )
    runs = _find(location, ended_before_us, keep)
    if runs and not (yes or dry_run):
        if as_json or not is_terminal(sys.stdin):
            raise click.UsageError(
                "Nothing is deleted without a question, and there is nobody to ask: add --yes or --dry-run."
            )
        _list(runs)
        if not click.confirm(f"Delete {_count(len(runs), 'run')}?", err=True):
            click.echo("Nothing is deleted.", err=True)
            return 1
    if dry_run:
        _tell_plan(location, runs, as_json=as_json)
    else:
        _tell_deletion(_delete(location, runs), as_json=as_json)
    return 0


def _find(location: str, ended_before_us: int, keep: int) -> list[OldRun]:
    from headrace.history.pruning import find_old_runs

    if not has_history():
        return []
    with open_history():  # what a process that is gone has left under way has ended from here on
        return find_old_runs(location, ended_before_us=ended_before_us, keep=keep)


def _delete(location: str, runs: Sequence[OldRun]) -> Deletion:
    from headrace.history.deletion import Deletion
    from headrace.history.pruning import prune as delete

    return delete(location, runs) if has_history() else Deletion()


def _list(runs: Sequence[OldRun]) -> None:
    for flow, count in Counter(run.flow for run in runs).most_common():
        click.echo(f"  {_count(count, 'run')} of {safe(flow)}", err=True)


def _tell_plan(location: str, runs: Sequence[OldRun], *, as_json: bool) -> None:
    from headrace.history.pruning import Extent, measure_runs

    extent = measure_runs(location, runs) if runs else Extent(0, 0, 0, 0)
    if as_json:
        print_json({"dry_run": True, "runs": [run.id for run in runs], **_amounts(extent)})
    elif runs:
        _list(runs)
        click.echo(f"Would delete {_amount(extent)}, about {byte_size(extent.stored_bytes)}.")
    else:
        click.echo("No run is that old: nothing would be deleted.", err=True)


def _tell_deletion(deletion: Deletion, *, as_json: bool) -> None:
    from headrace.history.pruning import Extent

    extent = Extent(len(deletion.deleted), deletion.task_runs, deletion.log_lines, deletion.freed_bytes)
    if as_json:
        files = {"files": deletion.files, "file_bytes": deletion.file_bytes}
        print_json({"dry_run": False, "runs": list(deletion.deleted), **_amounts(extent), **files})
    elif any(extent):
        click.echo(f"Deleted {_amount(extent)}: {byte_size(deletion.freed_bytes)} are free for new runs.")
    else:
        click.echo("No run is that old: nothing is deleted.", err=True)
    if deletion.files and not as_json:
        count = _count(deletion.files, "file")
        click.echo(
            f"Deleted {count} of results that no run refers to any more: {byte_size(deletion.file_bytes)}."
        )


def _amounts(extent: Extent) -> dict[str, int]:
    return {"task_runs": extent.task_runs, "log_lines": extent.log_lines, "bytes": extent.stored_bytes}


def _amount(extent: Extent) -> str:
    return (
        f"{_count(extent.flow_runs, 'flow run')}, {_count(extent.task_runs, 'task run')} "
        f"and {_count(extent.log_lines, 'log line')}"
    )


def _count(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'s' if count != 1 else ''}"
