"""Rewrites a database so that the room of what was deleted goes back to the disk."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from headrace.errors import HistoryUnavailableError
from headrace.history.database import IN_MEMORY, explain, file_size, move_log_in, open_database

if TYPE_CHECKING:
    from collections.abc import Iterator

_TEMPORARY_FOLDER = "SQLITE_TMPDIR"


class Vacuuming(NamedTuple):
    """The bytes that database and log took on the disk before, and take now."""

    before: int
    after: int


def vacuum(location: str) -> Vacuuming:
    """Rewrites the history without its gaps. Who wants to write waits that long; nobody is refused.

    Raises ``HistoryUnavailableError`` with nothing changed if the disk has no room for a second and a third copy.
    """
    if location == IN_MEMORY:
        raise HistoryUnavailableError("An in-memory history takes no room on the disk.")
    database = open_database(location)
    assert database.lock is not None
    try:
        before = _size_on_disk(database.path)
        _require_room(database.path)
        # A copy of the whole database does not belong in memory, nor on the small disk of /tmp.
        database.connection.execute("PRAGMA temp_store = FILE").fetchall()
        with database.lock, _temporary_files_in(os.path.dirname(database.path)):
            database.connection.execute("VACUUM")
            move_log_in(database.connection)
        return Vacuuming(before, _size_on_disk(database.path))
    except (sqlite3.Error, OSError) as error:
        if isinstance(error, HistoryUnavailableError):
            raise
        raise explain(error, database.path) from error
    finally:
        database.close()


def _size_on_disk(path: str) -> int:
    return file_size(path) + file_size(f"{path}-wal")


def _require_room(path: str) -> None:
    """SQLite makes one copy beside the database, and writes that to the log before it is moved in."""
    needed = 2 * _size_on_disk(path)
    free = shutil.disk_usage(os.path.dirname(path)).free
    if free < needed:
        raise HistoryUnavailableError(
            f"To vacuum the history {path} takes {needed / 1e6:,.0f} MB for a while, and {free / 1e6:,.0f} MB "
            "are free. Nothing was changed. Make room on the disk, or prune first."
        )


@contextmanager
def _temporary_files_in(folder: str) -> Iterator[None]:
    """SQLite asks the environment, and each time anew."""
    before = os.environ.get(_TEMPORARY_FOLDER)
    os.environ[_TEMPORARY_FOLDER] = folder
    try:
        yield
    finally:
        if before is None:
            del os.environ[_TEMPORARY_FOLDER]
        else:
            os.environ[_TEMPORARY_FOLDER] = before
