"""Deletes the files of results to which no run refers any more.

Equal results of several runs are one file. So a file goes when the last run that refers to it has gone; and since it is
written before its row is, a young one stays while some run is under way.
"""

from __future__ import annotations

import json
import logging
import time
from collections import defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

from headrace import settings
from headrace.errors import HeadraceError
from headrace.history.result_store import StorageError, open_store, results_home, whereabouts
from headrace.history.statements import statement

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from headrace.history.database import Database

_YOUNG_SECONDS = 3600.0
"""A file that is younger may belong to a row that is still unwritten."""

_CLOCK_SECONDS = 0.05
"""So much the times of files may lag behind the clock."""

_logger = logging.getLogger("headrace.history")


class Freed(NamedTuple):
    """What was deleted."""

    files: int = 0
    bytes: int = 0

    def and_also(self, other: Freed) -> Freed:
        """Both together."""
        return Freed(self.files + other.files, self.bytes + other.bytes)


class ResultFiles:
    """The files of the history that is open there. A place that cannot be used is logged, and raises nothing."""

    def __init__(self, database: Database) -> None:
        self._connection = database.connection
        self._identity: str = self._one("get_identity")
        self._home = results_home(database.path, self._identity)

    def delete_unreferenced(self, keys: Iterable[str]) -> Freed:
        """Deletes those of the files to which no row refers. The keys are as rows have them."""
        by_location: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
        for key in keys:
            location, name = whereabouts(key, self._home)
            by_location[location, key.removesuffix(name)].append(name)
        return self._delete(by_location)

    def sweep(self) -> Freed:
        """Deletes whatever is in the history's folders and in no row: what a killed process or an earlier deletion left."""
        by_location: dict[tuple[str, str], list[str]] = {}
        for location, prefix in self._places():
            try:
                by_location[location, prefix] = [file.key for file in open_store(location).list()]
            except (StorageError, HeadraceError, OSError) as error:
                _logger.warning("The files of results at %s cannot be listed: %s", location, error)
        return self._delete(by_location)

    def _places(self) -> list[tuple[str, str]]:
        """The history's own folders: where they are, and how keys of rows begin."""
        base = settings.results()
        places = [(self._home, "")]
        if base is not None:
            places.append((f"{base}/{self._identity}", f"{base}/{self._identity}/"))
        return places

    def _delete(self, names: Mapping[tuple[str, str], list[str]]) -> Freed:
        """Deletes those of them to which no row refers.

        Invariant: what is written from here on stays, and so does what a run that is under way has written. The moment
        is taken first, then it is asked whether any run is under way, then who refers to what.
        """
        written_before = time.time() - _CLOCK_SECONDS
        if self._one("has_unfinished_runs"):
            written_before -= _YOUNG_SECONDS
        freed = Freed()
        for (location, prefix), of_location in names.items():
            referenced = self._referenced([prefix + name for name in of_location])
            doomed = [name for name in of_location if prefix + name not in referenced]
            try:
                freed = freed.and_also(
                    Freed(*open_store(location).delete(doomed, written_before=written_before))
                )
            except (StorageError, HeadraceError, OSError) as error:
                _logger.warning("Files of results at %s cannot be deleted: %s", location, error)
        return freed

    def _referenced(self, keys: list[str]) -> set[str]:
        rows = self._connection.execute(statement("list_referenced_files"), {"keys": json.dumps(keys)})
        return {key for (key,) in rows}

    def _one(self, name: str) -> Any:
        return self._connection.execute(statement(name)).fetchone()[0]
