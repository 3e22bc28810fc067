"""Where results lie that are too large for the database: files named by the digest of what is in them.

A file is written under another name and moved to its own when it is whole, so there is never a part of one under a key. What is
read is compared with its name: a bit that has turned is an error and never a value. Each history has a folder of its own,
below the folder or URL that is set; so what no row of it refers to, nobody needs.
"""

from __future__ import annotations

import errno
import os
import time
from abc import ABC, abstractmethod
from hashlib import blake2b
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from headrace.errors import MissingExtraError, ResultDamagedError, ResultUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_DIGEST_BYTES = 20
_MAPPED_FROM = 1024 * 1024
_COPY_BYTES = 4 * 1024 * 1024
_DRAFT_PREFIX = ".draft-"
_DOOMED_SUFFIX = ".doomed"


class StorageError(Exception):
    """A result could not be written; the message says where and why."""


class StoredFile(NamedTuple):
    """A file in a store. ``key`` is relative to the store: ``"<two digits>/<digest>.<serializer>"``."""

    key: str
    size: int
    modified_at: float
    """Seconds since the Unix epoch."""


class Draft:
    """A file that is being written, and the digest of what is in it so far."""

    def __init__(self, file: IO[bytes], place: str) -> None:
        self._file = file
        self._place = place
        self._digest = blake2b(digest_size=_DIGEST_BYTES)
        self.size = 0

    def write(self, data: bytes | memoryview) -> None:
        """Add the data. Raises ``StorageError``."""
        self._digest.update(data)
        self.size += len(data)
        try:
            self._file.write(data)
        except OSError as error:
            raise StorageError(_cannot_write(self._place, error)) from error

    def start_again(self) -> None:
        """Forget what has been written."""
        self._file.seek(0)
        self._file.truncate()
        self._digest = blake2b(digest_size=_DIGEST_BYTES)
        self.size = 0

    def key(self, serializer: str) -> str:
        """Where what has been written belongs."""
        digest = self._digest.hexdigest()
        kind = serializer if serializer.isidentifier() else "result"
        return f"{digest[:2]}/{digest}.{kind}"


class ResultStore(ABC):
    """The files of one history. ``location`` is a folder, or a URL that ``fsspec`` knows."""

    def __init__(self, location: str) -> None:
        self.location = location

    @abstractmethod
    def prepare(self) -> None:
        """Make the folder. Raises ``StorageError``."""

    @abstractmethod
    def write(self, fill: Callable[[Draft], None], serializer: str) -> StoredFile:
        """Store what ``fill`` writes. Raises ``StorageError``, and what ``fill`` raises."""

    def read(self, key: str) -> memoryview:
        """What is stored under the key, proved to be what was written; writing to the memory changes no file.

        Raises ``ResultUnavailableError`` if it is not there or cannot be read, ``ResultDamagedError`` if it has changed.
        """
        place = f"{self.location}/{key}"
        try:
            content = self._read(key)
        except FileNotFoundError as error:
            raise ResultUnavailableError(f"The file {place} is not there any more.") from error
        except Exception as error:  # an fsspec file system raises whatever its library does
            raise ResultUnavailableError(f"The file {place} cannot be read: {_reason(error)}.") from error
        if blake2b(content, digest_size=_DIGEST_BYTES).hexdigest() != _digest_in(key):
            raise ResultDamagedError(f"The file {place} is damaged: its content is not what was written.")
        return content

    @abstractmethod
    def _read(self, key: str) -> memoryview:
        """The content of the file."""

    @abstractmethod
    def list(self) -> Iterator[StoredFile]:
        """Every file, and what writers that were killed have left. Raises ``OSError``."""

    @abstractmethod
    def delete(self, keys: Iterable[str], *, written_before: float) -> tuple[int, int]:
        """Delete these files: how many, and how many bytes. One that was written later, in seconds since the Unix epoch, stays.

        A file that is not there is passed over. Raises ``OSError``.
        """


def open_store(location: str, *, is_durable: bool = False) -> ResultStore:
    """The store at a folder, or at a URL such as ``"s3://bucket/results"``. ``is_durable``: what is written outlives a power failure.

    Raises ``MissingExtraError`` if a URL needs what is not installed, ``StorageError`` if it is none that can be used.
    """
    if "://" not in location:
        return FolderStore(location, is_durable=is_durable)
    return UrlStore(location)


def whereabouts(key: str, home: str) -> tuple[str, str]:
    """The location of the store, and the key in it, of a key as rows have it; ``home`` is where the history keeps its own.

    >>> whereabouts("ab/abcd.pickle", "/data/results/1f")
    ('/data/results/1f', 'ab/abcd.pickle')
    >>> whereabouts("s3://bucket/1f/ab/abcd.pickle", "/data/results/1f")
    ('s3://bucket/1f', 'ab/abcd.pickle')
    """
    location, _, name = key.rpartition("/")
    location, _, folder = location.rpartition("/")
    return location or home, f"{folder}/{name}"


def results_home(database: str, identity: str) -> str:
    """The folder in which the history in that file keeps results, if no other place is set: beside it.

    That of an in-memory history is a temporary one, and goes with it.

    >>> results_home("/data/history.db", "1f")
    '/data/results/1f'
    """
    if database == ":memory:":
        import tempfile

        return os.path.join(tempfile.gettempdir(), f"headrace-results-{identity}")
    return os.path.join(os.path.dirname(os.path.abspath(database)), "results", identity)


class FolderStore(ResultStore):
    """A store in a folder: 0700, its files 0600."""

    def __init__(self, location: str, *, is_durable: bool = False) -> None:
        super().__init__(location)
        self._is_durable = is_durable

    def prepare(self) -> None:
        """Make the folder, and those above it that are missing."""
        try:
            _make_folders(self.location)
        except OSError as error:
            raise StorageError(_cannot_write(self.location, error)) from error

    def write(self, fill: Callable[[Draft], None], serializer: str) -> StoredFile:
        """Store what ``fill`` writes. The folder must be there: see ``prepare``."""
        path = os.path.join(self.location, f"{_DRAFT_PREFIX}{os.urandom(8).hex()}")
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        except FileNotFoundError as error:
            raise StorageError(
                f"{self.location} is not there; on another machine, set HEADRACE_RESULTS to a folder or URL that it reaches, too"
            ) from error
        except OSError as error:
            raise StorageError(_cannot_write(self.location, error)) from error
        try:
            with open(descriptor, "wb") as file:
                draft = Draft(file, self.location)
                fill(draft)
                self._sync(file)
            return self._move(path, draft, serializer)
        except OSError as error:
            raise StorageError(_cannot_write(self.location, error)) from error
        finally:
            _remove(path)

    def _sync(self, file: IO[bytes]) -> None:
        file.flush()
        if self._is_durable:
            os.fsync(file.fileno())

    def _move(self, path: str, draft: Draft, serializer: str) -> StoredFile:
        """Always over what is there: the file is as young as its youngest writer."""
        key = draft.key(serializer)
        target = os.path.join(self.location, key)
        folder = os.path.dirname(target)
        if not os.path.isdir(folder):
            os.makedirs(folder, mode=0o700, exist_ok=True)
        os.replace(path, target)
        if self._is_durable:
            _sync_folder(folder)
            _sync_folder(self.location)
        return StoredFile(key, draft.size, time.time())

    def _read(self, key: str) -> memoryview:
        with open(os.path.join(self.location, key), "rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size < _MAPPED_FROM:
                return memoryview(bytearray(file.read()))
            from mmap import ACCESS_COPY, mmap

            return memoryview(mmap(file.fileno(), size, access=ACCESS_COPY))

    def list(self) -> Iterator[StoredFile]:
        """Every file, and what writers that were killed have left."""
        for folder, _, names in os.walk(self.location):
            for name in sorted(names):
                path = os.path.join(folder, name)
                try:
                    status = os.stat(path)
                except FileNotFoundError:  # deleted meanwhile
                    continue
                key = os.path.relpath(path, self.location).replace(os.sep, "/")
                yield StoredFile(key, status.st_size, status.st_mtime)

    def delete(self, keys: Iterable[str], *, written_before: float) -> tuple[int, int]:
        """Delete these files.

        A writer may put the same content there at this very moment. So a file is moved aside first, and its age is looked
        at then: a young one comes back, and one that is written afterwards stands where nobody touches it.
        """
        count = freed = 0
        for key in keys:
            path = os.path.join(self.location, key)
            aside = path if path.endswith(_DOOMED_SUFFIX) else path + _DOOMED_SUFFIX
            try:
                os.replace(path, aside)
                status = os.stat(aside)
            except FileNotFoundError:
                continue
            if status.st_mtime >= written_before:
                os.replace(aside, path)
                continue
            _remove(aside)
            count += 1
            freed += status.st_size
        return count, freed


class UrlStore(ResultStore):
    """A store at a URL of ``fsspec``: a bucket, a share, another machine."""

    def __init__(self, location: str) -> None:
        super().__init__(location)
        self._files, self._root = _file_system(location)

    def prepare(self) -> None:
        """Make the folder, where there are such."""
        try:
            self._files.makedirs(self._root, exist_ok=True)
        except Exception as error:
            raise StorageError(_cannot_write(self.location, error)) from error

    def write(self, fill: Callable[[Draft], None], serializer: str) -> StoredFile:
        """Store what ``fill`` writes: in a file of this machine at first, for its name is known when it is whole."""
        import tempfile

        try:
            with tempfile.TemporaryFile(prefix="headrace-result-") as file:
                draft = Draft(file, tempfile.gettempdir())
                fill(draft)
                key = draft.key(serializer)
                file.seek(0)
                self._upload(file, f"{self._root}/{key}")
        except OSError as error:
            raise StorageError(_cannot_write(self.location, error)) from error
        return StoredFile(key, draft.size, time.time())

    def _upload(self, file: IO[bytes], path: str) -> None:
        try:
            self._files.makedirs(os.path.dirname(path), exist_ok=True)
            with self._files.open(path, "wb") as target:
                while chunk := file.read(_COPY_BYTES):
                    target.write(chunk)
        except Exception as error:
            raise StorageError(_cannot_write(self.location, error)) from error

    def _read(self, key: str) -> memoryview:
        with self._files.open(f"{self._root}/{key}", "rb") as file:
            return memoryview(bytearray(file.read()))

    def list(self) -> Iterator[StoredFile]:
        """Every file."""
        found: dict[str, dict[str, Any]] = self._files.find(self._root, detail=True)
        root = self._files._strip_protocol(self._root).rstrip("/") + "/"
        for path, details in sorted(found.items()):
            yield StoredFile(path.removeprefix(root), int(details.get("size") or 0), _modified_at(details))

    def delete(self, keys: Iterable[str], *, written_before: float) -> tuple[int, int]:
        """Delete these files."""
        count = freed = 0
        for key in keys:
            path = f"{self._root}/{key}"
            try:
                details = self._files.info(path)
                if _modified_at(details) < written_before:
                    self._files.rm_file(path)
                    count += 1
                    freed += int(details.get("size") or 0)
            except FileNotFoundError:
                continue
        return count, freed


def _file_system(location: str) -> tuple[Any, str]:
    try:
        from fsspec.core import url_to_fs
    except ImportError as error:
        raise MissingExtraError(
            f"Results at {location} need fsspec, which is not installed. "
            'Install it with: pip install "headrace[fsspec]"'
        ) from error
    try:
        files, root = url_to_fs(location)
    except ImportError as error:
        raise MissingExtraError(f"Results at {location} need another package: {error}") from error
    except Exception as error:
        raise StorageError(f"{location} cannot be used: {_reason(error)}") from error
    return files, str(root).rstrip("/")


def _modified_at(details: dict[str, Any]) -> float:
    """When the file was written, by whatever name its file system says that; where it does not, just now."""
    for name in ("mtime", "LastModified", "last_modified", "updated", "created"):
        moment: Any = details.get(name)
        if isinstance(moment, int | float):
            return float(moment)
        if hasattr(moment, "timestamp"):
            return float(moment.timestamp())
    return time.time()


def _digest_in(key: str) -> str:
    return key.rpartition("/")[2].partition(".")[0]


def _make_folders(folder: str) -> None:
    """Each that is missing with the rights of its owner alone; ``os.makedirs`` sees to the last only."""
    if os.path.isdir(folder):
        return
    above = os.path.dirname(folder)
    if above != folder:
        _make_folders(above)
    try:
        os.mkdir(folder, 0o700)
    except FileExistsError:
        if not os.path.isdir(folder):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), folder) from None


def _sync_folder(folder: str) -> None:
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        return


def _cannot_write(place: str, error: Exception) -> str:
    return f"{place} cannot be written: {_reason(error)}"


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or f"{type(error).__name__}: {error}"
