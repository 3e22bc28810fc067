"""``headrace runs delete``: takes runs out of the history, after asking."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from headrace import settings
from headrace.cli.as_json import print_json
from headrace.cli.run_filters import RunFilters, filtered
from headrace.cli.run_names import find_only_run, open_history
from headrace.cli.safe_text import cells, pad, safe
from headrace.cli.screen import is_terminal

if TYPE_CHECKING:
    from headrace.history.reader import Reader, Run, RunSummary

_LISTED = 10


@click.command()
@filtered
@click.argument("names", metavar="[ID...]", nargs=-1)
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.option(
    "--force", is_flag=True, help="Also runs that have not ended, such as those of a machine that is gone."
)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object. Needs --yes.")
def delete(*, names: tuple[str, ...], filters: RunFilters, yes: bool, force: bool, as_json: bool) -> int:
    """Delete runs with their task runs, results, log lines and subflows.

    They are named one by one, or by what they have in common:

    \b
    headrace runs delete brisk-otter 01a208e3-9a37
    headrace runs delete --state failed --before 30d

    All are found before the first is deleted. The exit code is 1 if one was left because it has not ended.
    """  # noqa: D301 - click asks for this very character before lines that are not to be joined
    if bool(names) == filters.are_given:
        raise click.UsageError(
            "Say which runs: give their ids or names, or options such as --state and --before."
        )
    with open_history() as reader:
        found = _find(reader, names, filters)
    if not found:
        if as_json:
            print_json({"deleted": [], "unfinished": []})
        else:
            click.echo("No run is like that: nothing is deleted.", err=True)
        return 0
    if not yes:
        if as_json or not is_terminal(sys.stdin):
            raise click.UsageError(
                "Nothing is deleted without a question, and there is nobody to ask: add --yes."
            )
        listed = found[:_LISTED]
        widths = [max([cells(text) for text in column]) for column in zip(*map(_texts, listed), strict=True)]
        for run in listed:
            texts = [pad(text, width) for text, width in zip(_texts(run), widths, strict=True)]
            click.echo("  " + "  ".join(texts), err=True)
        if len(found) > _LISTED:
            click.echo(f"  and {len(found) - _LISTED:,} more", err=True)
        if not click.confirm(f"Delete {_runs(len(found))}?", err=True):
            click.echo("Nothing is deleted.", err=True)
            return 1
    from headrace.history.deletion import delete_runs

    deletion = delete_runs(settings.database(), [run.id for run in found], include_unfinished=force)
    if as_json:
        print_json({"deleted": list(deletion.deleted), "unfinished": list(deletion.unfinished)})
    elif deletion.deleted:
        click.echo(f"Deleted {_runs(len(deletion.deleted))}.")
    if deletion.unfinished:
        left = ", ".join(deletion.unfinished)
        click.echo(
            f"headrace: {left}: left, for it has not ended. If it never will, add --force.",
            err=True,
        )
        return 1
    return 0


def _find(reader: Reader, names: tuple[str, ...], filters: RunFilters) -> list[Run] | list[RunSummary]:
    if not names:
        return filters.find(reader, 0)
    return list({run.id: run for run in [find_only_run(reader, name) for name in names]}.values())


def _texts(run: Run | RunSummary) -> list[str]:
    return [safe(run.name), safe(run.flow), run.state, run.id]


def _runs(count: int) -> str:
    return f"{count:,} run{'s' if count != 1 else ''}"
