"""Prunes a history: deletes the runs that ended long ago, a family at a time, while others write to it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from headrace.history.database import open_for_reading
from headrace.history.deletion import delete_runs
from headrace.history.statements import statement

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Sequence

    from headrace.history.deletion import Deletion


class OldRun(NamedTuple):
    """A flow run that ended long ago; its subflows go with it."""

    id: str
    flow: str


class Extent(NamedTuple):
    """How much some runs are, with all that belongs to them."""

    flow_runs: int
    task_runs: int
    log_lines: int
    stored_bytes: int
    """Roughly: without what the database needs to keep order."""


def find_old_runs(location: str, *, ended_before_us: int, keep: int = 0) -> list[OldRun]:
    """The runs that ended before a moment, oldest first. Of each flow the newest ``keep`` are left out.

    A run that has not ended is never among them, nor is one that another run called. Raises ``HistoryError``.
    """
    connection = open_for_reading(location)
    try:
        values = {"before_us": ended_before_us, "keep": keep}
        return [OldRun(*row) for row in connection.execute(statement("find_old_runs"), values)]
    finally:
        connection.close()


def measure_runs(location: str, runs: Sequence[OldRun]) -> Extent:
    """How much they are, subflows included. Raises ``HistoryError``."""
    connection = open_for_reading(location)
    try:
        return _total([_extent(connection, run.id) for run in runs])
    finally:
        connection.close()


def prune(location: str, runs: Sequence[OldRun], *, rest: Callable[[float], None] = time.sleep) -> Deletion:
    """Deletes them, and files of results that nobody refers to. One that a resume has taken up again meanwhile is left. Raises ``HistoryError``."""
    return delete_runs(location, [run.id for run in runs], sweeps=True, rest=rest)


def _extent(connection: sqlite3.Connection, id_: str) -> Extent:
    return Extent(*connection.execute(statement("measure_family"), (id_,)).fetchone())


def _total(extents: Sequence[Extent]) -> Extent:
    return Extent(*[sum(column) for column in zip(*extents, strict=True)]) if extents else Extent(0, 0, 0, 0)
