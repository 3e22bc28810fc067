"""Finds the flow runs whose process is gone, and ends them Crashed: what a person sees is never Running for ever.

Whoever opens the history may do so: a process that runs flows now and then, every command that shows runs, a resume.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from headrace.clock import duration, now_us
from headrace.history.database import IN_MEMORY, REFUSALS, UNREADABLE, explain, open_database, unreadable
from headrace.history.liveness import Heartbeat, ProcessIdentity, heartbeat_now, is_gone
from headrace.history.statements import statement

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from headrace.history.database import Database

_LINE_LENGTH = 200

FREE_WHAT_IT_HELD = ("free_cache_claims", "free_leases")
"""The names of the statements that free what a process held, each for one ``:process``."""


class _Owner:
    """A process that had something under way.

    No named tuple: the making of one evaluates a text, and a Ctrl-C that Python raises while a thread imports this would
    end the program with 1 instead of 130.
    """

    __slots__ = ("key", "last", "process")

    def __init__(self, key: int, process: ProcessIdentity, last: Heartbeat) -> None:
        self.key = key
        self.process = process
        self.last = last


def find_gone(connection: sqlite3.Connection, me: int | None = None) -> list[_Owner]:
    """The processes that are gone and have left something under way. Reads only.

    ``me`` is the key of the process that asks, if it has one.
    """
    owners = [_owner(row) for row in connection.execute(statement("list_owners"), {"me": me})]
    now = heartbeat_now(now_us())
    return [owner for owner in owners if is_gone(owner.process, owner.last, now)]


def rescue(database: Database, me: int | None = None) -> list[str]:
    """Ends what processes that are gone have left under way: the ids of those flow runs.

    Nothing is written where there is nothing to end. Raises ``HistoryUnavailableError`` for a row that cannot be read.
    """
    try:
        if not find_gone(database.connection, me):
            return []
        lock = database.lock
        if lock is None:
            return _rescue(database.connection, me)
        with lock:
            return _rescue(database.connection, me)
    except UNREADABLE as error:
        raise unreadable(error, database.path) from error


def rescue_at(location: str) -> list[str]:
    """The same for the history at a path. Raises ``HistoryError``."""
    if location == IN_MEMORY:
        return []
    database = open_database(location)
    try:
        return rescue(database)
    except REFUSALS as error:
        raise explain(error, database.path) from error
    finally:
        database.close()


def _rescue(connection: sqlite3.Connection, me: int | None) -> list[str]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        rescued: list[str] = []
        for owner in find_gone(connection, me):  # looked at again, now that nobody else writes
            for key, id_, states, began_us, last_line in connection.execute(
                statement("list_abandoned_runs"), {"process": owner.key}
            ).fetchall():
                _crash(connection, key, states, began_us, owner, last_line)
                rescued.append(id_)
            for name in FREE_WHAT_IT_HELD:
                connection.execute(statement(name), {"process": owner.key})
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return rescued


def _crash(
    connection: sqlite3.Connection, key: int, states: str, began_us: int, owner: _Owner, last_line: str | None
) -> None:
    """It ended at the last moment of which there is a sign: nobody knows better."""
    import json  # few processes find one that is gone

    last_us = connection.execute(statement("find_last_moment"), {"flow_run": key}).fetchone()[0] or 0
    at_us = max(json.loads(states)[-1][1], last_us, owner.last.at_us)
    at = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(at_us // 1_000_000))
    reason = f"{owner.process} is gone, last known alive after {duration(at_us - began_us)}; that was at {at}"
    if last_line:
        reason += f"; its last log line: {last_line[:_LINE_LENGTH]}"
    values = {"flow_run": key, "at_us": at_us, "reason": reason}
    connection.execute(statement("crash_flow_run"), values)
    connection.execute(
        statement("crash_task_runs"),
        values | {"reason": f"the process of its flow run is gone: {owner.process}"},
    )


def _owner(row: Sequence[object]) -> _Owner:
    key, *identity, at_us, awake_us = row
    return _Owner(key, ProcessIdentity(*identity), Heartbeat(at_us, awake_us))  # type: ignore[arg-type]
