"""Which history a process writes to: the one of the settings, or the one that a test puts in its place.

SQLite is loaded when the first one is opened.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from headrace import settings

if TYPE_CHECKING:
    from headrace.history.journal import History

_opening = threading.Lock()
_default: History | None = None
_replacements: list[History] = []


def default_history() -> History:
    """The history of this process, opened at the first call. A forked child continues with a connection of its own.

    Raises ``HistoryError`` when it cannot be opened, ``SettingsError`` when its place is no place.
    """
    global _default
    if _replacements:
        return _replacements[-1]
    if _default is None:
        with _opening:
            if _default is None:
                from headrace.history.journal import History

                _default = History.open(settings.database())
    return _default


class use_history:
    """``with use_history(history):`` has it stand in for the default one, in every thread."""

    def __init__(self, history: History) -> None:
        self._history = history

    def __enter__(self) -> History:
        _replacements.append(self._history)
        return self._history

    def __exit__(self, *_: object) -> None:
        _replacements.remove(self._history)
