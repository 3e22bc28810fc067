"""Deeds: what is to be decided within a transaction of the writer, among facts, by somebody who then goes on by the answer.

Claims that several processes compete for are of this kind.
"""

from __future__ import annotations

import logging
import sqlite3
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from headrace.history.writer import Writer

_logger = logging.getLogger("headrace.history")


class Deed:
    """``work`` within the transaction, and ``then``, given its answer, after that. ``is_committed`` is set in between."""

    __slots__ = ("_answer", "_then", "_work", "is_committed")

    def __init__(self, work: Callable[[Writer], Any], then: Callable[[Any], None]) -> None:
        self._work = work
        self._then = then
        self._answer: Any = None
        self.is_committed = False

    def do(self, writer: Writer) -> None:
        """Do the work. What SQLite says goes to the writer; what else is raised concerns nobody but whoever asked."""
        try:
            self._answer = self._work(writer)
        except sqlite3.Error:
            raise
        except Exception:
            self._answer = None
            _logger.exception("What was to be done within a transaction raised")

    def callback(self) -> None:
        """Give the answer."""
        try:
            self._then(self._answer if self.is_committed else None)
        except Exception:
            _logger.exception("Who asked for something to be done within a transaction raised when it was")
