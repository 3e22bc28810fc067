"""Memory that processes share and that has no name: an open descriptor is all there is, and the last one takes it along.

So nothing of it can be left behind, whoever is killed at whatever moment. On Linux it is a *memfd*, elsewhere a temporary
file whose name is gone before anything is written. Values lie in it as a pickle, and beside that the memory of their
arrays, as it is. Who reads a value maps that memory, copying only the pages that are written to.
"""

from __future__ import annotations

import mmap
import os
import resource
from _pickle import loads
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from headrace.task_runners.remote.pickling import dump_apart

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pickle import PickleBuffer

Spans = tuple[tuple[int, int], ...]
"""Where the pickle of a value lies, and each of its arrays: offset and length."""

_ALIGNMENT = 64
_DESCRIPTORS = 65536


class Memory:
    """A descriptor of shared memory, closed with this object; ``spans`` tell what lies in it."""

    __slots__ = ("fd", "spans")

    def __init__(self, fd: int, spans: Spans = ()) -> None:
        self.fd = fd
        self.spans = spans

    def __del__(self, close: Callable[[int], None] = os.close) -> None:
        close(self.fd)


def store_bytes(*parts: bytes) -> Memory:
    """Memory that holds these bytes. Raises ``OSError`` if there is no room."""
    return _store(parts)


def read_bytes(memory: Memory) -> bytes:
    """All that it holds."""
    size = os.fstat(memory.fd).st_size
    parts: list[bytes] = []
    offset = 0
    while offset < size:
        parts.append(os.pread(memory.fd, size - offset, offset))
        offset += len(parts[-1])
    return parts[0] if len(parts) == 1 else b"".join(parts)


def store_value(value: Any) -> Memory:
    """Memory that holds the value. Raises what its pickling raises, or ``OSError`` if there is no room."""
    pickled, buffers = dump_apart(value)
    return _store((pickled, *buffers))


def load_value(memory: Memory, spans: Spans) -> Any:
    """The value that lies there. Its arrays stay in the memory, and can be written to: nobody else sees that."""
    (start, length), *arrays = spans
    whole = memoryview(mmap.mmap(memory.fd, 0, access=mmap.ACCESS_COPY))
    return loads(whole[start : start + length], buffers=[whole[at : at + size] for at, size in arrays])


def gather(memories: Sequence[Memory]) -> tuple[Memory, list[Spans]]:
    """A copy of all of them in one, and where each one's content lies in that."""
    gathered = Memory(_new_descriptor())
    spans_in_order: list[Spans] = []
    start = 0
    for memory in memories:
        content = memoryview(mmap.mmap(memory.fd, 0, access=mmap.ACCESS_READ))
        _write(gathered.fd, content, start)
        spans_in_order.append(tuple([(start + offset, length) for offset, length in memory.spans]))
        start += -(-content.nbytes // _ALIGNMENT) * _ALIGNMENT
    return gathered, spans_in_order


def raise_limit_of_descriptors() -> None:
    """Let this process hold as many of them as the system lets it, within reason: each large value that it knows is one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, _DESCRIPTORS)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(OSError, ValueError):  # it stays as it is
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _store(parts: Sequence[bytes | PickleBuffer]) -> Memory:
    memory = Memory(_new_descriptor())
    spans: list[tuple[int, int]] = []
    offset = 0
    for part in parts:
        with memoryview(part) if isinstance(part, bytes) else part.raw() as content:
            _write(memory.fd, content, offset)
            spans.append((offset, content.nbytes))
            offset += -(-content.nbytes // _ALIGNMENT) * _ALIGNMENT
    memory.spans = tuple(spans)
    return memory


def _write(fd: int, content: memoryview, offset: int) -> None:
    """Written, and not mapped and copied: that takes half of the time, for it touches each page once."""
    written = 0
    while written < content.nbytes:
        written += os.pwrite(fd, content[written:], offset + written)


def _new_descriptor() -> int:
    if hasattr(os, "memfd_create"):
        return os.memfd_create("headrace", os.MFD_CLOEXEC)
    from tempfile import TemporaryFile

    with TemporaryFile(prefix="headrace-") as file:
        return os.dup(file.fileno())
