"""Opens a history's database: makes it, checks whose it is, brings its schema up to date, or says why not.

Nothing here reads or writes runs.
"""

from __future__ import annotations

import errno
import os
import sqlite3
import sys

from headrace.errors import HistoryError, HistoryUnavailableError, HistoryVersionError, NotAHistoryError
from headrace.history.lock import ProcessLock

IN_MEMORY = ":memory:"
APPLICATION_ID = 0x48645263  # "HdRc"
BUSY_TIMEOUT_SECONDS = 5.0

CLOSES_CHEAPLY = sys.version_info >= (3, 12)
"""Whether a connection can be told not to copy the write-ahead log into the database when it is closed."""

SCHEMA_VERSION = 7
"""How many files ``migrations/`` holds: counted in a test, not at every start."""

_NETWORK_FILE_SYSTEMS = frozenset(
    [
        "9p",
        "afs",
        "beegfs",
        "ceph",
        "cifs",
        "fuse.ceph-fuse",
        "fuse.gcsfuse",
        "fuse.glusterfs",
        "fuse.rclone",
        "fuse.s3fs",
        "fuse.sshfs",
        "glusterfs",
        "gpfs",
        "lustre",
        "ncpfs",
        "nfs",
        "nfs4",
        "smb",
        "smb2",
        "smb3",
        "smbfs",
        "vboxsf",
    ]
)


REFUSALS = (sqlite3.Error, OSError, UnicodeDecodeError)
"""What comes of a file that cannot be used. The last: its schema is damaged so that Python cannot read SQLite's message."""

UNREADABLE = (ValueError, TypeError, LookupError)
"""What comes of a row that nobody can have written."""


class Database:
    """A connection that may write, and the lock that goes with it."""

    __slots__ = ("connection", "lock", "path")

    def __init__(self, path: str, connection: sqlite3.Connection, lock: ProcessLock | None) -> None:
        self.path = path
        self.connection = connection
        self.lock = lock
        """``None`` for an in-memory database."""

    def checkpoint(self) -> None:
        """Copies the write-ahead log into the database, and empties it unless a reader still needs it."""
        if self.lock is not None:
            with self.lock:
                move_log_in(self.connection)

    def log_size(self) -> int:
        """How many bytes the write-ahead log takes on the disk."""
        return file_size(self.path + "-wal")

    def close(self) -> None:
        """Gives the connection and the lock file back."""
        self.connection.close()
        if self.lock is not None:
            self.lock.close()


def move_log_in(connection: sqlite3.Connection) -> None:
    """Copies the write-ahead log into the database, and empties it unless a reader needs it. The lock is held."""
    _, in_log, copied = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    if in_log == copied:
        connection.execute("PRAGMA busy_timeout = 0").fetchall()
        try:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        finally:
            connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_SECONDS * 1000:.0f}").fetchall()


def file_size(path: str) -> int:
    """How many bytes a file has; none if it is not there."""
    try:
        return os.stat(path).st_size
    except OSError:
        return 0


def open_database(location: str, *, is_durable: bool = False) -> Database:
    """A writable connection to the history at ``location``, which is made if there is none.

    ``is_durable``: what is committed stays committed when the power fails, too.

    Raises ``NotAHistoryError`` and ``HistoryVersionError`` with the file untouched, and
    ``HistoryUnavailableError`` for whatever the file system refuses.
    """
    if location == IN_MEMORY:
        connection = _connect(IN_MEMORY)
        from headrace.history.schema import migrate

        migrate(connection, have=0)
        return Database(IN_MEMORY, connection, None)
    path = resolve(location)
    _refuse_folder(path)
    try:
        return _open_file(path, is_durable=is_durable)
    except REFUSALS as error:
        if isinstance(error, HistoryError):
            raise
        raise explain(error, path) from error


def open_for_reading(location: str, *, leaves_nothing: bool = False) -> sqlite3.Connection:
    """A connection that cannot write. Raises like ``open_database``; what does not exist is unavailable.

    SQLite makes files beside the database and cannot take them away again; where it ``leaves_nothing``, it makes none beside
    a file that nobody has open.
    """
    path = resolve(location)
    _refuse_folder(path)
    try:
        if not (
            os.path.exists(path) and has_content(path)
        ):  # an empty file becomes a history when the first flow runs, too
            raise HistoryUnavailableError(
                f"There is no history at {path} yet: it is made when the first flow runs."
            )
        if leaves_nothing and not any(os.path.exists(path + ending) for ending in ("-wal", "-shm")):
            return _open_read_only(path, "immutable=1")
        try:
            return _open_read_only(path, "mode=ro")
        except sqlite3.OperationalError as error:
            # SQLite wants to make files beside the database. Where nobody may, nobody writes either.
            is_about_files = _code(error) in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY)
            if not is_about_files or has_content(path + "-wal"):
                raise
            return _open_read_only(path, "immutable=1")
    except REFUSALS as error:
        if isinstance(error, HistoryError):
            raise
        raise explain(error, path) from error


def _open_read_only(path: str, parameters: str) -> sqlite3.Connection:
    connection = _connect(_as_uri(path, parameters))
    try:
        _check_identity(connection, path)
        have = _user_version(connection)
        if have > SCHEMA_VERSION:
            raise HistoryVersionError(_too_new(path, have))
    except BaseException:
        connection.close()
        raise
    return connection


def resolve(location: str) -> str:
    """The absolute path of a location, a link at its end followed: SQLite keeps its other files beside the target."""
    path = os.path.abspath(os.path.expanduser(location))
    return os.path.realpath(path) if os.path.islink(path) else path


def _open_file(path: str, *, is_durable: bool) -> Database:
    folder = os.path.dirname(path)
    _make_folder(folder)
    refuse_network_file_system(folder)
    lock_path = path + ".lock"
    if not os.path.exists(lock_path):
        _probe(path)
    lock = ProcessLock(lock_path)
    try:
        if not has_content(path):
            with lock:
                if not has_content(path):
                    from headrace.history.schema import create  # a history is made once

                    create(path)
        while (connection := _connect_to_current(path, lock, is_durable=is_durable)) is None:
            pass
    except BaseException:
        lock.close()
        raise
    return Database(path, connection, lock)


def _connect_to_current(path: str, lock: ProcessLock, *, is_durable: bool) -> sqlite3.Connection | None:
    """A connection to the file that is there; ``None`` if a restore put another in its place meanwhile.

    From its first read on, a connection keeps a restore from doing so.
    """
    before = os.stat(path)
    connection = _connect(_as_uri(path, "mode=rw"))
    try:
        _settle_identity_and_version(connection, path, lock)
        _prepare(connection, is_durable=is_durable)
        if os.path.samestat(before, os.stat(path)):
            return connection
    except BaseException:
        _close_untouched(connection, path)
        raise
    connection.close()
    return None


def _make_folder(folder: str) -> None:
    if os.path.isdir(folder):
        return
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
    except FileExistsError as error:  # says of a file in its place only that it is there
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), folder) from error


def has_content(path: str) -> bool:
    """Whether there is more than an empty file, which becomes a history as one that is not there does."""
    try:
        return os.stat(path).st_size > 0
    except FileNotFoundError:
        return False


def _probe(path: str) -> None:
    """Refuses a file that is not ours, before anything is made beside it.

    SQLite does the reading: closing a file of our own would drop the locks that other connections of this process
    hold on it. ``immutable`` keeps SQLite from making files beside the database.
    """
    if has_content(path):
        _open_read_only(path, "immutable=1").close()


def _settle_identity_and_version(connection: sqlite3.Connection, path: str, lock: ProcessLock) -> None:
    _check_identity(connection, path)
    have = _user_version(connection)
    if have > SCHEMA_VERSION:
        raise HistoryVersionError(_too_new(path, have))
    if have < SCHEMA_VERSION:
        from headrace.history.schema import migrate

        with lock:
            migrate(connection, have=_user_version(connection))
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def _refuse_folder(path: str) -> None:
    if os.path.isdir(path):
        raise NotAHistoryError(
            f"{path} is a folder, and the history is a file. Set HEADRACE_DATABASE to a file in it."
        )


def _check_identity(connection: sqlite3.Connection, path: str) -> None:
    try:
        row = connection.execute("PRAGMA application_id").fetchone()
    except sqlite3.DatabaseError as error:
        if _code(error) == sqlite3.SQLITE_NOTADB:
            message = (
                f"{path} is not a database, so the history cannot be kept there. "
                "Nothing was changed. Set HEADRACE_DATABASE to another file."
            )
            raise NotAHistoryError(message) from error
        raise
    if row[0] != APPLICATION_ID:
        message = (
            f"{path} is a database of another program, so the history cannot be kept there. "
            "Nothing was changed. Set HEADRACE_DATABASE to another file."
        )
        raise NotAHistoryError(message)


def _user_version(connection: sqlite3.Connection) -> int:
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return version


def _too_new(path: str, have: int) -> str:
    return (
        f"A newer Headrace wrote {path} (its schema has version {have}, this one knows {SCHEMA_VERSION}). "
        "Nothing was changed. Upgrade Headrace, or set HEADRACE_DATABASE to another file."
    )


def connect_file(path: str, *, timeout: float = BUSY_TIMEOUT_SECONDS) -> sqlite3.Connection:
    """A plain connection to a file that is there, whatever is in it: for copies. Who writes runs opens a ``Database``."""
    return _connect(_as_uri(path, "mode=rw"), timeout=timeout)


def _connect(name: str, *, timeout: float = BUSY_TIMEOUT_SECONDS) -> sqlite3.Connection:
    return sqlite3.connect(
        name,
        timeout=timeout,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=64,
        uri=name.startswith("file:"),
    )


def _as_uri(path: str, parameters: str) -> str:
    quoted = path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")
    return f"file:{quoted if os.sep == '/' else '/' + quoted.replace(os.sep, '/')}?{parameters}"


def _prepare(connection: sqlite3.Connection, *, is_durable: bool) -> None:
    connection.execute(f"PRAGMA synchronous = {'FULL' if is_durable else 'NORMAL'}")
    connection.execute("PRAGMA wal_autocheckpoint = 0")
    connection.execute("PRAGMA temp_store = MEMORY")
    keep_log_on_close(connection)


def keep_log_on_close(connection: sqlite3.Connection) -> None:
    """Closing the connection shall not copy the write-ahead log into the database: that takes tens of milliseconds.

    Python 3.11 cannot say so to SQLite; there the writer thread keeps the connection from being closed.
    """
    if sys.version_info >= (3, 12):  # as CLOSES_CHEAPLY says
        connection.setconfig(sqlite3.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, True)


def _close_untouched(connection: sqlite3.Connection, path: str) -> None:
    """Closes a connection to a file that we refuse, without letting SQLite write to it.

    The last connection to leave copies the write-ahead log into the database, unless it cannot write.
    """
    keep_log_on_close(connection)
    bystander: sqlite3.Connection | None = None
    try:
        bystander = _connect(_as_uri(path, "mode=ro"))
        bystander.execute("PRAGMA application_id").fetchone()
    except sqlite3.Error:
        pass
    connection.close()
    if bystander is not None:
        bystander.close()


def refuse_network_file_system(folder: str) -> None:
    """Raises when the folder lies on a file system of the network, where SQLite's locks and shared memory fail."""
    device = os.stat(folder).st_dev
    if os.name != "posix" or os.major(device) != 0:  # a disk of this machine
        return
    try:
        with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
            kind = file_system_type(file.read(), f"{os.major(device)}:{os.minor(device)}")
    except OSError:
        return
    if kind in _NETWORK_FILE_SYSTEMS:
        message = (
            f"{folder} lies on a network file system ({kind}), where SQLite cannot keep a history safe. "
            "Set HEADRACE_HOME or HEADRACE_DATABASE to a place on a local disk."
        )
        raise HistoryUnavailableError(message)


def file_system_type(mount_table: str, device: str) -> str | None:
    """The type of the file system with that device number (``"0:42"``) in the text of ``/proc/self/mountinfo``."""
    for line in mount_table.splitlines():
        fields = line.split(" ")
        if len(fields) > 2 and fields[2] == device and "-" in fields:
            return fields[fields.index("-") + 1]
    return None


def _code(error: BaseException) -> int:
    """SQLite's primary result code, 0 if there is none."""
    if isinstance(error, UnicodeDecodeError):
        return sqlite3.SQLITE_CORRUPT
    code: int = getattr(error, "sqlite_errorcode", 0)
    return code & 0xFF


def is_busy(error: BaseException) -> bool:
    """Whether another program holds the database right now, so that trying again helps."""
    return _code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def is_damage(error: BaseException) -> bool:
    """Whether SQLite found a file that it cannot read."""
    return _code(error) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def unreadable(error: BaseException, path: str) -> HistoryUnavailableError:
    """What a row in the file at ``path`` made impossible, and what to do about it, in one message."""
    return HistoryUnavailableError(
        f"The history {path} is damaged: a row cannot be read ({type(error).__name__}: {error}). "
        "`headrace doctor` says more, and `headrace db restore` puts a backup in its place."
    )


def explain(error: BaseException, path: str) -> HistoryUnavailableError:
    """What went wrong with the file at ``path``, and what to do about it, in one message."""
    match _code(error):
        case sqlite3.SQLITE_FULL:
            text = f"The disk is full: the history {path} cannot grow. Free some space, or set HEADRACE_DATABASE to a file on another disk."
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_PERM | sqlite3.SQLITE_AUTH:
            text = f"The history {path} may not be written. Give yourself write permission for the file and its folder, or set HEADRACE_DATABASE to another file."
        case sqlite3.SQLITE_CANTOPEN:
            text = f"The history {path} cannot be opened. Check that the file and its folder exist and may be written, or set HEADRACE_DATABASE to another file."
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            text = f"Another program keeps the history {path} locked. Close it (a database shell in a transaction?), then run again."
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
            text = (
                f"The history {path} is damaged ({error}). Move it away: a new one is made at the next run."
            )
        case 0:
            reason = getattr(error, "strerror", None) or str(error)
            text = f"The history {path} cannot be used: {reason}. Check the folder and its permissions, or set HEADRACE_DATABASE to another file."
        case _:
            text = f"The history {path} cannot be written ({error}). Check the disk, or set HEADRACE_DATABASE to another file."
    return HistoryUnavailableError(text)
