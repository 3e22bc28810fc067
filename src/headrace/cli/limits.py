"""``headrace limits``: says how many may run at once, or in a time, across all processes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from headrace import settings
from headrace.cli import screen
from headrace.cli.as_json import print_json
from headrace.cli.lines import Span
from headrace.cli.run_names import has_history
from headrace.cli.safe_text import cells, pad, safe
from headrace.errors import HistoryUnavailableError
from headrace.history.database import IN_MEMORY, open_for_reading

if TYPE_CHECKING:
    from headrace.cli.lines import Line
    from headrace.history.lease_book import LimitInUse

_PERIODS_US = {"second": 1_000_000, "minute": 60_000_000, "hour": 3_600_000_000}
_HEADINGS = ("NAME", "SLOTS", "HELD", "WAITING", "RATE")


@click.group(invoke_without_command=True)
@click.pass_context
def limits(context: click.Context) -> None:
    """Say how many may run at once, or in a time, across all processes.

    A limit has a name. Every task run with a tag of that name keeps to it, and so does what asks for it by
    `concurrency` or `rate_limit`.
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


@limits.command("set")
@click.argument("name")
@click.argument("number", type=click.IntRange(min=0))
@click.option(
    "--per",
    "period",
    type=click.Choice(list(_PERIODS_US)),
    help="So many may begin in each second, minute or hour.",
)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def set_limit(*, name: str, number: int, period: str | None, as_json: bool) -> None:
    """Set the limit NAME: at most NUMBER at once, or with --per in a time.

    \b
    headrace limits set database 3
    headrace limits set mails 100 --per minute

    It takes effect at once, also for flows that run. A limit may have both. With 0 at once nothing begins any more, until
    the limit is set anew or cleared.
    """  # noqa: D301 - click asks for this very character before lines that are not to be joined
    from headrace.history.lease_book import set_rate, set_slots

    if not name.strip():
        raise click.UsageError("The limit has no name: is the variable set that it comes from?")
    location = _location()
    if period is None:
        set_slots(location, name, number)
    elif number == 0:
        raise click.UsageError("A rate is 1 or more. To let nothing begin, set 0 without --per.")
    else:
        set_rate(location, name, number, _PERIODS_US[period])
    if as_json:
        (limit,) = [limit for limit in _read(location) if limit.name == name]
        print_json(_as_json(limit))
    else:
        what = "at once" if period is None else f"per {period}"
        click.echo(f"Limit {safe(name)}: at most {number:,} {what}.")


@limits.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array.")
def list_limits(*, as_json: bool) -> None:
    """List the limits, and how much of each is in use.

    A limit in parentheses was not set here: a program that uses it says how many slots there are.
    """
    found = _read(_location())
    if as_json:
        print_json([_as_json(limit) for limit in found])
        return
    if not found:
        click.echo("There are no limits. Set one: headrace limits set NAME NUMBER", err=True)
        return
    rows = [_HEADINGS, *[_texts(limit) for limit in found]]
    widths = [max(cells(text) for text in column) for column in zip(*rows, strict=True)]
    lines: list[Line] = []
    for row in rows:
        text = "  ".join(pad(text, width) for text, width in zip(row, widths, strict=True)).rstrip()
        lines.append([Span(text, "dim" if row is _HEADINGS else "")])
    screen.stdout().print(lines)


@limits.command()
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def clear(*, name: str, as_json: bool) -> int:
    """Take the limit NAME away. What waits for it goes on at once."""
    from headrace.history.lease_book import clear_limit

    location = _location()
    was_there = has_history() and clear_limit(location, name)
    if as_json:
        print_json({"name": name, "cleared": was_there})
    elif was_there:
        click.echo(f"Limit {safe(name)} is cleared.")
    else:
        click.echo(
            f"headrace: There is no limit {safe(name)}. `headrace limits list` shows those there are.",
            err=True,
        )
    return 0 if was_there else 1


def _location() -> str:
    location = settings.database()
    if location == IN_MEMORY:
        raise HistoryUnavailableError(
            "HEADRACE_DATABASE is :memory:, and limits are kept in the history. Set it to a file."
        )
    return location


def _read(location: str) -> list[LimitInUse]:
    from headrace.history import lease_book

    if not has_history():
        return []
    connection = open_for_reading(location)
    try:
        return lease_book.list_limits(connection)
    finally:
        connection.close()


def _texts(limit: LimitInUse) -> tuple[str, ...]:
    slots = "-" if limit.limit.slots is None else f"{limit.limit.slots:,}"
    held = "-" if limit.limit.slots is None else f"{limit.held:,}"
    rate = "-" if limit.limit.rate is None else f"{limit.limit.rate:,} per {_period(limit)}"
    return safe(limit.name), slots if limit.is_set else f"({slots})", held, f"{limit.waiting:,}", rate


def _as_json(limit: LimitInUse) -> dict[str, Any]:
    rate = None if limit.limit.rate is None else {"number": limit.limit.rate, "per": _period(limit)}
    return {
        "name": limit.name,
        "slots": limit.limit.slots,
        "is_set": limit.is_set,
        "rate": rate,
        "held": limit.held,
        "waiting": limit.waiting,
    }


def _period(limit: LimitInUse) -> str:
    return next(name for name, period_us in _PERIODS_US.items() if period_us == limit.limit.period_us)
