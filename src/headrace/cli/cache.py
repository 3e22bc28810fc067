"""``headrace cache``: what is cached, and that it shall count no more."""

from __future__ import annotations

import sqlite3
import sys
import time
from typing import TYPE_CHECKING, Any

import click

from headrace import settings
from headrace.cli import screen
from headrace.cli.as_json import print_json
from headrace.cli.byte_sizes import byte_size
from headrace.cli.lines import Span
from headrace.cli.run_filters import moment_option
from headrace.cli.run_names import has_history
from headrace.cli.safe_text import cells, pad, safe
from headrace.cli.times import ago, iso
from headrace.errors import HistoryUnavailableError
from headrace.history.database import IN_MEMORY, explain, open_for_reading

if TYPE_CHECKING:
    from headrace.cli.lines import Line
    from headrace.history.cache import CacheSummary

_HEADINGS = ("TASK", "VALUES", "SIZE", "EXPIRED", "LATEST")

_task_option = click.option("--task", metavar="NAME", help="Only values of the task of that name.")


@click.group(invoke_without_command=True)
@click.pass_context
def cache(context: click.Context) -> None:
    """List what is cached, and clear it.

    A task with a `cache_policy` is given what an earlier call with the same key gave.
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


@cache.command("list")
@_task_option
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array.")
def list_values(*, task: str | None, as_json: bool) -> None:
    """List what is cached, by task."""
    found = _read(task)
    if as_json:
        print_json([_as_json(summary) for summary in found])
        return
    if not found:
        click.echo("Nothing is cached.", err=True)
        return
    rows = [_HEADINGS, *[_texts(summary) for summary in found]]
    widths = [max(cells(text) for text in column) for column in zip(*rows, strict=True)]
    lines: list[Line] = []
    for row in rows:
        text = "  ".join(pad(text, width) for text, width in zip(row, widths, strict=True)).rstrip()
        lines.append([Span(text, "dim" if row is _HEADINGS else "")])
    screen.stdout().print(lines)


@cache.command()
@_task_option
@click.option(
    "--older-than",
    "before_us",
    metavar="WHEN",
    callback=moment_option,
    help="Only values that were made before: 30d (ago), or a date.",
)
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object. Needs --yes.")
def clear(*, task: str | None, before_us: int | None, yes: bool, as_json: bool) -> int:
    """Have cached values count no more, in every process: what is asked for next is computed anew.

    \b
    headrace cache clear --task load
    headrace cache clear --older-than 30d --yes

    The runs that gave them keep their results.
    """  # noqa: D301 - click asks for this very character before lines that are not to be joined
    from headrace.history.cache import clear_cache

    count = sum(summary.values for summary in _read(task, before_us))
    if count and not yes:
        if as_json or not screen.is_terminal(sys.stdin):
            raise click.UsageError(
                "Nothing is cleared without a question, and there is nobody to ask: add --yes."
            )
        if not click.confirm(f"Clear {_values(count)}?", err=True):
            click.echo("Nothing is cleared.", err=True)
            return 1
    cleared = clear_cache(settings.database(), task=task, before_us=before_us) if count else 0
    if as_json:
        print_json({"cleared": cleared})
    else:
        click.echo(
            f"Cleared {_values(cleared)}." if cleared else "Nothing like that is cached.", err=not cleared
        )
    return 0


def _read(task: str | None, before_us: int | None = None) -> list[CacheSummary]:
    from headrace.history.cache import list_cache

    location = settings.database()
    if location == IN_MEMORY:
        raise HistoryUnavailableError(
            "HEADRACE_DATABASE is :memory:, and the cache is kept in the history. Set it to a file."
        )
    if not has_history():
        return []
    connection = open_for_reading(location)
    try:
        return list_cache(connection, _now_us(), task=task, before_us=before_us)
    except sqlite3.Error as error:
        raise explain(error, location) from error
    finally:
        connection.close()


def _texts(summary: CacheSummary) -> tuple[str, ...]:
    latest = ago(summary.last_us, _now_us())
    return safe(summary.task), f"{summary.values:,}", byte_size(summary.size), f"{summary.expired:,}", latest


def _as_json(summary: CacheSummary) -> dict[str, Any]:
    return {
        "task": summary.task,
        "values": summary.values,
        "bytes": summary.size,
        "expired": summary.expired,
        "first_at": iso(summary.first_us),
        "latest_at": iso(summary.last_us),
    }


def _values(count: int) -> str:
    return f"{count:,} value{'s' if count != 1 else ''}"


def _now_us() -> int:
    return time.time_ns() // 1000
