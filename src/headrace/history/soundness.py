"""Looks for damage in a history's file: bits that turned on the disk, pages that were lost, rows that nobody wrote.

SQLite sees what keeps the file in order; that the schema is ours and that rows can be read is looked at here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from headrace.errors import ResultDamagedError, ResultError
from headrace.history.database import IN_MEMORY, REFUSALS, SCHEMA_VERSION, open_database
from headrace.history.statements import statement

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

    from headrace.history.reader import Reader

_FIRST = 5
_MOST_BYTES_OF_FILES = 4_000_000_000
_EVERYTHING = (
    "SELECT * FROM flow_runs",
    "SELECT * FROM task_runs",
    "SELECT * FROM logs",
    "SELECT * FROM environments",
    "SELECT * FROM waits",
)
_SCHEMA = (
    "SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%' ORDER BY 1, 2, 3"
)


def find_damage(connection: sqlite3.Connection) -> list[str]:
    """What is wrong with the history that is open there: nothing, in a sound one. Reads all of it, raises nothing."""
    found: list[str] = []
    looks: tuple[Callable[[sqlite3.Connection], list[str]], ...] = (_structure, _schema, _rows)
    for look in looks:
        try:
            found += look(connection)
        except REFUSALS as error:
            found.append(str(error))
        if found:  # what follows would only say the same in other words
            break
    return found


def _structure(connection: sqlite3.Connection) -> list[str]:
    """What SQLite finds, indexes included: ``quick_check`` does not compare those with their tables."""
    rows = connection.execute(f"PRAGMA integrity_check({_FIRST})").fetchall()
    return [row[0] for row in rows if row[0] != "ok"]


def _schema(connection: sqlite3.Connection) -> list[str]:
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    if version != SCHEMA_VERSION:  # an older one is brought up to date by the next run
        return []
    fresh = open_database(IN_MEMORY)
    try:
        texts = (_SCHEMA, "SELECT * FROM state_types ORDER BY 1", "SELECT * FROM reachable ORDER BY 1, 2")
        for text in texts:
            if connection.execute(text).fetchall() != fresh.connection.execute(text).fetchall():
                return ["its schema is not that of any Headrace"]
    finally:
        fresh.close()
    return []


def _rows(connection: sqlite3.Connection) -> list[str]:
    for text in _EVERYTHING:
        for _ in connection.execute(text):  # a text that is none raises
            pass
    rows = connection.execute(statement("find_unreadable_rows"), {"limit": _FIRST}).fetchall()
    return [f"{name} cannot be read" for name, _ in rows]


class ResultCheck(NamedTuple):
    """What a look at all stored results has found."""

    damaged: tuple[str, ...]
    """What is wrong with each that has changed since it was stored."""
    missing: tuple[str, ...]
    """What is wrong with each that is in a file which is gone or cannot be read."""
    unread_files: int
    """How many files were left out, for there were too many bytes in them."""


def check_results(reader: Reader, most_bytes: int = _MOST_BYTES_OF_FILES) -> ResultCheck:
    """Compares all that is stored of results with checksums and digests: of files, as many bytes as that, the oldest first."""
    damaged: list[str] = []
    missing: list[str] = []
    unread = 0
    for run in reader.run_names():
        for stored in (reader.arguments(run), reader.result(run), *reader.results(run).values()):
            if stored is None:
                continue
            if stored.key is not None:
                if stored.size > most_bytes:
                    unread += 1
                    continue
                most_bytes -= stored.size
            try:
                stored.read()
            except ResultDamagedError as error:
                damaged.append(f"What is stored of {stored.owner} is not what was written. {error}")
            except ResultError as error:
                missing.append(f"What was stored of {stored.owner} is not to be had. {error}")
    return ResultCheck(tuple(damaged), tuple(missing), unread)
