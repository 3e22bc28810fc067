"""Checksums of what is stored in the database: SQLite itself does not notice a bit that has turned.

A stored content ends in the four bytes of its CRC-32. A pickle may be read without taking them off: it says itself where it
ends. The checksum starts from the identity of its row, so that a content which turns up in another row is noticed, too.
"""

from __future__ import annotations

from struct import Struct
from zlib import crc32

LENGTH = 4

_FACTOR = 0x9E3779B1  # odd: no single bit of a key is lost in the product
_ID_FACTOR = 31
_MASK = 0xFFFFFFFF
_as_bytes = Struct("<I").pack


def seed_of_flow_run(flow_run_key: int) -> int:
    """What the seeds of a flow run's task runs have in common."""
    return flow_run_key * _FACTOR & _MASK


def seed_of_task_run(seed: int, id: int, index: int, known_by: str) -> int:
    """Where the checksum of a task run's content starts; ``seed`` is that of its flow run.

    ``known_by`` is what a resume knows the run by, all in one: the task, the upstreams, the parameters and the call's key,
    as they are stored. So no value is taken for that of another call.
    """
    return crc32(known_by.encode("utf-8", "backslashreplace"), (seed + id * _ID_FACTOR + index) & _MASK)


def seed_of_text(text: str) -> int:
    """Where the checksum of a content starts that belongs to what has this name, such as a flow run its id."""
    return crc32(text.encode("utf-8", "backslashreplace"))


def sealed(content: bytes, seed: int) -> bytearray:
    """The content with its checksum behind it.

    >>> stored = bytes(sealed(b"content", 7))
    >>> unsealed(stored, 7), unsealed(stored, 8)
    (b'content', None)
    """
    return bytearray(content + _as_bytes(crc32(content, seed)))


def unsealed(stored: bytes, seed: int) -> bytes | None:
    """The content without its checksum; ``None`` if they do not agree."""
    content = stored[:-LENGTH]
    return content if stored[-LENGTH:] == _as_bytes(crc32(content, seed)) else None
