"""Whether a worker is just taking in what was sent to it: a module that is imported for that must call no flow."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING

from headrace.errors import MissingMainGuardError

if TYPE_CHECKING:
    from types import FrameType


class _Mark(threading.local):
    """Whether this thread unpickles what was sent to a worker, and imports the modules that are named there."""

    is_set = False

    def __enter__(self) -> None:
        self.is_set = True

    def __exit__(self, *_: object) -> None:
        self.is_set = False


reading_errand = _Mark()


def refuse_flow_of_imported_module(flow_name: str) -> None:
    """Raise ``MissingMainGuardError`` if a worker imports the module that calls this flow."""
    if reading_errand.is_set:
        place = ""
        frame: FrameType | None = sys._getframe()
        while frame is not None and frame.f_code.co_name != "<module>":
            frame = frame.f_back
        if frame is not None:
            place = f" ({frame.f_code.co_filename}, line {frame.f_lineno})"
        raise MissingMainGuardError(
            f"flow {flow_name!r} is called when its module is imported{place}, which each worker process does. Put the"
            f' call below `if __name__ == "__main__":`'
        )
