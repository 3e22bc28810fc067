"""Deletes flow runs from a history, with all that belongs to them: task runs, results, log lines, and subflows.

Files of results go with the last run that refers to them. A subflow goes with the run that called it: on its own it could no
longer be understood. A run is gone as soon as its own row is; what belonged to it follows in small transactions, between
which those who write get their turn. What is left behind when a deletion is cut short, the next one finds.
"""

from __future__ import annotations

import sqlite3
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, NamedTuple

from headrace.errors import HistoryUnavailableError
from headrace.history.database import IN_MEMORY, explain, open_database
from headrace.history.result_files import Freed, ResultFiles
from headrace.history.statements import statement

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from headrace.history.database import Database

_ROWS_AT_ONCE = 1000
_BYTES_AT_ONCE = 4 * 1024 * 1024
_LONG_LOG_BYTES = 16 * 1024 * 1024


class Deletion(NamedTuple):
    """What a deletion has done."""

    deleted: tuple[str, ...] = ()
    """The ids of the flow runs that are gone, those of subflows among them."""
    unfinished: tuple[str, ...] = ()
    """The ids of those that were left because they, or a subflow of theirs, have not ended."""
    task_runs: int = 0
    log_lines: int = 0
    freed_bytes: int = 0
    """How much room there is in the database for new runs that was not there before."""
    files: int = 0
    file_bytes: int = 0
    """How many files of results are gone, and how large they were."""


def delete_runs(
    location: str,
    ids: Iterable[str],
    *,
    include_unfinished: bool = False,
    sweeps: bool = False,
    rest: Callable[[float], None] = time.sleep,
) -> Deletion:
    """Deletes flow runs by their full ids. One that has not ended stays, unless ``include_unfinished``.

    Ids that the history does not have are passed over. ``sweeps``: files of results to which no run refers go, too,
    whoever left them. ``rest(seconds)`` is called between two transactions. Raises
    ``HistoryError``.
    """
    if location == IN_MEMORY:
        raise HistoryUnavailableError(
            "An in-memory history goes away as a whole: nothing can be deleted from it."
        )
    database = open_database(location)
    eraser = Eraser(database, rest)
    try:
        for id_ in ids:
            eraser.delete_family(id_, include_unfinished=include_unfinished)
        eraser.delete_leftovers()
        eraser.delete_files(sweeps=sweeps)
        eraser.move_log_in()
    except sqlite3.Error as error:
        raise _explain(error, database.path, eraser.deletion()) from error
    finally:
        database.close()
    return eraser.deletion()


def _explain(error: sqlite3.Error, path: str, done: Deletion) -> HistoryUnavailableError:
    """What went wrong, and what is gone all the same."""
    refusal = explain(error, path)
    count = len(done.deleted)
    if not count:
        return refusal
    gone = "1 flow run is" if count == 1 else f"{count} flow runs are"
    return HistoryUnavailableError(
        f"{refusal} {gone} gone all the same; what is left of that goes with the next deletion."
    )


class Eraser:
    """Deletes from one database, and keeps count."""

    def __init__(self, database: Database, rest: Callable[[float], None]) -> None:
        self._database = database
        self._connection = database.connection
        self._rest = rest
        self._page_size: int = self._connection.execute("PRAGMA page_size").fetchone()[0]
        self._deleted: list[str] = []
        self._unfinished: list[str] = []
        self._task_runs = 0
        self._log_lines = 0
        self._freed_pages = 0
        self._keys: set[str] = set()
        self._freed = Freed()

    def deletion(self) -> Deletion:
        """What was done so far."""
        return Deletion(
            tuple(self._deleted),
            tuple(self._unfinished),
            self._task_runs,
            self._log_lines,
            max(self._freed_pages, 0) * self._page_size,
            *self._freed,
        )

    def delete_family(self, id_: str, *, include_unfinished: bool) -> None:
        """Deletes a run and its subflows, unless one of them has not ended."""
        with self._transaction():
            family = self._connection.execute(statement("find_family"), (id_,)).fetchall()
            has_unfinished = any(ended_us is None for _, _, ended_us in family)
            if has_unfinished and not include_unfinished:
                self._unfinished.append(id_)
                return
            for key, _, _ in family:
                self._note_files("list_files_of_flow_run", {"flow_run": key})
            self._connection.executemany(
                statement("delete_flow_run"), [{"flow_run": key} for key, _, _ in family]
            )
        self._deleted += [member_id for _, member_id, _ in family]
        for key, _, _ in family:
            self._delete_belongings(key)

    def delete_leftovers(self) -> None:
        """Deletes what belonged to runs that are gone, where a deletion was cut short."""
        for (key,) in self._connection.execute(statement("find_leftovers")).fetchall():
            self._delete_belongings(key)

    def _delete_belongings(self, flow_run: int) -> None:
        while sizes := self._connection.execute(
            statement("measure_task_runs"), {"flow_run": flow_run, "limit": _ROWS_AT_ONCE}
        ).fetchall():
            with self._transaction():
                portion = {"flow_run": flow_run, "last": _last_of_portion(sizes, _BYTES_AT_ONCE)}
                self._note_files("list_files_of_task_runs", portion)
                self._task_runs += self._delete("delete_task_runs", portion)
        while True:
            with self._transaction():
                count = self._delete("delete_logs", {"flow_run": flow_run, "limit": _ROWS_AT_ONCE})
            self._log_lines += count
            if count < _ROWS_AT_ONCE:
                return

    def delete_files(self, *, sweeps: bool = False) -> None:
        """Deletes the files of what was deleted, and with ``sweeps`` all others to which no run refers."""
        files = ResultFiles(self._database)
        freed = files.delete_unreferenced(self._keys)
        self._freed = self._freed.and_also(freed.and_also(files.sweep()) if sweeps else freed)

    def _note_files(self, name: str, values: dict[str, int]) -> None:
        self._keys.update(key for (key,) in self._connection.execute(statement(name), values))

    def _delete(self, name: str, values: dict[str, int]) -> int:
        return self._connection.execute(statement(name), values).rowcount

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """One transaction under the lock, and after it as long a rest: the lock goes to whoever asks first."""
        lock = self._database.lock
        assert lock is not None
        with lock:
            began = time.monotonic()
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                before = self._free_pages()
                yield
                freed = self._free_pages() - before
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
            took = time.monotonic() - began
        self._freed_pages += freed
        if self._database.log_size() > _LONG_LOG_BYTES:
            self.move_log_in()
        self._rest(took)

    def move_log_in(self) -> None:
        """Have the database take up what was written. On a full disk it may not grow: the log keeps that meanwhile."""
        with suppress(sqlite3.OperationalError):
            self._database.checkpoint()

    def _free_pages(self) -> int:
        pages: int = self._connection.execute("PRAGMA freelist_count").fetchone()[0]
        return pages


def _last_of_portion(sizes: Sequence[tuple[int, int]], limit: int) -> int:
    """The key of the last row that still fits into ``limit`` bytes; the first row always does."""
    last, total = sizes[0]
    for key, size in sizes[1:]:
        total += size
        if total > limit:
            break
        last = key
    return last
