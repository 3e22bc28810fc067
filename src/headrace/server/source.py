"""Where the page's facts come from: lends readers of one history, which may not be there yet, and may be replaced.

A reader is opened when it is asked for and closed afterwards. That takes a fraction of a millisecond, and nothing is held
open while nobody looks: a history can be restored or deleted under a server that runs.
"""

from __future__ import annotations

import os
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from headrace.errors import HistoryError
from headrace.history.database import IN_MEMORY, has_content, open_database, resolve
from headrace.history.reader import Reader
from headrace.history.rescuer import rescue_at

if TYPE_CHECKING:
    from collections.abc import Iterator

_RESCUE_SECONDS = 1.0


class Source:
    """The history at ``location``, a path. Looking makes nothing: where there is none yet, it is shown as empty."""

    def __init__(self, location: str) -> None:
        self.location = location
        self._looked_for_gone = float("-inf")

    @contextmanager
    def reader(self) -> Iterator[Reader]:
        """A reader for the time of a ``with`` block, in which nothing is under way by a process that is gone.

        Raises ``HistoryError``.
        """
        with self.open() as reader:
            self.rescue(reader)
            yield reader

    def open(self) -> Reader:
        """A reader to keep and to close. Raises ``HistoryError``."""
        path = resolve(self.location)
        if os.path.exists(path) and has_content(path):
            return Reader.open(path)
        return Reader(self.location, open_database(IN_MEMORY).connection)

    def rescue(self, reader: Reader) -> None:
        """Ends Crashed what processes that are gone have left under way. Looks for that once a second at most."""
        now = time.monotonic()
        if now < self._looked_for_gone + _RESCUE_SECONDS:
            return
        self._looked_for_gone = now
        if reader.has_abandoned_runs():
            with suppress(HistoryError):  # where nobody may write, it is shown as it is recorded
                rescue_at(self.location)
