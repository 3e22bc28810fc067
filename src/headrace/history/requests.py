"""What one process asks of the process that owns a flow run: a row, which the owner looks for while its runs are live."""

from __future__ import annotations

import sqlite3

from headrace.clock import now_us
from headrace.errors import HistoryUnavailableError
from headrace.history.database import IN_MEMORY, explain, open_database
from headrace.history.statements import statement


def ask_owner(location: str, flow_run: int, kind: str, value: str | None) -> None:
    """Asks whoever owns the flow run of that key for something: it hears of it within half a second.

    Raises ``HistoryError``.
    """
    if location == IN_MEMORY:
        raise HistoryUnavailableError("An in-memory history has no other process that could be asked.")
    database = open_database(location)
    values = {"flow_run": flow_run, "kind": kind, "value": value, "at_us": now_us()}
    try:
        assert database.lock is not None
        with database.lock:
            database.connection.execute(statement("record_request"), values)
    except sqlite3.Error as error:
        raise explain(error, database.path) from error
    finally:
        database.close()
