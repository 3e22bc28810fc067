"""A memory of a few answers: what was asked for last is there at once, and the oldest makes room."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

K = TypeVar("K", bound="Hashable")
V = TypeVar("V")


class Memory(Generic[K, V]):
    """Holds the values of the ``most`` keys that were asked for last. A key says all that its value depends on.

    Any thread may ask. The value of a key is made outside of the lock: two who ask at once may both make it.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._values: dict[K, V] = {}

    def get(self, key: K, make: Callable[[], V]) -> V:
        """The value that is remembered, or is made now. What ``make`` raises is not remembered."""
        with self._lock:
            if key in self._values:
                value = self._values[key] = self._values.pop(key)
                return value
        value = make()
        with self._lock:
            self._values.pop(key, None)
            self._values[key] = value
            if len(self._values) > self._most:
                del self._values[next(iter(self._values))]
        return value
