"""Copies a history to a file while flows run, and puts such a copy in its place again.

Result files are not in the copy: they lie beside the database, and are copied as any files are.
"""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from headrace.errors import HistoryError, HistoryUnavailableError, HistoryVersionError, NotAHistoryError
from headrace.history.database import (
    IN_MEMORY,
    connect_file,
    explain,
    is_busy,
    is_damage,
    open_for_reading,
    refuse_network_file_system,
    resolve,
)
from headrace.history.giving_way import asking_to_give_way
from headrace.history.lock import ProcessLock

if TYPE_CHECKING:
    from collections.abc import Iterator

_FIRST_DAMAGES = 5
_BEGINNING = b"SQLite format 3\0"
_GIVE_A_BACKUP = "Nothing was changed. Give a file that `headrace db backup` made."
_FILES_BESIDE = ("-wal", "-shm", "-journal")
_PATIENCE_SECONDS = 2.0
"""So long may who looks take to give way: less than a request for that counts."""
_TRIES_EVERY_SECONDS = 0.05


class Restoration(NamedTuple):
    """What a restore has done."""

    restored: str
    """The path of the database that has the backup's content now."""
    aside: str | None
    """Where the database that was there is kept; ``None`` if there was none."""


def back_up(location: str, file: str) -> int:
    """Copies the history to a new file, as it is at this moment, and gives the copy's size in bytes.

    Nobody has to wait: who writes meanwhile goes on. The copy is there once it is whole and sound, or not at all.
    Raises ``HistoryUnavailableError`` if there is a file already, and other kinds of ``HistoryError``.
    """
    if location == IN_MEMORY:
        raise HistoryUnavailableError(
            "An in-memory history goes away as a whole: it cannot be copied to a file."
        )
    target = os.path.abspath(os.path.expanduser(file))
    _refuse_existing(target)
    if not os.path.isdir(folder := os.path.dirname(target)):
        raise HistoryUnavailableError(
            f"There is no folder {folder} for the copy. Make it, or name another file."
        )
    with _explained(target), _draft(target) as draft:
        _copy(location, draft)
        _refuse_damage(draft, f"The history {resolve(location)}")
        _publish(draft, target)
        return os.path.getsize(target)


def restore(file: str, location: str) -> Restoration:
    """Puts a copy of a history in the place of the one at ``location``, which is kept beside it under another name.

    Who only looks is asked to give way. Raises ``HistoryError`` with nothing changed if the file is no history or is
    damaged, or if any program goes on having the present history open.
    """
    if location == IN_MEMORY:
        raise HistoryUnavailableError(
            "HEADRACE_DATABASE is :memory:, and nothing can be restored into that. Set it to a file."
        )
    source, path = resolve(file), resolve(location)
    if os.path.exists(path) and os.path.exists(source) and os.path.samefile(source, path):
        raise HistoryUnavailableError(f"{source} is the history in use. Give the file of a backup.")
    _refuse_what_is_no_backup(source)
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    refuse_network_file_system(os.path.dirname(path))
    with _explained(path), _draft(path) as draft:
        _copy(source, draft, leaves_nothing=True)
        _refuse_damage(draft, "The copy that was to be restored")
        with _alone_with(path):
            aside = _set_aside(path)
            os.replace(draft, path)
    return Restoration(path, aside)


@contextmanager
def _explained(path: str) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        if isinstance(error, HistoryError):
            raise
        raise explain(error, path) from error


@contextmanager
def _draft(target: str) -> Iterator[str]:
    """The name of a new file beside the target, which is gone afterwards unless it was moved."""
    draft = f"{target}.{os.getpid()}.part"
    os.close(os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        yield draft
    finally:
        _drop_files_beside(draft)
        if os.path.exists(draft):
            os.unlink(draft)


def _copy(location: str, draft: str, *, leaves_nothing: bool = False) -> None:
    """In one step: in several, SQLite would begin anew with every commit of another process."""
    source = open_for_reading(location, leaves_nothing=leaves_nothing)
    try:
        copy = connect_file(draft)
        try:
            source.backup(copy, pages=-1)
            copy.execute("PRAGMA journal_mode = WAL").fetchall()
        except sqlite3.Error as error:
            if is_damage(error):  # not of the copy
                raise explain(error, resolve(location)) from error
            raise
        finally:
            copy.close()
    finally:
        source.close()
    file = os.open(draft, os.O_RDWR)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def _refuse_damage(path: str, subject: str) -> None:
    connection = open_for_reading(path, leaves_nothing=True)
    try:
        rows = connection.execute(f"PRAGMA quick_check({_FIRST_DAMAGES})").fetchall()
    except sqlite3.Error as error:
        if not is_damage(error):
            raise
        rows = [(str(error),)]
    finally:
        connection.close()
    if rows != [("ok",)]:
        raise HistoryUnavailableError(f"{subject} is damaged ({rows[0][0]}): it is not copied.")


def _refuse_what_is_no_backup(path: str) -> None:
    """What is wrong with the file that was given is no reason to do anything about the history in use."""
    try:
        with open(path, "rb") as file:
            beginning = file.read(len(_BEGINNING))
    except OSError as error:
        raise HistoryUnavailableError(f"The backup {path} cannot be read: {error.strerror}.") from error
    if beginning != _BEGINNING:
        raise NotAHistoryError(f"{path} is no history. {_GIVE_A_BACKUP}")
    try:
        with _explained(path):
            _refuse_damage(path, f"The file {path}")
    except NotAHistoryError as error:
        raise NotAHistoryError(f"{path} is a database of another program. {_GIVE_A_BACKUP}") from error
    except HistoryVersionError as error:
        raise HistoryVersionError(
            f"A newer Headrace made {path}. Nothing was changed. Upgrade Headrace."
        ) from error
    except HistoryUnavailableError as error:
        if error.__cause__ is not None and is_damage(error.__cause__):
            raise HistoryUnavailableError(
                f"The file {path} is damaged ({error.__cause__}). {_GIVE_A_BACKUP}"
            ) from error
        raise


def _refuse_existing(target: str) -> None:
    if os.path.lexists(target):
        raise HistoryUnavailableError(f"There is a file {target} already. Give the name of a new one.")


def _publish(draft: str, target: str) -> None:
    """Gives the draft its name, which must still be free."""
    try:
        os.link(draft, target)
    except FileExistsError:
        _refuse_existing(target)
        raise
    except OSError:  # a file system without links
        _refuse_existing(target)
        os.rename(draft, target)


@contextmanager
def _alone_with(path: str) -> Iterator[None]:
    """Keeps everybody else out of the database, whose log is in it meanwhile, and holds its lock.

    Raises ``HistoryUnavailableError`` if somebody stays in there.
    """
    lock = ProcessLock(path + ".lock")
    try:
        with lock, asking_to_give_way(path):
            connection = _wait_until_alone(path, lock)
            try:
                yield
            finally:
                if connection is not None:
                    connection.close()
    finally:
        lock.close()


def _wait_until_alone(path: str, lock: ProcessLock) -> sqlite3.Connection | None:
    """What keeps everybody else out; ``None`` where there is no database. The lock is held, but for moments in between."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while os.path.exists(path):
        connection = _shut(path)
        if connection is not None:
            return connection
        if time.monotonic() > deadline:
            raise HistoryUnavailableError(
                f"A live process uses the history {path}, so nothing is restored. "
                "Wait until its flows have ended, or end it, and close other programs that read the history."
            )
        lock.release()
        time.sleep(_TRIES_EVERY_SECONDS)
        lock.acquire()
    return None


def _shut(path: str) -> sqlite3.Connection | None:
    """A connection that keeps everybody else out; ``None`` if somebody is in there.

    SQLite knows: whoever has opened the database and read of it holds a lock until it is closed.
    """
    connection = connect_file(path, timeout=0)
    try:
        connection.execute("PRAGMA locking_mode = EXCLUSIVE").fetchall()
        connection.execute("BEGIN EXCLUSIVE")
        connection.execute("COMMIT")
        if connection.execute("PRAGMA journal_mode = DELETE").fetchall() == [("delete",)]:
            _drop_files_beside(path)
    except sqlite3.DatabaseError as error:
        if is_busy(error):
            connection.close()
            return None
        # Damaged so much that SQLite cannot open it: then nobody else can.
    return connection


def _drop_files_beside(path: str) -> None:
    """Where all is in the database itself, or it is thrown away, and nobody else is in there."""
    for ending in _FILES_BESIDE:
        if os.path.exists(path + ending):
            os.unlink(path + ending)


def _set_aside(path: str) -> str | None:
    """Gives the present database a second name. A log that could not be moved in would fit no other: it goes along."""
    if not os.path.exists(path):
        return None
    aside = f"{path}.{time.strftime('%Y%m%d-%H%M%S')}.replaced"
    number = 1
    while os.path.lexists(aside):
        number += 1
        aside = f"{path}.{time.strftime('%Y%m%d-%H%M%S')}-{number}.replaced"
    for ending in _FILES_BESIDE:
        if os.path.exists(path + ending):
            os.rename(path + ending, aside + ending)
    try:
        os.link(path, aside)
    except OSError:  # a file system without links
        os.rename(path, aside)
    return aside
