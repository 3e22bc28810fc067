"""Marks that outlive a worker: which of our Dask tasks it was executing when it died.

A worker that is killed tells nobody, and Dask knows only what was assigned to it, not what had begun. So each of its
threads marks what it begins in a file that is mapped into memory: the system has it, whatever becomes of the process.
Whoever is on the same machine can read it afterwards. A thread's latest few marks stay: of what ended in the last
instant word may not have gone out, and that was executed, too.
"""

from __future__ import annotations

import mmap
import os
import re
import tempfile
import threading
from contextlib import suppress
from itertools import count, cycle

_SLOT = 64
_MARKS_OF_A_THREAD = 8
_SLOTS = 256 * _MARKS_OF_A_THREAD


class Marks:
    """The marks of one worker. Raises ``OSError`` where there is no room for the file."""

    def __init__(self, address: str) -> None:
        folder = _folder()
        os.makedirs(folder, mode=0o700, exist_ok=True)
        self._path = _path(address)
        file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            os.ftruncate(file, _SLOT * _SLOTS)
            self._memory = mmap.mmap(file, _SLOT * _SLOTS)
        finally:
            os.close(file)
        self._first_slots = count(step=_MARKS_OF_A_THREAD)
        self._of_thread = threading.local()

    def begin(self, mark: str) -> None:
        """This thread begins to execute what has this mark."""
        of_thread = self._of_thread
        try:
            slots = of_thread.slots
        except AttributeError:
            first = next(self._first_slots) % _SLOTS
            slots = of_thread.slots = cycle(range(first, first + _MARKS_OF_A_THREAD))
        slot = next(slots)
        self._memory[slot * _SLOT : (slot + 1) * _SLOT] = mark.encode()[:_SLOT].ljust(_SLOT, b"\0")

    def remove(self) -> None:
        """The worker ends in peace."""
        with suppress(OSError):
            os.unlink(self._path)


def take_marks(address: str) -> set[str] | None:
    """What the worker at that address executed last before it died; ``None`` if that cannot be known from here."""
    try:
        with open(_path(address), "rb") as file:
            content = file.read()
        os.unlink(_path(address))
    except OSError:
        return None
    slots = [content[start : start + _SLOT] for start in range(0, len(content), _SLOT)]
    return {slot.rstrip(b"\0").decode() for slot in slots if slot[0]}


def _folder() -> str:
    return os.path.join(tempfile.gettempdir(), f"headrace-workers-{os.getuid()}")


def _path(address: str) -> str:
    return os.path.join(_folder(), re.sub(r"[^0-9A-Za-z]+", "-", address))
