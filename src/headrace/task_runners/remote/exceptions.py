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
        error = _unpickle(packed.pickled)
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
    told = TaskRunError(f"the task raised {describe(error)}; that exception itself cannot be pickled")
    parts = _Parts(type(error), error.args, dict(error.__dict__))
    return _pickle_if_it_comes_back(error) or _pickle_if_it_comes_back(parts) or dump(told)


def _pickle_if_it_comes_back(value: Any) -> bytes | None:
    """Its pickle, if that can be unpickled: an exception whose constructor asks for more than its args fails only there."""
    try:
        pickled = dump(value)
        _unpickle(pickled)
    except Exception:
        return None
    return pickled


class _Parts(NamedTuple):
    """An exception that its constructor cannot make again."""

    kind: type[BaseException]
    args: tuple[Any, ...]
    attributes: dict[str, Any]


def _unpickle(pickled: bytes) -> BaseException:
    found: Any = loads(pickled)
    if not isinstance(found, _Parts):
        return found  # type: ignore[no-any-return]
    error = found.kind.__new__(found.kind)
    error.args = found.args
    error.__dict__.update(found.attributes)
    return error


def _pack_frames(frames: TracebackType | None) -> dict[str, Any] | None:
    from tblib import Traceback

    return None if frames is None else Traceback(frames).to_dict()


def _unpack_frames(frames: dict[str, Any]) -> TracebackType | None:
    from tblib import Traceback

    return Traceback.from_dict(frames).as_traceback()  # type: ignore[no-any-return]
