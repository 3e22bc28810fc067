"""Exceptions travel with their tracebacks, causes and notes. One that cannot is told in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from headrace.errors import TaskRunError
from headrace.task_runners.remote.pickling import dump, loads
from headrace.tracebacks import describe

if TYPE_CHECKING:
    from types import TracebackType

_MOST_CAUSES = 8


class PackedError(NamedTuple):
    """An exception as it travels: its pickle, the frames of its traceback, and what it came from."""

    pickled: bytes
    frames: dict[str, Any] | None
    origin: PackedError | None
    is_cause: bool
    is_context_shown: bool


def pack_error(error: BaseException, depth: int = 0) -> PackedError:
    """The exception, pickled; if it cannot be, a ``TaskRunError`` that tells of it."""
    origin = error.__cause__ or error.__context__
    packed_origin = pack_error(origin, depth + 1) if origin is not None and depth < _MOST_CAUSES else None
    return PackedError(
        _pickle(error),
        _pack_frames(error.__traceback__),
        packed_origin,
        error.__cause__ is not None,
        not error.__suppress_context__,
    )


def unpack_error(packed: PackedError) -> BaseException:
    """The exception, as far as it travels."""
    try:
        error: BaseException = loads(packed.pickled)
    except Exception as defect:
        error = TaskRunError(
            f"the task raised an exception that cannot be unpickled here: {describe(defect)}"
        )
    if packed.frames is not None:
        error = error.with_traceback(_unpack_frames(packed.frames))
    if packed.origin is not None:
        origin = unpack_error(PackedError(*packed.origin))
        if packed.is_cause:
            error.__cause__ = origin
        else:
            error.__context__ = origin
            error.__suppress_context__ = not packed.is_context_shown
    return error


def _pickle(error: BaseException) -> bytes:
    try:
        pickled = dump(error)
        loads(pickled)  # an exception whose constructor asks for more than its args fails only here
    except Exception:
        told = TaskRunError(f"the task raised {describe(error)}; that exception itself cannot be pickled")
        return dump(told)
    return pickled


def _pack_frames(frames: TracebackType | None) -> dict[str, Any] | None:
    from tblib import Traceback

    return None if frames is None else Traceback(frames).to_dict()


def _unpack_frames(frames: dict[str, Any]) -> TracebackType | None:
    from tblib import Traceback

    return Traceback.from_dict(frames).as_traceback()  # type: ignore[no-any-return]
