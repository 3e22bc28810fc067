"""The lock file beside a database: every write and every checkpoint of a Headrace process takes it.

Writers queue up in the kernel instead of asking SQLite again and again, and no two connections ever
reset the write-ahead log at the same time. The lock goes away with its process, however that ends.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Self

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl


class ProcessLock:
    """A lock between processes (and between two of these objects in one process). Not re-entrant."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)

    if sys.platform == "win32":

        def acquire(self) -> None:
            """Waits in line until the lock is ours."""
            while True:
                try:
                    msvcrt.locking(self._file, msvcrt.LK_LOCK, 1)
                except OSError:  # it gives up after ten seconds
                    continue
                return

        def release(self) -> None:
            """Lets the next in line go on."""
            os.lseek(self._file, 0, os.SEEK_SET)
            msvcrt.locking(self._file, msvcrt.LK_UNLCK, 1)

    else:

        def acquire(self) -> None:
            """Waits in line until the lock is ours."""
            fcntl.flock(self._file, fcntl.LOCK_EX)

        def release(self) -> None:
            """Lets the next in line go on."""
            fcntl.flock(self._file, fcntl.LOCK_UN)

    def close(self) -> None:
        """Gives the file back. In a forked child this leaves the parent's lock as it is."""
        os.close(self._file)

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(self, *_: object) -> None:
        self.release()
