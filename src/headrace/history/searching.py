"""Looks for a text in names, messages and log lines, newest first, a bounded piece of the history at a time.

There is no index: SQLite compares millions of lines a second, writers pay nothing, and what is deleted is gone. See
docs/decisions/0029.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from headrace.history.reader import Reader

_END = 2**63 - 1


class Part(IntEnum):
    """What is looked through, in this order."""

    FLOW_RUNS = 0
    TASK_RUNS = 1
    LOGS = 2


_STATEMENTS = {
    Part.FLOW_RUNS: ("search_flow_runs", "find_floor_of_flow_runs", 10_000),
    Part.TASK_RUNS: ("search_task_runs", "find_floor_of_task_runs", 60_000),
    Part.LOGS: ("search_logs", "find_floor_of_logs", 200_000),
}
"""How each part is searched, and how many of its rows at a time."""


class Place(NamedTuple):
    """How far one has looked: in a part, back to a key."""

    part: Part
    before: int


START = Place(Part.FLOW_RUNS, _END)


class Hit(NamedTuple):
    """Where the text was found: in the names of a run, if it ``is_named`` so, else in a message."""

    key: int
    run: str
    run_name: str
    flow: str
    state: str
    state_type: str
    task_run: int | None
    at_us: int
    is_named: bool
    text: str
    part: Part


def search(reader: Reader, text: str, *, place: Place = START, limit: int) -> tuple[list[Hit], Place | None]:
    """The next hits from a place on, and the place to go on from; ``None`` when all has been looked through.

    There may be fewer than ``limit``, even none, and yet more to look through.
    """
    hits: list[Hit] = []
    for part in Part:
        if part < place.part:
            continue
        name, floor_name, count = _STATEMENTS[part]
        before = place.before if part is place.part else _END
        floors = reader.ask(floor_name, {"before": before, "count": count})
        floor = floors[0][0] if floors else -1
        values = {
            "text": text,
            "pattern": pattern_of(text),
            "floor": floor,
            "before": before,
            "limit": limit - len(hits),
        }
        hits += [Hit._make([*row, part]) for row in reader.ask(name, values)]
        if len(hits) == limit:
            return hits, Place(part, hits[-1].key)
        if floors:
            return hits, Place(part, floor + 1)
    return hits, None


def pattern_of(text: str) -> str:
    r"""The text as a pattern of ``LIKE ... ESCAPE '\'`` that is found anywhere."""
    for special in "\\%_":
        text = text.replace(special, "\\" + special)
    return f"%{text}%"
