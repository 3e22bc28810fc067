"""The cache in a history: values by their keys, and who is working one out.

The values are those of task runs: the row of a run that went by the cache bears its key. What is given was proved to be
what was stored; what is damaged counts as not there.
"""

from __future__ import annotations

import sqlite3
import time
from contextlib import nullcontext
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple

from headrace.errors import HistoryError
from headrace.history.database import explain, open_database
from headrace.history.facts import PICKLE, Kept, StoredResult
from headrace.history.liveness import Heartbeat, ProcessIdentity, heartbeat_now, is_gone
from headrace.history.pickles import loads
from headrace.history.statements import statement
from headrace.history.stored_value import StoredValue

if TYPE_CHECKING:
    from types import ModuleType

    from headrace.history.journal import History
    from headrace.history.reader import Reader
    from headrace.history.serializers import Serializer
    from headrace.history.writer import Writer

_REMEMBERED_BYTES = 64 * 1024 * 1024
_SIZE_OF_AN_ENTRY = 500
_LOOK_AGAIN_SECONDS = 0.01


class CachedValue(NamedTuple):
    """The value of a key. ``source`` is the task run that gave it, as ``"<flow run id>/<task run id>"``.

    ``home`` is where the files of its history are.
    """

    result: StoredResult
    source: str
    expires_us: int | None
    home: str
    row: int | None = None
    """The key of the row that it was read from; ``None`` if a run of this process gave it."""

    def load(self, *, main: ModuleType | None = None, serializer: Serializer | None = None) -> Any:
        """The value, made anew by each call: nobody can change what others are given.

        ``main`` and ``serializer`` as in ``StoredValue.load``. Raises whatever making it raises.
        """
        result = self.result
        if result.pickled is not None:
            return loads(result.pickled, main=main)
        kept = result.kept
        assert kept is not None
        if kept.content is not None:
            from headrace.history.serializers import serializer_named

            return (serializer or serializer_named(kept.serializer)).load(kept.content)
        stored = StoredValue(
            f"task run {self.source}", kept.serializer, None, 0, kept.key, kept.size, self.home
        )
        return stored.load(main=main, serializer=serializer)


class Claim(NamedTuple):
    """What became of a claim. ``holder`` is who works the value out, if not who asked; ``is_known``: nobody need to."""

    holder: str | None = None
    is_known: bool = False


class CacheSummary(NamedTuple):
    """What is cached of one task: how many values, of how many bytes, how many of them have expired, and since when."""

    task: str
    values: int
    size: int
    expired: int
    first_us: int
    last_us: int


def list_cache(
    connection: sqlite3.Connection, now_us: int, *, task: str | None = None, before_us: int | None = None
) -> list[CacheSummary]:
    """What is cached, by task: all, or of that task, or what was made before that moment. Raises ``sqlite3.Error``."""
    values = {"now_us": now_us, "task": task, "before_us": before_us}
    return [CacheSummary(*row) for row in connection.execute(statement("list_cache"), values)]


def clear_cache(location: str, *, task: str | None = None, before_us: int | None = None) -> int:
    """Has such values count no more, in every process from the next moment on: how many. Raises ``HistoryError``."""
    database = open_database(location)
    try:
        with nullcontext() if database.lock is None else database.lock:
            connection = database.connection
            connection.execute("BEGIN IMMEDIATE")
            values = {"task": task, "before_us": before_us}
            count = connection.execute(statement("clear_cache"), values).rowcount
            connection.execute(statement("count_cache_clearing"))
            connection.execute("COMMIT")
    except sqlite3.Error as error:
        raise explain(error, database.path) from error
    finally:
        database.close()
    return count


class CacheShelf:
    """The cached values of a history, as this process sees them.

    What was used is remembered, up to 64 MiB, for as long as nobody clears the cache.
    """

    def __init__(self, history: History) -> None:
        self._history = history
        self._reader: Reader | None = None
        self._changing = Lock()
        self._values: dict[str, CachedValue] = {}
        self._bytes = 0
        self._version = -1
        self._watched_version = -1
        self._clearings = -1
        self._next_look = 0.0
        self._damaged: set[int] = set()

    def find(self, key: str, now_us: int) -> CachedValue | None:
        """The value of the key, if there is one that counts."""
        known = self.find_remembered(key, now_us)
        if known is not None:
            return known
        try:
            found = self._read(key, now_us)
        except (sqlite3.Error, HistoryError):  # then there is none
            return None
        if found is not None:
            self._remember(key, found)
        return found

    def find_remembered(self, key: str, now_us: int) -> CachedValue | None:
        """The same without a look into the database, by any thread."""
        if time.monotonic() >= self._next_look:
            try:
                self._look_for_clearings()
            except (sqlite3.Error, HistoryError):
                return None
        known = self._values.get(key)
        if known is None or (known.expires_us is not None and known.expires_us <= now_us):
            return None
        return known

    def keep(self, key: str, result: StoredResult, source: str, expires_us: int | None) -> CachedValue:
        """Remember the value that a run of this process has given."""
        home = "" if result.kept is None else self._open().results_home
        value = CachedValue(result, source, expires_us, home)
        self._remember(key, value)
        return value

    def _remember(self, key: str, value: CachedValue) -> None:
        with self._changing:
            self._forget(key)
            self._values[key] = value
            self._bytes += _size_of(value)
            while self._bytes > _REMEMBERED_BYTES and len(self._values) > 1:
                self._forget(next(iter(self._values)))

    def forget(self, key: str) -> None:
        """Remember the value of the key no longer: it counts no more. By any thread."""
        with self._changing:
            self._forget(key)

    def _forget(self, key: str) -> None:
        value = self._values.pop(key, None)
        if value is not None:
            self._bytes -= _size_of(value)

    def reject(self, key: str, value: CachedValue) -> None:
        """The value cannot be made any more: its file is gone or damaged, or a class of it. It counts as not there."""
        if value.row is not None:
            self._damaged.add(value.row)
        self.forget(key)

    def has_changed(self) -> bool:
        """Whether anybody has written since this was asked last."""
        try:
            version = self._open().data_version()
        except (sqlite3.Error, HistoryError):
            return True
        has_changed = version != self._watched_version
        self._watched_version = version
        return has_changed

    def close(self) -> None:
        """Give the connection back."""
        with self._changing:
            reader, self._reader = self._reader, None
            self._next_look = 0.0
            self._version = self._watched_version = -1  # another connection counts anew
        if reader is not None:
            reader.close()

    def claim(self, writer: Writer, key: str, holder: str, now_us: int) -> Claim:
        """Within a transaction: have this task run work the value out, unless it is known or another one is at it."""
        connection = writer.connection
        rows = connection.execute(statement("find_cached_results"), {"key": key, "now_us": now_us}).fetchall()
        if any(row[0] not in self._damaged for row in rows):
            return Claim(is_known=True)
        row = connection.execute(statement("find_cache_claim"), {"key": key}).fetchone()
        if row is not None and row[1] != holder and not _has_left(row[2:], now_us):
            return Claim(holder=row[1])
        values = {"key": key, "process": writer.process_key, "holder": holder, "at_us": now_us}
        connection.execute(statement("claim_cache_key"), values)
        return Claim()

    def _look_for_clearings(self) -> None:
        """Forget everything if somebody has cleared the cache. Looked for now and then, when somebody has written."""
        with self._changing:
            reader = self._open()
            version = reader.data_version()
            if version != self._version:
                clearings = reader.clearings_of_cache()
                if clearings != self._clearings:
                    self._values.clear()
                    self._bytes = 0
                self._clearings, self._version = clearings, version
            self._next_look = time.monotonic() + _LOOK_AGAIN_SECONDS

    def _read(self, key: str, now_us: int) -> CachedValue | None:
        reader = self._open()
        for row in reader.cached_results(key, now_us):
            if row.key in self._damaged:
                continue
            try:
                result = _as_result(row.stored, row.preview)
            except Exception:
                self._damaged.add(row.key)
                continue
            return CachedValue(result, row.source, row.expires_us, reader.results_home, row.key)
        return None

    def _open(self) -> Reader:
        if self._reader is None:
            self._reader = self._history.reader()
        return self._reader


def _as_result(stored: StoredValue, preview: str | None) -> StoredResult:
    """What is stored, as the row of another run is to have it. Raises ``ResultError`` if it is damaged."""
    if stored.key is not None:
        return StoredResult(None, preview, None, Kept(stored.serializer, None, stored.key, stored.size))
    content = bytes(stored.read())
    if stored.serializer == PICKLE:
        return StoredResult(content, preview)
    return StoredResult(None, preview, None, Kept(stored.serializer, content, size=len(content)))


def _size_of(value: CachedValue) -> int:
    content = value.result.content
    return _SIZE_OF_AN_ENTRY + (0 if content is None else len(content))


def _has_left(owner: tuple[Any, ...], now_us: int) -> bool:
    """Whether the process of a claim is gone."""
    *identity, heartbeat_us, awake_us = owner
    if identity[0] is None:
        return True
    return is_gone(ProcessIdentity(*identity), Heartbeat(heartbeat_us, awake_us), heartbeat_now(now_us))
