"""Waits for limits in words."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from headrace.cli.lines import Span
from headrace.cli.safe_text import safe
from headrace.engine.states import StateName
from headrace.history.limit_waits import limit_waits, name_of, waits_of_run

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from headrace.cli.lines import Line
    from headrace.cli.signs import Glyphs
    from headrace.history.reader import Reader, Run

_MOST_NAMES = 4


def lines_of_waits(reader: Reader, run: Run, glyphs: Glyphs) -> Iterable[Line]:
    """Who of the run waits for which limits, and who holds these: a line for all that wait for the same."""
    sign = glyphs.sign(StateName.AWAITING_SLOT.value)
    for who, limits, held_by in waits_of_run(reader, run):
        verb = "wait" if len(who) > 1 else "waits"
        yield [
            Span(f"{sign} {_names(reader, run, who)}", "bold"),
            Span(f" {verb} for {_limits(limits)}"),
            Span(f", held by {_names(reader, run, held_by)}" if held_by else "", "dim"),
        ]


def reasons_to_wait(reader: Reader) -> Mapping[str, str]:
    """``waits for limit db`` of each flow run of which somebody waits, or ``3 wait for limit db``."""
    limits: dict[str, dict[str, None]] = {}
    waiting: Counter[str] = Counter()
    for wait in limit_waits(reader):
        limits.setdefault(wait.flow_run, {}).update(dict.fromkeys(wait.limits))
        waiting[wait.flow_run] += 1
    return {
        run: f"{f'{count} wait' if count > 1 else 'waits'} for {_limits(limits[run])}"
        for run, count in waiting.items()
    }


def _limits(names: Iterable[str]) -> str:
    return safe(f"limit {', '.join(names)}")


def _names(reader: Reader, run: Run, who: Sequence[str]) -> str:
    """``query-2, the flow itself, query-1 of brisk-otter and 3 more``, as they are seen from this run."""
    names = ", ".join([safe(name_of(reader, run, one)) for one in who[:_MOST_NAMES]])
    return f"{names} and {len(who) - _MOST_NAMES:,} more" if len(who) > _MOST_NAMES else names
