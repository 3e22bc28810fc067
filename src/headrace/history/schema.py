"""Makes a history's database, and brings its schema up to date: the numbered files in ``migrations/``, in order."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from headrace.engine.states import TRANSITIONS, StateName
from headrace.history.database import APPLICATION_ID, SCHEMA_VERSION, connect_file
from headrace.history.statements import statement

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Mapping

_MIGRATIONS_FOLDER = os.path.join(os.path.dirname(__file__), "migrations")


def create(path: str) -> None:
    """Makes the database under another name and moves it here when it is whole. The lock is held."""
    draft = f"{path}.new"
    _remove(draft, f"{draft}-wal", f"{draft}-shm", f"{draft}-journal")
    os.close(os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        connection = connect_file(draft)
        try:
            connection.execute("PRAGMA journal_mode = OFF")
            connection.execute("PRAGMA synchronous = OFF")
            migrate(connection, have=0)
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute("PRAGMA journal_mode = WAL")
        finally:
            connection.close()
        _sync(draft)
        os.replace(draft, path)
    except BaseException:
        _remove(draft, f"{draft}-wal", f"{draft}-shm", f"{draft}-journal")
        raise


def _sync(path: str) -> None:
    file = os.open(path, os.O_RDWR)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def _remove(*paths: str) -> None:
    for path in paths:
        try:
            os.unlink(path)
        except FileNotFoundError:
            continue


def migrate(connection: sqlite3.Connection, *, have: int) -> None:
    """Brings the schema from version ``have`` to ours, each step in a transaction of its own. The lock is held."""
    names = sorted(name for name in os.listdir(_MIGRATIONS_FOLDER) if name.endswith(".sql"))
    for version, name in enumerate(names, start=1):
        if version <= have:
            continue
        with open(os.path.join(_MIGRATIONS_FOLDER, name), encoding="utf-8") as file:
            script = file.read()
        try:
            connection.executescript(f"BEGIN IMMEDIATE;\n{script}\nPRAGMA user_version = {version};\nCOMMIT;")
        except BaseException:
            if connection.in_transaction:
                connection.rollback()
            raise
    if have < SCHEMA_VERSION:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("DELETE FROM reachable")
        connection.executemany(statement("allow_state_change"), list(reachable(TRANSITIONS)))
        connection.execute("COMMIT")


def reachable(transitions: Mapping[StateName, frozenset[StateName]]) -> Iterator[tuple[str, str]]:
    """Every pair of states that a chain of transitions connects."""
    for earlier in transitions:
        seen: set[StateName] = set()
        waiting = list(transitions[earlier])
        while waiting:
            later = waiting.pop()
            if later not in seen:
                seen.add(later)
                waiting.extend(transitions[later])
        for later in sorted(seen):
            yield earlier.value, later.value
