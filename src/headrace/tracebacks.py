"""Exceptions as text, and without the frames of the engine.

Nothing here trusts an exception of the user's: its ``__str__`` may raise.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from headrace.history.facts import Failure

if TYPE_CHECKING:
    from types import TracebackType

_HERE = os.path.dirname(os.path.abspath(__file__)) + os.sep
_LONGEST_MESSAGE = 2_000
_LONGEST_TRACEBACK = 20_000


def message_of(error: BaseException) -> str:
    """``str(error)``, bounded, and whatever that does."""
    try:
        text = str(error)
    except Exception as defect:
        text = f"<its __str__ raised {type(defect).__name__}>"
    return text if len(text) <= _LONGEST_MESSAGE else text[:_LONGEST_MESSAGE] + "…"


def describe(error: BaseException) -> str:
    """``Type: message`` in one line.

    >>> describe(ValueError("too small"))
    'ValueError: too small'
    """
    message = message_of(error)
    return f"{type(error).__name__}: {message}" if message else type(error).__name__


def failure_of(error: BaseException) -> Failure:
    """The exception as the history keeps it."""
    return Failure(type(error).__name__, message_of(error), format_traceback(error))


def format_traceback(error: BaseException, frames: TracebackType | None = None) -> str:
    """The traceback as Python would print it, bounded. ``frames`` stand in for the exception's own."""
    import traceback

    try:
        text = "".join(traceback.format_exception(type(error), error, frames or error.__traceback__))
    except Exception as defect:
        text = f"{describe(error)}\n<its traceback cannot be printed: {type(defect).__name__}>"
    if len(text) > _LONGEST_TRACEBACK:
        half = _LONGEST_TRACEBACK // 2
        text = f"{text[:half]}\n…\n{text[-half:]}"
    return text


def strip_engine_frames(error: BaseException) -> None:
    """Let the traceback begin where the user's code does."""
    first: TracebackType | None = error.__traceback__
    while first is not None and first.tb_frame.f_code.co_filename.startswith(_HERE):
        first = first.tb_next
    if first is not None:
        error.__traceback__ = first
