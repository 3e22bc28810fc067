"""Deletes flow runs from a history, with all that belongs to them: task runs, results, log lines, and subflows.

A subflow goes with the run that called it: on its own it could no longer be understood.
"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, NamedTuple

from headrace.errors import HistoryUnavailableError
from headrace.history.database import IN_MEMORY, explain, open_database
from headrace.history.statements import statement

if TYPE_CHECKING:
    from collections.abc import Iterable


class Deletion(NamedTuple):
    """What a deletion has done."""

    deleted: tuple[str, ...]
    """The ids of the flow runs that are gone, those of subflows among them."""
    unfinished: tuple[str, ...]
    """The ids of those that were left because they, or a subflow of theirs, have not ended."""


def delete_runs(location: str, ids: Iterable[str], *, include_unfinished: bool = False) -> Deletion:
    """Deletes flow runs by their full ids. One that has not ended stays, unless ``include_unfinished``.

    Ids that the history does not have are passed over. Raises ``HistoryError``.
    """
    if location == IN_MEMORY:
        raise HistoryUnavailableError(
            "An in-memory history goes away as a whole: nothing can be deleted from it."
        )
    database = open_database(location)
    deleted: list[str] = []
    unfinished: list[str] = []
    try:
        assert database.lock is not None
        for id_ in ids:
            with database.lock:
                family = _delete_family(database.connection, id_, include_unfinished=include_unfinished)
            if family is None:
                unfinished.append(id_)
            else:
                deleted += family
    except sqlite3.Error as error:
        raise explain(error, database.path) from error
    finally:
        database.close()
    return Deletion(tuple(deleted), tuple(unfinished))


def _delete_family(connection: sqlite3.Connection, id_: str, *, include_unfinished: bool) -> list[str] | None:
    """The ids of a run and its subflows, which are gone now; ``None`` if one has not ended. The lock is held."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        family = connection.execute(statement("find_family"), (id_,)).fetchall()
        has_unfinished = any(ended_us is None for _, _, ended_us in family)
        if has_unfinished and not include_unfinished:
            connection.execute("ROLLBACK")
            return None
        for key, _, _ in family:
            connection.execute(statement("delete_task_runs"), {"flow_run": key})
            connection.execute(statement("delete_logs"), {"flow_run": key})
            connection.execute(statement("delete_task_codes"), {"flow_run": key})
            connection.execute(statement("delete_requests"), {"flow_run": key})
            connection.execute(statement("delete_flow_run"), {"flow_run": key})
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return [member_id for _, member_id, _ in family]
