"""Pages: where one ended, as a text that means nothing to others; and how much goes on one."""

from __future__ import annotations

import base64
import binascii
import json
from typing import TYPE_CHECKING, TypeVar

from headrace.server.api.encoding import encoded
from headrace.server.api.problems import refused

if TYPE_CHECKING:
    from collections.abc import Sequence

PAGE_BYTES = 900_000
"""Where a page ends, however many items were asked for."""

_MAX_KEY = 2**62

T = TypeVar("T")


def cursor_of(*keys: int) -> str:
    """The cursor of a place in an order by these numbers."""
    return base64.urlsafe_b64encode(json.dumps(keys).encode()).decode().rstrip("=")


def keys_of(cursor: str, count: int) -> tuple[int, ...]:
    """The numbers that ``cursor_of`` was given. Raises ``RefusedError`` for a text that it did not make."""
    try:
        content = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        keys = json.loads(content)
    except (ValueError, binascii.Error, RecursionError):
        keys = None
    is_ours = isinstance(keys, list) and len(keys) == count
    if not is_ours or not all(type(key) is int and abs(key) <= _MAX_KEY for key in keys):
        raise refused("cursor is none that this server gave: take next_cursor of a page, or leave it out.")
    return tuple(keys)


def fitting(items: Sequence[T], most_bytes: int = PAGE_BYTES) -> list[T]:
    """As many of the first items as go on one page: at least one, if there is one."""
    room = most_bytes
    for count, item in enumerate(items):
        room -= len(encoded(item)) + 2
        if room < 0 and count:
            return list(items[:count])
    return list(items)
