"""How the results of a task or flow are kept, where that is not the usual way: files, other serializers, not at all.

The usual way is ``dump_result``: a pickle of up to 1 MiB beside the run. A ``Keeping`` travels to remote workers, which
write large results themselves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from headrace.errors import MissingExtraError
from headrace.history.facts import PICKLE, Kept, StoredResult
from headrace.history.result_store import StorageError, open_store
from headrace.history.results import RESULT_LIMIT, TOO_LARGE, described, dump_result
from headrace.previews import preview

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from headrace.history.result_store import Draft
    from headrace.history.serializers import Serializer

    class KeepingOptions(Protocol):
        """A task or a flow."""

        @property
        def persist_result(self) -> bool | None:
            """``True`` for results of any size, ``False`` for none."""

        @property
        def result_serializer(self) -> Serializer | None:
            """What makes them bytes."""


NOT_WANTED = "not stored: persist_result=False"


class ResultPlace(NamedTuple):
    """Where the files of a history are. ``location`` is a folder or a URL; keys in rows begin with ``prefix``.

    ``fault`` says why nothing can be stored there, if that is so.
    """

    location: str
    prefix: str
    is_durable: bool
    fault: str | None = None


def make_place(location: str, prefix: str, *, is_durable: bool) -> ResultPlace:
    """The place, made if it is not there. Never raises."""
    fault = None
    try:
        open_store(location).prepare()
    except (StorageError, MissingExtraError) as error:
        fault = str(error)
    return ResultPlace(location, prefix, is_durable, fault)


class Keeping(NamedTuple):
    """How results are kept.

    ``persists``: ``True`` for files of what is larger than 1 MiB, ``False`` for nothing at all. ``serializer`` is ``None``
    for pickle. ``place`` is there where ``persists`` is ``True``.
    """

    persists: bool | None = None
    serializer: Serializer | None = None
    place: ResultPlace | None = None

    def narrowed(self, options: KeepingOptions, find_place: Callable[[], ResultPlace]) -> Keeping:
        """The same, but for what a task or flow has options of its own."""
        persists = self.persists if options.persist_result is None else options.persist_result
        serializer = options.result_serializer or self.serializer
        return Keeping(
            persists,
            None if serializer is not None and serializer.name == PICKLE else serializer,
            self.place or (find_place() if persists else None),
        )

    def keep(self, value: object, plain: StoredResult | None = None) -> StoredResult:
        """What the history is to have of the value. ``plain`` is what ``dump_result`` gave for it, if that is known.

        No value, and nothing that fails, makes this raise an ``Exception``: a note says what happened.
        """
        return self.keep_beside(value, plain) or self.keep_in_file(value)

    def keep_beside(self, value: object, plain: StoredResult | None = None) -> StoredResult | None:
        """The same for what needs no file; ``None`` for what does."""
        if self.persists is False:
            return StoredResult(None, preview(value), NOT_WANTED)
        if self.serializer is not None:
            return self._serialize(value, self.serializer)
        stored = dump_result(value) if plain is None else plain
        if not self.persists:
            return stored
        if stored.pickled is not None:
            return stored._replace(kept=Kept(overflow=self))
        return None if stored.note == TOO_LARGE else stored

    def keep_in_file(self, value: object) -> StoredResult:
        """The same in a file, however long writing it takes."""
        serializer = self.serializer
        if serializer is not None:
            return self._store(
                lambda draft: draft.write(serializer.dump(value)), serializer.name, preview(value)
            )
        from headrace.history.pickles import (
            write_pickle,
        )  # the pickle module is loaded only where it is needed

        return self._store(lambda draft: write_pickle(value, draft), PICKLE, preview(value))

    def keep_content(self, content: bytes, serializer: str, shown: str | None) -> StoredResult:
        """The same for bytes that have been made already."""
        return self._store(lambda draft: draft.write(content), serializer, shown)

    def _serialize(self, value: object, serializer: Serializer) -> StoredResult | None:
        try:
            content = bytes(serializer.dump(value))
        except Exception as error:
            return StoredResult(None, preview(value), _not_made(serializer.name, error))
        if len(content) <= RESULT_LIMIT:
            kept = Kept(serializer.name, content, size=len(content), overflow=self if self.persists else None)
            return StoredResult(None, preview(value), None, kept)
        return None if self.persists else StoredResult(None, preview(value), TOO_LARGE)

    def _store(self, fill: Callable[[Draft], None], serializer: str, shown: str | None) -> StoredResult:
        place = self.place
        assert place is not None
        if place.fault is not None:
            return StoredResult(None, shown, f"not stored: {place.fault}")
        try:
            file = open_store(place.location, is_durable=place.is_durable).write(fill, serializer)
        except (StorageError, MissingExtraError) as error:
            return StoredResult(None, shown, f"not stored: {error}")
        except Exception as error:
            return StoredResult(None, shown, _not_made(serializer, error))
        return StoredResult(None, shown, None, Kept(serializer, key=place.prefix + file.key, size=file.size))


def _not_made(serializer: str, error: Exception) -> str:
    how = "pickled" if serializer == PICKLE else f"serialized by {serializer!r}"
    return f"cannot be {how}: {described(error)}"
