"""What a history has of a value: where it is and how to have it again. Nothing is read or unpickled before ``load``."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

from headrace.errors import ResultDamagedError, ResultError, ResultUnavailableError
from headrace.history.checksums import unsealed
from headrace.history.facts import PICKLE
from headrace.history.result_store import StorageError, open_store, whereabouts
from headrace.history.serializers import serializer_named

if TYPE_CHECKING:
    from types import ModuleType

    from headrace.history.serializers import Serializer

_DAMAGED = "It is damaged in the database: its checksum is another."


class StoredValue(NamedTuple):
    """The result of a run, as it is stored: beside the run, or in a file of that key.

    ``owner`` is what messages call it. ``home`` is where the files of its history are.
    """

    owner: str
    serializer: str
    content: bytes | None
    seed: int
    key: str | None
    size: int
    home: str

    def load(self, *, main: ModuleType | None = None, serializer: Serializer | None = None) -> Any:
        """The value, proved to be what was stored; each call gives a new one.

        Classes and functions that were the script's own (``__main__``) are looked for in ``main``, too. ``serializer``
        is the one to use where its name alone does not lead to it. Raises ``ResultDamagedError`` if what is stored has
        changed, ``ResultUnavailableError`` if it is gone or its value cannot be made any more.
        """
        try:
            content = self.read()
            return self._value_of(content, main, serializer)
        except ResultError as error:
            raise type(error)(f"The value of {self.owner} is not to be had. {error}") from error
        except Exception as error:
            raise ResultUnavailableError(
                f"The value of {self.owner} is stored, and cannot be made from that any more: "
                f"{type(error).__name__}: {error}"
            ) from error

    def is_there(self) -> bool:
        """Whether there is something to load, as far as that can be told at a glance: a URL is not asked."""
        if self.key is None:
            return True
        location, key = whereabouts(self.key, self.home)
        return "://" in location or os.path.exists(os.path.join(location, key))

    def read(self) -> bytes | memoryview:
        """The bytes of it, proved to be what was stored. Raises ``ResultError``."""
        if self.key is not None:
            if self.content is not None and unsealed(self.content, self.seed) != self.key.encode():
                raise ResultDamagedError(_DAMAGED)
            location, key = whereabouts(self.key, self.home)
            try:
                return open_store(location).read(key)
            except StorageError as error:
                raise ResultUnavailableError(str(error)) from error
        content = None if self.content is None else unsealed(self.content, self.seed)
        if content is None:
            raise ResultDamagedError(_DAMAGED)
        return content

    def _value_of(
        self, content: bytes | memoryview, main: ModuleType | None, serializer: Serializer | None
    ) -> Any:
        if self.serializer != PICKLE:
            return (serializer or serializer_named(self.serializer)).load(bytes(content))
        from headrace.history.pickles import (
            loads,
            read_pickle,
        )  # the pickle module is loaded only where it is needed

        return loads(content, main=main) if self.key is None else read_pickle(memoryview(content), main)
