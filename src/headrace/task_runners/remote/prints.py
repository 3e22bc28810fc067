"""What tasks print in a worker process: whole lines, each at once, and the rest when the attempt ends."""

from __future__ import annotations

import sys
from contextlib import suppress


def print_line_by_line() -> None:
    """Let each line that tasks print be seen at once and in one piece, also in a file or pipe.

    A worker that is killed prints no more. Where Python is told to buffer nothing it writes lines in pieces, and those of
    several workers would get mixed up.
    """
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError, ValueError):  # somebody has replaced or closed it, or there is none
            stream.reconfigure(line_buffering=True, write_through=False)  # type: ignore[union-attr]


def print_what_is_left() -> None:
    """Write out a line that was begun and not ended: a worker process ends without doing so."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except Exception:  # noqa: S112 - there is none, it is closed, or it is of the user's making
            continue
