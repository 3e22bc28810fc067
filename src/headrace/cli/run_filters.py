"""Which runs are meant, by what they have in common: the options of the commands that take many runs at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from headrace.cli.run_names import now_us
from headrace.cli.times import parse_since
from headrace.engine.states import StateName, StateType

if TYPE_CHECKING:
    from collections.abc import Callable

    from headrace.history.reader import Reader, RunSummary

STATES = sorted({name.value.lower() for name in StateName} | {kind.value.lower() for kind in StateType})


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFilters:
    """What runs have to be like; ``None`` lets all pass."""

    state: str | None = None
    flow: str | None = None
    tag: str | None = None
    since: int | None = None
    before: int | None = None

    @property
    def are_given(self) -> bool:
        """Whether anything is asked for."""
        return any(value is not None for value in (self.state, self.flow, self.tag, self.since, self.before))

    def find(
        self, reader: Reader, limit: int, *, text: str | None = None, roots_only: bool = False
    ) -> list[RunSummary]:
        """The runs that are like that, newest first. A ``limit`` of 0 means all."""
        found = reader.list_runs(
            limit if self.before is None else 0,
            state=self.state,
            flow=self.flow,
            tag=self.tag,
            since_us=self.since,
            text=text,
            roots_only=roots_only,
        )
        if self.before is None:
            return found
        older = [run for run in found if run.created_us < self.before]
        return older[:limit] if limit else older


def filtered(command: Callable[..., Any]) -> Callable[..., Any]:
    """Gives a command the options, which come to it as the argument ``filters``."""

    def with_filters(
        *,
        state: str | None,
        flow: str | None,
        tag: str | None,
        since: int | None,
        before: int | None,
        **others: Any,
    ) -> Any:
        return command(
            filters=RunFilters(state=state, flow=flow, tag=tag, since=since, before=before), **others
        )

    with_filters.__doc__ = command.__doc__
    with_filters.__click_params__ = getattr(command, "__click_params__", [])  # type: ignore[attr-defined]
    for option in _OPTIONS:
        option(with_filters)
    return with_filters


def moment_option(_context: click.Context, _option: click.Parameter, value: str | None) -> int | None:
    """Reads ``2h`` or ``2026-03-01`` as a moment."""
    if value is None:
        return None
    try:
        return parse_since(value, now_us())
    except (ValueError, OverflowError) as error:
        message = f"{value!r} is no time: write 30m, 2h, 7d, 2026-03-01 or 2026-03-01T12:00"
        raise click.BadParameter(message) from error


_OPTIONS = [
    click.option(
        "--before",
        metavar="WHEN",
        callback=moment_option,
        help="Only runs made before: 30d (ago), or a date.",
    ),
    click.option(
        "--since",
        metavar="WHEN",
        callback=moment_option,
        help="Only runs made since: 30m, 2h, 7d (ago), or a date.",
    ),
    click.option("--tag", help="Only runs with this tag."),
    click.option("--flow", help="Only runs of this flow."),
    click.option(
        "--state",
        type=click.Choice(STATES, case_sensitive=False),
        metavar="STATE",
        help="Only runs in this state: failed, timedout, ...",
    ),
]
