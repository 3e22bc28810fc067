"""Finds the runs that a person names on a command line, and opens the history for that."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from headrace import settings
from headrace.errors import HistoryError, HistoryUnavailableError, RunNotFoundError
from headrace.history.database import IN_MEMORY, has_content, resolve
from headrace.history.reader import Reader
from headrace.history.rescuer import rescue_at

if TYPE_CHECKING:
    from headrace.history.reader import Run

LATEST = "latest"


def open_history() -> Reader:
    """A reader of the history of the settings, in which nothing is left under way by a process that is gone.

    Raises ``HistoryError``.
    """
    location = settings.database()
    if location == IN_MEMORY:
        raise HistoryUnavailableError(
            "HEADRACE_DATABASE is :memory:, and such a history is gone with the process that wrote it. Set it to a file."
        )
    reader = Reader.open(location)
    if reader.has_abandoned_runs():
        with suppress(HistoryError):  # where nobody may write, it is shown as it is recorded
            rescue_at(location)
    return reader


def has_history() -> bool:
    """Whether there is one: it is made when the first flow runs."""
    location = settings.database()
    if location == IN_MEMORY:
        return True
    path = resolve(location)
    return os.path.exists(path) and has_content(path)


def find_run(reader: Reader, name: str | None) -> Run:
    """The run with that id, beginning of an id, or name; ``latest`` or ``None``: the newest that is no subflow."""
    if name is not None and name != LATEST:
        return reader.get_run(name)
    newest = reader.list_runs(1, roots_only=True) or reader.list_runs(1)
    if not newest:
        raise RunNotFoundError(f"The history {reader.location} has no runs yet. Run a flow, then look again.")
    return reader.get_run(newest[0].id)


def find_only_run(reader: Reader, name: str) -> Run:
    """The same, but raises ``RunNotFoundError`` where several runs have that name."""
    run = find_run(reader, name)
    if name == run.name and name != run.id:
        same = [other for other in reader.list_runs(0, text=name) if other.name == name]
        if len(same) > 1:
            ids = ", ".join([other.id for other in same[:5]])
            raise RunNotFoundError(
                f"{len(same)} runs are called {name!r}: {ids}. Give the id of the one you mean."
            )
    return run


def now_us() -> int:
    """The time, as the history counts it."""
    return time.time_ns() // 1000
