"""Whether a module is just imported that must call no flow: by a worker that takes in what was sent, or to find a flow in it."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING

from headrace.errors import MissingMainGuardError

if TYPE_CHECKING:
    from types import FrameType


class _Mark(threading.local):
    """Whether this thread does it, and imports modules for that."""

    is_set = False

    def __enter__(self) -> None:
        self.is_set = True

    def __exit__(self, *_: object) -> None:
        self.is_set = False


reading_errand = _Mark()
"""A worker unpickles what was sent to it."""
finding_flow = _Mark()
"""A command looks for the flow that it is to run."""


def refuse_flow_of_imported_module(flow_name: str, *, has_workers: bool) -> None:
    """Raise ``MissingMainGuardError`` if the module that calls this flow is imported by a worker, or would be.

    ``has_workers``: the flow's tasks are executed in other processes, which import what they are sent.
    """
    if reading_errand.is_set or (has_workers and finding_flow.is_set):
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
