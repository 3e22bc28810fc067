"""REMEMBER: the history of all runs, one SQLite file with one writer thread a process.

The driver hands over facts; readers open connections of their own. SQLite is loaded on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headrace.history.current import default_history, use_history

if TYPE_CHECKING:
    from headrace.history.journal import History
    from headrace.history.reader import Reader

__all__ = ["History", "Reader", "default_history", "use_history"]


def __getattr__(name: str) -> Any:
    if name == "History":
        from headrace.history.journal import History

        return History
    if name == "Reader":
        from headrace.history.reader import Reader

        return Reader
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
