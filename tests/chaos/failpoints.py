"""Where a process can be killed: just before, amid and just after each commit, rename, pickle and send.

The source knows nothing of it: the functions that do these things are wrapped from outside, in the child only.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import sys
from collections import Counter
from functools import wraps
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

DEEDS = ("commit", "rename", "pickle", "send")
MOMENTS = ("before", "amid", "after")


class Failpoint(NamedTuple):
    """``moment`` is ``"amid"`` where somebody else kills, as soon as told that the deed is about to begin."""

    moment: str
    deed: str
    crossing: int

    def __str__(self) -> str:
        return f"{self.moment} a {self.deed}"


class Failpoints:
    """Counts deeds, and ends the process at one of them. ``call_killer`` tells somebody else to do so."""

    def __init__(self, chosen: Failpoint | None, call_killer: Callable[[], object]) -> None:
        self.crossings: Counter[str] = Counter()
        self._chosen = chosen
        self._call_killer = call_killer
        self._counting = Lock()

    def wrap(self, deed: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, with a failpoint before and after it."""

        @wraps(function)
        def with_failpoints(*args: Any, **kwargs: Any) -> Any:
            with self._counting:
                self.crossings[deed] += 1
                number = self.crossings[deed]
            self._reach("before", deed, number)
            try:
                return function(*args, **kwargs)
            finally:
                self._reach("after", deed, number)

        return with_failpoints

    def install(self) -> None:
        """Wrap what this process does from now on."""
        from headrace.history import results
        from headrace.task_runners.process_channel import Channel

        commit = self.wrap("commit", sqlite3.Connection.execute)

        class Connection(sqlite3.Connection):
            def execute(self, sql: str, *parameters: Any) -> sqlite3.Cursor:
                how = commit if sql == "COMMIT" else sqlite3.Connection.execute
                return how(self, sql, *parameters)

        connect = sqlite3.connect
        sqlite3.connect = lambda *args, **options: connect(*args, factory=Connection, **options)  # type: ignore[assignment]
        os.replace = self.wrap("rename", os.replace)
        plain, dump = results.dump_result, self.wrap("pickle", results.dump_result)
        for module in list(sys.modules.values()):
            if getattr(module, "__dict__", {}).get("dump_result") is plain:
                module.dump_result = dump  # type: ignore[attr-defined]
        Channel.send = self.wrap("send", Channel.send)  # type: ignore[method-assign]

    def _reach(self, moment: str, deed: str, number: int) -> None:
        chosen = self._chosen
        if chosen is None or (chosen.deed, chosen.crossing) != (deed, number):
            return
        if chosen.moment == moment:
            os.kill(os.getpid(), signal.SIGKILL)
        elif chosen.moment == "amid" and moment == "before":
            self._call_killer()
