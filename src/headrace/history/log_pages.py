"""Log lines page by page, forwards and backwards, each with the name of the task run that wrote it.

Who wants only some of them looks through a bounded stretch at a time, as the search does: see docs/decisions/0029.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from headrace.history.searching import pattern_of

if TYPE_CHECKING:
    from headrace.history.reader import Reader

_END = 2**63 - 1
_STEP = 200_000
"""How many lines of a flow run are looked through at a time."""


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

    @property
    def is_all(self) -> bool:
        """Whether every line is wanted."""
        return self.task_run is None and self.min_level <= 0 and self.text is None


class Stretch(NamedTuple):
    """The lines that were looked through, from the first key to the last; ``None``: there are none.

    ``has_more``: there may be lines further on in that direction.
    """

    first_key: int | None
    last_key: int | None
    has_more: bool


class Found(NamedTuple):
    """The lines that are wanted, in the direction in which they were asked for, and where they were looked for."""

    lines: list[NamedLine]
    stretch: Stretch


def after(reader: Reader, run: int, wanted: Wanted, *, key: int, limit: int) -> Found:
    """The first lines behind that key, in their order of arrival. There may be none, and yet more further on."""
    return _find(reader, "after", run, wanted, key, limit)


def before(reader: Reader, run: int, wanted: Wanted, *, key: int | None, limit: int) -> Found:
    """The last lines before that key, or the last of all; the latest first. There may be none, and yet more before them."""
    return _find(reader, "before", run, wanted, _END if key is None else key, limit)


def _find(reader: Reader, direction: str, run: int, wanted: Wanted, key: int, limit: int) -> Found:
    stretch = _stretch(reader, direction, run, key, limit if wanted.is_all else _STEP)
    values = {
        "flow_run": run,
        "task_run": wanted.task_run,
        "min_level": wanted.min_level,
        "pattern": None if wanted.text is None else pattern_of(wanted.text),
        "first": stretch.first_key,
        "last": stretch.last_key,
        "limit": limit,
    }
    return Found(reader.convert(NamedLine._make, reader.ask(f"list_logs_{direction}", values)), stretch)


def _stretch(reader: Reader, direction: str, run: int, key: int, count: int) -> Stretch:
    values = {"flow_run": run, "key": key, "count": count}
    [(first_key, last_key, found)] = reader.ask(f"find_stretch_{direction}", values)
    return Stretch(first_key, last_key, has_more=found == count)
