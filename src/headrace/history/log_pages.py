"""Log lines page by page, forwards and backwards, each with the name of the task run that wrote it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from headrace.history.searching import pattern_of

if TYPE_CHECKING:
    from headrace.history.reader import Reader

_END = 2**63 - 1


class NamedLine(NamedTuple):
    """A log line; ``task_run`` is ``None`` for the flow's own. ``key`` grows with every line."""

    key: int
    task_run: int | None
    task_run_name: str | None
    at_us: int
    level: int
    logger: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which lines: of one task run (0: of the flow itself), of a level at least, with a text in the message."""

    task_run: int | None = None
    min_level: int = 0
    text: str | None = None


def after(reader: Reader, run: int, wanted: Wanted, *, key: int, limit: int) -> list[NamedLine]:
    """The first lines behind that key, in their order of arrival."""
    return _lines(reader, "list_logs_after", run, wanted, key, limit)


def before(reader: Reader, run: int, wanted: Wanted, *, key: int | None, limit: int) -> list[NamedLine]:
    """The last lines before that key, or the last of all; the latest first."""
    return _lines(reader, "list_logs_before", run, wanted, _END if key is None else key, limit)


def _lines(reader: Reader, name: str, run: int, wanted: Wanted, key: int, limit: int) -> list[NamedLine]:
    values = {
        "flow_run": run,
        "task_run": wanted.task_run,
        "min_level": wanted.min_level,
        "pattern": None if wanted.text is None else pattern_of(wanted.text),
        "key": key,
        "limit": limit,
    }
    return reader.convert(NamedLine._make, reader.ask(name, values))
