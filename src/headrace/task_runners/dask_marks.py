"""Marks that outlive a worker: which of our Dask tasks it was executing when it died.

A worker that is killed tells nobody, and Dask knows only what was assigned to it, not what had begun. So each of its
threads keeps a mark in a file that is mapped into memory: the system has it, whatever becomes of the process. Whoever
is on the same machine can read it afterwards.
"""

from __future__ import annotations

import mmap
import os
import re
import tempfile
import threading
from contextlib import suppress
from itertools import count

_SLOT = 64
_SLOTS = 1024


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
        self._slots = count()
        self._of_thread = threading.local()

    def begin(self, mark: str) -> None:
        """This thread begins to execute what has this mark."""
        self._write(mark.encode()[:_SLOT])

    def end(self) -> None:
        """This thread has ended what it executed."""
        self._write(b"")

    def _write(self, mark: bytes) -> None:
        try:
            slot = self._of_thread.slot
        except AttributeError:
            slot = self._of_thread.slot = next(self._slots) % _SLOTS
        self._memory[slot * _SLOT : (slot + 1) * _SLOT] = mark.ljust(_SLOT, b"\0")

    def remove(self) -> None:
        """The worker ends in peace."""
        with suppress(OSError):
            os.unlink(self._path)


def take_marks(address: str) -> set[str] | None:
    """What the worker at that address was executing when it died; ``None`` if that cannot be known from here."""
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
