"""How the results of a task or flow are kept, where that is not the usual way: files, other serializers, not at all.

The usual way is ``dump_result``: a pickle of up to 1 MiB beside the run. A ``Keeping`` travels to remote workers, which
write large results themselves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from headrace.history.facts import PICKLE, Kept, StoredResult
from headrace.history.result_store import StorageError, open_store
from headrace.history.results import RESULT_LIMIT, TOO_LARGE, described, dump_result
from headrace.previews import preview

if TYPE_CHECKING:
    from headrace.history.serializers import Serializer

NOT_WANTED = "not stored: persist_result=False"


class Keeping(NamedTuple):
    """How results are kept.

    ``persists``: ``True`` for files of what is larger than 1 MiB, ``False`` for nothing at all. ``serializer`` is ``None``
    for pickle. ``location`` is the store for files; keys begin with ``prefix``, which is empty in the history's own place.
    """

    persists: bool | None = None
    serializer: Serializer | None = None
    location: str = ""
    prefix: str = ""
    is_durable: bool = False

    def keep(self, value: object, plain: StoredResult | None = None) -> StoredResult:
        """What the history is to have of the value. ``plain`` is what ``dump_result`` gave for it, if that is known.

        No value, and nothing that fails, makes this raise an ``Exception``: a note says what happened.
        """
        if self.persists is False:
            return StoredResult(None, preview(value), NOT_WANTED)
        if self.serializer is not None:
            return self._serialize(value, self.serializer)
        stored = dump_result(value) if plain is None else plain
        if not self.persists:
            return stored
        if stored.pickled is not None:
            return stored._replace(kept=Kept(overflow=self))
        return self._write(value, stored.preview) if stored.note == TOO_LARGE else stored

    def keep_content(self, content: bytes, serializer: str, shown: str | None) -> StoredResult:
        """The same for bytes that are made already, in a file."""
        return self._store(lambda draft: draft.write(content), serializer, shown)

    def _serialize(self, value: object, serializer: Serializer) -> StoredResult:
        shown = preview(value)
        try:
            content = bytes(serializer.dump(value))
        except Exception as error:
            return StoredResult(
                None, shown, f"cannot be serialized by {serializer.name!r}: {described(error)}"
            )
        if len(content) <= RESULT_LIMIT:
            overflow = self if self.persists else None
            return StoredResult(
                None, shown, None, Kept(serializer.name, content, size=len(content), overflow=overflow)
            )
        if not self.persists:
            return StoredResult(None, shown, TOO_LARGE)
        return self.keep_content(content, serializer.name, shown)

    def _write(self, value: object, shown: str | None) -> StoredResult:
        from headrace.history.pickles import (
            write_pickle,
        )  # the pickle module is loaded only where it is needed

        return self._store(lambda draft: write_pickle(value, draft), PICKLE, shown)

    def _store(self, fill: Any, serializer: str, shown: str | None) -> StoredResult:
        try:
            file = open_store(self.location, is_durable=self.is_durable).write(fill, serializer)
        except StorageError as error:
            return StoredResult(None, shown, f"not stored: {error}")
        except Exception as error:
            return StoredResult(None, shown, f"cannot be pickled: {described(error)}")
        return StoredResult(None, shown, None, Kept(serializer, key=self.prefix + file.key, size=file.size))


def dump_arguments(arguments: object, keeping: Keeping | None = None) -> StoredResult:
    """What the history is to have of a flow's arguments: their pickle up to 1 MiB, else a file if results are persisted.

    >>> dump_arguments({"month": 2}).pickled is not None
    True
    """
    stored = dump_result(arguments)
    if keeping is None or not keeping.persists:
        return stored
    return keeping._replace(serializer=None).keep(arguments, stored)
