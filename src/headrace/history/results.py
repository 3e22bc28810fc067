"""Results become pickles, when the attempt ends and before anyone else holds the value.

A pickle is bounded: whatever grows beyond the limit is given up at once, a large array before a byte of it is copied.
Nothing here ever unpickles.
"""

from __future__ import annotations

from _pickle import (
    Pickler,
    dumps,
)  # the C half alone: the pickle module costs another millisecond at start-up
from functools import partial
from struct import Struct
from typing import TYPE_CHECKING, Any

from headrace.history.facts import StoredResult
from headrace.previews import preview

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pickle import PickleBuffer

RESULT_LIMIT = 1024 * 1024
"""How many bytes the pickle of one result may have."""

COUNTED_FROM = 1024
"""A pickle of fewer bytes is not counted among the unwritten ones: it is no larger than the fact that holds it."""

PROTOCOL = 5

_NOTE_LENGTH = 500
_CONSTANTS = {
    None: StoredResult(dumps(None, PROTOCOL), "null"),
    True: StoredResult(dumps(True, PROTOCOL), "true"),
    False: StoredResult(dumps(False, PROTOCOL), "false"),
}
_NONE = _CONSTANTS[None]
_MAX_SMALL_ITEMS = 16
_MAX_SMALL_TEXT = 1000
_NUMBERS = frozenset({int, float, bool, type(None)})
_as_four_bytes = Struct("<i").pack
_stored = partial(tuple.__new__, StoredResult)  # half the time of calling the class


def dump_result(value: object, limit: int = RESULT_LIMIT) -> StoredResult:
    """The value's pickle if it has at most ``limit`` bytes, else a note why not; a preview in any case.

    Plain pickle is tried first, cloudpickle when that fails. No value makes this raise an ``Exception``.

    >>> dump_result([1, 2]).preview
    '[1,2]'
    >>> dump_result(bytes(2_000_000)).note
    'not stored: larger than 1,048,576 bytes (persist_result=True would keep it in a file)'
    """
    if value is None:
        return _NONE
    kind = type(value)
    if kind is int and -(2**31) <= value < 2**31:  # type: ignore[operator]
        # Written by hand: BININT, in a quarter of the time.
        return _stored((b"\x80\x05J%b." % _as_four_bytes(value), str(value), None, None))
    if kind is bool:
        return _CONSTANTS[value]  # type: ignore[index]
    if _is_small_of(value, kind):
        return _stored((dumps(value, PROTOCOL), preview(value), None, None))
    pickled, note = _pickle(value, limit)
    return StoredResult(pickled, preview(value), note)


def bytes_to_admit(stored: StoredResult) -> int:
    """The size of what the history is asked to admit; 0 where there is nothing or a small one.

    >>> bytes_to_admit(dump_result(bytes(5000))) > 5000
    True
    >>> bytes_to_admit(dump_result("a little text"))
    0
    """
    content = stored[0]
    if content is None:
        content = stored.content
        if content is None:
            return 0
    size = len(content)
    return size if size >= COUNTED_FROM else 0


def is_small(value: object) -> bool:
    """Whether the value is built-in, flat and short, so that plain pickle is the whole matter."""
    return _is_small_of(value, type(value))


def _is_small_of(value: Any, kind: type) -> bool:
    """Whether the value is built-in, flat and short, so that its pickle needs no watching."""
    if kind in _NUMBERS:
        return True
    if kind is str:
        return len(value) <= _MAX_SMALL_TEXT
    if kind is list or kind is tuple:
        return len(value) <= _MAX_SMALL_ITEMS and _are_small(value)
    if kind is dict:
        return len(value) <= _MAX_SMALL_ITEMS and _are_small(value) and _are_small(value.values())
    return False


def _are_small(items: Iterable[Any]) -> bool:
    for item in items:
        kind = type(item)
        if kind not in _NUMBERS and (kind is not str or len(item) > _MAX_SMALL_TEXT):
            return False
    return True


def _pickle(value: object, limit: int) -> tuple[bytes | None, str | None]:
    if _is_plainly_too_large(value, limit):
        return None, _too_large(limit)
    try:
        return _dump(Pickler, value, limit), None
    except _TooLarge:
        return None, _too_large(limit)
    except Exception:
        # Lambdas, local classes, things from __main__: cloudpickle can, or its error is the better one.
        return _pickle_by_value(value, limit)


def _pickle_by_value(value: object, limit: int) -> tuple[bytes | None, str | None]:
    try:
        from cloudpickle import Pickler as CloudPickler  # seldom needed, and slow to import

        return _dump(CloudPickler, value, limit), None
    except _TooLarge:
        return None, _too_large(limit)
    except Exception as error:
        return None, f"cannot be pickled: {described(error)}"


def _dump(pickler: Callable[..., Any], value: object, limit: int) -> bytes:
    buffer = _BoundedBuffer(limit)
    pickler(buffer, PROTOCOL, buffer_callback=buffer.accepts).dump(value)
    return buffer.content()


class _TooLarge(Exception):
    """The pickle would exceed its limit."""


class _BoundedBuffer:
    """A file for a pickler that refuses what does not fit."""

    __slots__ = ("_left", "_parts")

    def __init__(self, limit: int) -> None:
        self._left = limit
        self._parts: list[bytes] = []

    def write(self, data: bytes | PickleBuffer) -> int:
        size = len(data) if isinstance(data, bytes) else memoryview(data).nbytes
        self._left -= size
        if self._left < 0:
            raise _TooLarge
        self._parts.append(bytes(data))
        return size

    def accepts(self, buffer: PickleBuffer) -> bool:
        """Asked before an array's memory is copied. ``True`` keeps it within the pickle."""
        with buffer.raw() as memory:
            if memory.nbytes > self._left:
                raise _TooLarge
        return True

    def content(self) -> bytes:
        return b"".join(self._parts)


def is_plain_and_large(value: object, limit: int = RESULT_LIMIT) -> bool:
    """Whether it is text, bytes, an array or a table of more than ``limit`` bytes: what holds no futures, and is told at a glance.

    >>> is_plain_and_large(bytes(2_000_000)), is_plain_and_large([bytes(2_000_000)])
    (True, False)
    """
    if type(value).__module__.partition(".")[0] == "pandas":
        try:
            usage: Any = value.memory_usage()  # type: ignore[attr-defined]
            return int(getattr(usage, "sum", lambda: usage)()) > limit
        except Exception:
            return False
    return _is_plainly_too_large(value, limit)


def _is_plainly_too_large(value: Any, limit: int) -> bool:
    """What can be told without pickling: text and bytes, and arrays that pickle would copy first."""
    kind = type(value)
    if kind in (str, bytes, bytearray):
        return len(value) > limit
    if kind.__module__.partition(".")[0] in ("numpy", "torch", "pyarrow"):
        try:
            return int(value.nbytes) > limit
        except Exception:
            return False
    return False


def _too_large(limit: int) -> str:
    return f"not stored: larger than {limit:,} bytes (persist_result=True would keep it in a file)"


TOO_LARGE = _too_large(RESULT_LIMIT)
"""The note of a result that would have to be kept in a file."""


def described(error: Exception) -> str:
    """Its type and its bounded message."""
    try:
        text = str(error)[:_NOTE_LENGTH]
    except Exception:
        text = ""
    name = type(error).__name__
    return f"{name}: {text}" if text else name
