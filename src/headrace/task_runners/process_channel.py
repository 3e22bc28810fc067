"""Messages between processes, with shared memory along with them.

A channel keeps messages whole. Several processes may hold the same end of it: a message goes to one of them, and one
that nobody has taken can be taken back by whoever sent it.
"""

from __future__ import annotations

import errno
import os
import socket
from _pickle import dumps, loads
from array import array
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from headrace.history.results import PROTOCOL
from headrace.task_runners.process_memory import Memory, read_bytes, store_bytes

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_MEMORIES = 200
"""How many pieces of shared memory may go along with a message: systems allow some 250."""

_LARGEST_INLINE = 65536
_ROOM_FOR_DESCRIPTORS = socket.CMSG_SPACE((MOST_MEMORIES + 1) * array("i").itemsize)
_ELSEWHERE = b"\0"
"""In the place of a message that comes in a piece of memory of its own."""

_KIND = getattr(socket, "SOCK_SEQPACKET", socket.SOCK_DGRAM)  # what keeps messages whole
_CLOSED_ON_EXEC = getattr(socket, "MSG_CMSG_CLOEXEC", 0)


class Message(NamedTuple):
    """What was sent, and the memory that came along. Some of that is missing if this process has too many files open."""

    content: Any
    memories: list[Memory]


class Channel:
    """One end. Any thread may send, and one at a time receive."""

    def __init__(self, end: socket.socket) -> None:
        self._socket = end

    @classmethod
    def pair(cls) -> tuple[Channel, Channel]:
        """Both ends of a new one."""
        one, other = socket.socketpair(socket.AF_UNIX, _KIND)
        if _KIND == socket.SOCK_DGRAM:  # whose messages have to fit into the buffer
            for end in (one, other):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 * _LARGEST_INLINE)
        return cls(one), cls(other)

    @classmethod
    def at(cls, fd: int) -> Channel:
        """The end with that descriptor, which is the channel's from now on."""
        return cls(socket.socket(fileno=fd))

    def fileno(self) -> int:
        """The descriptor."""
        return self._socket.fileno()

    def send(self, content: Any, memories: Sequence[Memory] = (), *, waits: bool = True) -> None:
        """Send what plain pickle can take. Raises ``BlockingIOError`` rather than wait for room, unless it ``waits``."""
        packed = dumps(content, PROTOCOL)
        if len(packed) > _LARGEST_INLINE:
            memories = [store_bytes(packed), *memories]
            packed = _ELSEWHERE
        flags = 0 if waits else socket.MSG_DONTWAIT
        if not memories:
            self._socket.send(packed, flags)
            return
        descriptors = array("i", [memory.fd for memory in memories])
        self._socket.sendmsg([packed], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, descriptors)], flags)

    def receive(self, *, waits: bool = True) -> Message | None:
        """The next message; ``None`` if nobody holds the other end.

        Raises ``BlockingIOError`` like ``send``, and another ``OSError`` if this process has too many files open.
        """
        flags = _CLOSED_ON_EXEC if waits else _CLOSED_ON_EXEC | socket.MSG_DONTWAIT
        try:
            packed, ancillary, _, _ = self._socket.recvmsg(_LARGEST_INLINE, _ROOM_FOR_DESCRIPTORS, flags)
        except ConnectionError:  # it was closed with something in it
            return None
        memories = _memories_in(ancillary) if ancillary else []
        if packed == _ELSEWHERE:
            if not memories:
                raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
            packed = read_bytes(memories.pop(0))
        return Message(loads(packed), memories) if packed else None

    def hang_up(self) -> None:
        """Send no more: whoever listens at the other end is told so."""
        with suppress(OSError):  # there is nobody
            self._socket.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Let go of this end."""
        self._socket.close()


def _memories_in(ancillary: list[tuple[int, int, bytes]]) -> list[Memory]:
    descriptors = array("i")
    for _, _, data in ancillary:
        descriptors.frombytes(data[: len(data) - len(data) % descriptors.itemsize])
    return [Memory(descriptor) for descriptor in descriptors]
