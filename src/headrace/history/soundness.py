"""Looks for damage in a history's file: bits that turned on the disk, pages that were lost, rows that nobody wrote.

SQLite sees what keeps the file in order; that the schema is ours and that rows can be read is looked at here.
"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from headrace.history.database import IN_MEMORY, SCHEMA_VERSION, open_database
from headrace.history.statements import statement

if TYPE_CHECKING:
    from collections.abc import Callable

_FIRST = 5
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
        except sqlite3.Error as error:
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
    rows = connection.execute(statement("find_unreadable_rows"), {"limit": _FIRST}).fetchall()
    return [f"{name} cannot be read" for name, _ in rows]
