"""Notices which flow runs have changed, whoever changed them: looks into the history's file, when it is told to look.

While nobody has written, a look is one `PRAGMA data_version`. After somebody has, it compares where the runs stand that have not
ended, and the newest others, with what was seen before. Runs that ended long ago change only by being resumed, and are
then under way, or by being deleted, which their number tells.
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, NamedTuple

from headrace.errors import HistoryError
from headrace.history.database import resolve
from headrace.history.giving_way import is_to_give_way
from headrace.history.watching import (
    count_flow_runs,
    last_log,
    list_live_runs,
    list_new_logs,
    list_standings,
)

if TYPE_CHECKING:
    from headrace.history.reader import Reader
    from headrace.history.watching import LiveRun, Standing
    from headrace.server.source import Source

NEWEST = 500
_MAX_RUNS = 200


class Change(NamedTuple):
    """What has become of which flow runs: those that are new or have changed as they are now, and the ids of deleted ones.

    Of a ``total`` change nothing is told but that all may be different: another history, or too much at once.
    """

    runs: tuple[LiveRun, ...] = ()
    deleted: tuple[str, ...] = ()
    is_total: bool = False


TOTAL = Change(is_total=True)


class Watch:
    """What was seen of a history. Any thread may use it."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._lock = threading.Lock()
        self._reader: Reader | None = None
        self._file: tuple[int, int] | None = None
        self._version = -1
        self._memory: _Memory | None = None
        self._has_looked = False

    def look(self) -> Change | None:
        """What has changed since the last look; ``None``: nothing. The first look sees, and tells nothing."""
        with self._lock:
            try:
                return self._look()
            except HistoryError:  # of this moment: the API tells of it, and the next look begins anew
                self._memory = None
                self._close()
                return None
            finally:
                self._has_looked = True

    def rest(self) -> None:
        """Lets go of the file, and keeps in mind what was seen."""
        with self._lock:
            self._close()

    def _look(self) -> Change | None:
        if is_to_give_way(resolve(self._source.location)):
            self._close()
            return None
        file = _identity(self._source.location)
        if file != self._file:
            self._memory = None
            self._close()
        if self._reader is None:
            self._reader = self._source.open()
            self._file = file
        self._source.rescue(self._reader)
        version = self._reader.data_version()
        if version == self._version:
            return None
        self._version = version
        if self._memory is not None:
            return self._memory.compare(self._reader)
        self._memory = _Memory(self._reader)
        return TOTAL if self._has_looked else None

    def _close(self) -> None:
        if self._reader is not None:
            self._reader.close()
            self._reader = None
        self._version = -1


class _Memory:
    """The flow runs of one history as they were seen last."""

    def __init__(self, reader: Reader) -> None:
        self._ids = _ids(reader)
        self._last_log = last_log(reader)
        self._standings = list_standings(reader, newest=NEWEST)
        self._under_way = list_live_runs(reader, _not_ended(self._standings))

    def compare(self, reader: Reader) -> Change | None:
        """How they are now, and what is different."""
        standings = list_standings(reader, newest=NEWEST)
        new_logs = list_new_logs(reader, after=self._last_log)
        self._last_log = max([self._last_log, *new_logs.values()])
        in_question = {
            key for key, standing in standings.items()
            if standing.ended_us is None or standing != self._standings.get(key)
        } | self._under_way.keys() | new_logs.keys()  # fmt: skip
        runs = list_live_runs(reader, in_question)
        changed = [run for key, run in runs.items() if run != self._under_way.get(key)]
        deleted, has_missed_some = self._forget_deleted(reader, standings)
        self._standings = standings
        self._under_way = {key: run for key, run in runs.items() if run.summary.ended_us is None}
        if has_missed_some or len(changed) + len(deleted) > _MAX_RUNS:
            return TOTAL
        return Change(tuple(changed), tuple(deleted)) if changed or deleted else None

    def _forget_deleted(self, reader: Reader, standings: dict[int, Standing]) -> tuple[list[str], bool]:
        """The ids of runs that are gone, and whether there are more new ones than were looked at.

        The key of a deleted run may belong to a new one already: then the ids differ.
        """
        seen = self._ids
        replaced = [
            seen[key] for key, standing in standings.items() if seen.get(key, standing.id) != standing.id
        ]
        seen.update({key: standing.id for key, standing in standings.items()})
        if len(seen) == count_flow_runs(reader):
            return replaced, False
        self._ids = _ids(reader)
        gone = [id for key, id in seen.items() if key not in self._ids]
        return replaced + gone, not self._ids.keys() <= seen.keys()


def _ids(reader: Reader) -> dict[int, str]:
    return {run.key: run.id for run in reader.run_names()}


def _not_ended(standings: dict[int, Standing]) -> list[int]:
    return [key for key, standing in standings.items() if standing.ended_us is None]


def _identity(location: str) -> tuple[int, int] | None:
    """Which file has the name of the history now; ``None``: none that has something in it."""
    try:
        status = os.stat(resolve(location))
    except OSError:
        return None
    return (status.st_dev, status.st_ino) if status.st_size else None
