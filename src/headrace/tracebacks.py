"""Exceptions as text, and without the frames of the engine.

Nothing here trusts an exception of the user's: its ``__str__`` may raise.
"""

from __future__ import annotations

import os
from itertools import pairwise
from typing import TYPE_CHECKING

from headrace.errors import HeadraceError
from headrace.history.facts import Failure

if TYPE_CHECKING:
    from types import TracebackType

_HERE = os.path.dirname(os.path.abspath(__file__)) + os.sep
_FOR_TESTS = os.path.join(_HERE, "testing", "")
_LONGEST_MESSAGE = 2_000
_LONGEST_TRACEBACK = 20_000
_MOST_STACKS = 128
_SHOWN_IN_A_WAY_OF_THEIR_OWN = (BaseExceptionGroup, SyntaxError, NameError, AttributeError, ImportError)

_stacks: dict[tuple[object, ...], str] = {}
"""The text of stacks by their places in the code: to look up each line and what to underline takes long."""


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


def format_traceback(error: BaseException) -> str:
    """The traceback as Python would print it, bounded."""
    return format_with_frames(error, error.__traceback__)


def format_with_frames(error: BaseException, frames: TracebackType | None) -> str:
    """The same with these frames, or none, in the place of the exception's own."""
    import traceback

    try:
        text = _format_plainly(error, frames)
        if text is None:
            text = "".join(traceback.format_exception(type(error), error, frames))
    except Exception as defect:
        text = f"{describe(error)}\n<its traceback cannot be printed: {type(defect).__name__}>"
    if len(text) > _LONGEST_TRACEBACK:
        half = _LONGEST_TRACEBACK // 2
        text = f"{text[:half]}\n…\n{text[-half:]}"
    return text


def _format_plainly(error: BaseException, frames: TracebackType | None) -> str | None:
    """The same text at a fraction of the time, where a thousand task runs fail in one place.

    ``None`` for what Python shows in a way of its own: groups, chains, and errors that come with suggestions.
    """
    import traceback

    is_chained = error.__cause__ is not None or (
        error.__context__ is not None and not error.__suppress_context__
    )
    if frames is None or is_chained or isinstance(error, _SHOWN_IN_A_WAY_OF_THEIR_OWN):
        return None
    return _format_stack(frames) + "".join(traceback.format_exception_only(type(error), error))


def _format_stack(frames: TracebackType) -> str:
    place: list[object] = []
    frame: TracebackType | None = frames
    while frame is not None:
        code = frame.tb_frame.f_code
        place += (code, code.co_filename, frame.tb_lasti)  # code of two files may be equal
        frame = frame.tb_next
    key = tuple(place)
    text = _stacks.get(key)
    if text is None:
        import traceback

        text = "".join(("Traceback (most recent call last):\n", *traceback.extract_tb(frames).format()))
        if len(_stacks) >= _MOST_STACKS:
            _stacks.clear()
        _stacks[key] = text
    return text


def strip_engine_frames(error: BaseException) -> None:
    """Leave the engine's frames out of the traceback, and out of those of its causes.

    What is no exception of the engine's, and came up there, may be a defect: the frames at the end stay.
    """
    left = [error]
    seen: set[int] = set()
    while left:
        raised = left.pop()
        if id(raised) not in seen:
            seen.add(id(raised))
            _strip(raised)
            origins = (raised.__cause__, raised.__context__, *getattr(raised, "exceptions", ()))
            left += [origin for origin in origins if isinstance(origin, BaseException)]


def _strip(error: BaseException) -> None:
    frames: list[TracebackType] = []
    frame = error.__traceback__
    while frame is not None:
        frames.append(frame)
        frame = frame.tb_next
    end = len(frames)
    if isinstance(error, Exception) and not isinstance(error, HeadraceError | TimeoutError):
        while end and _is_ours(frames[end - 1]):
            end -= 1
        if not end:
            return
    shown = [*[frame for frame in frames[:end] if not _is_ours(frame)], *frames[end:]]
    if len(shown) < len(frames):
        for frame, following in pairwise([*shown, None]):
            frame.tb_next = following  # type: ignore[union-attr]  # only the last is none
        error.__traceback__ = shown[0] if shown else None


def hide_engine_frames(error: BaseException) -> None:
    """The same, and no frame at all where none is the user's: who calls Headrace sees where they called it."""
    strip_engine_frames(error)
    if error.__traceback__ is not None and _is_ours(error.__traceback__):
        error.__traceback__ = None


def _is_ours(frame: TracebackType) -> bool:
    file = frame.tb_frame.f_code.co_filename
    return file.startswith(_HERE) and not file.startswith(_FOR_TESTS)
