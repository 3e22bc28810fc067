"""Exceptions travel with their tracebacks, causes and notes. One that cannot is told in words."""

from __future__ import annotations

from contextlib import suppress
from functools import lru_cache
from itertools import islice
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple

from headrace.errors import TaskRunError
from headrace.task_runners.remote.pickling import dump, loads
from headrace.tracebacks import describe

if TYPE_CHECKING:
    from types import CodeType

_MOST_CAUSES = 8
_MOST_PLACES = 512
_UNKNOWN = -1
_NOWHERE = (None, None, None, None)

Place = tuple[str, str, str, int, int, int, int]
"""Where a frame stands: its file, function and module; the line, the last line, and from which column to which."""


class PackedError(NamedTuple):
    """An exception as it travels: its pickle, the frames of its traceback, and what it came from."""

    pickled: bytes
    frames: tuple[Place, ...]
    origin: PackedError | None
    is_cause: bool
    is_context_shown: bool


def pack_error(error: BaseException, depth: int = 0) -> PackedError:
    """The exception, pickled; if it cannot be, a ``TaskRunError`` that tells of it."""
    return pack_with_frames(error, error.__traceback__, depth)


def pack_with_frames(error: BaseException, frames: TracebackType | None, depth: int = 0) -> PackedError:
    """The same with these frames, or none, in the place of the exception's own."""
    origin = error.__cause__ or error.__context__
    packed_origin = pack_error(origin, depth + 1) if origin is not None and depth < _MOST_CAUSES else None
    return PackedError(
        _pickle(error),
        _pack_frames(frames),
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
    if packed.frames:
        with suppress(ValueError):  # of code that says it stood where none can stand
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


def _pack_frames(frames: TracebackType | None) -> tuple[Place, ...]:
    places = []
    while frames is not None:
        places.append(_place_of(frames))
        frames = frames.tb_next
    return tuple(places)


def _place_of(frame: TracebackType) -> Place:
    code = frame.tb_frame.f_code
    line = frame.tb_lineno or code.co_firstlineno
    instruction = max(frame.tb_lasti, 0) // 2
    first_line, end_line, column, end_column = next(islice(code.co_positions(), instruction, None), _NOWHERE)
    if first_line != line or end_line is None or column is None or end_column is None:
        end_line, column, end_column = line, _UNKNOWN, _UNKNOWN
    module = frame.tb_frame.f_globals.get("__name__", "")
    return code.co_filename, code.co_name, module, line, end_line, column, end_column


def _unpack_frames(places: tuple[Place, ...]) -> TracebackType | None:
    frames: TracebackType | None = None
    for place in reversed(places):
        made = _frame_at(place)
        frames = TracebackType(frames, made.tb_frame, made.tb_lasti, made.tb_lineno)
    return frames


def _frame_at(place: Place) -> TracebackType:
    """A frame that stands there: only the interpreter makes them, and it does so for code that raises."""
    try:
        exec(_code_at(place), {"__name__": place[2]})  # noqa: S102 - it is our own code
    except Exception as raised:
        frames = raised.__traceback__
        assert frames is not None
        assert frames.tb_next is not None
        return frames.tb_next
    raise AssertionError("it raises")


@lru_cache(_MOST_PLACES)
def _code_at(place: Place) -> CodeType:
    """Code that raises an exception at that place.

    Its tree is made and not parsed: the parser of Python 3.11 gives no tree to two threads at once.
    """
    import ast

    file, name, _, line, end_line, column, end_column = place
    at: dict[str, Any] = {
        "lineno": line,
        "end_lineno": end_line,
        "col_offset": column,
        "end_col_offset": end_column,
    }
    raising = ast.Raise(exc=ast.Name("Exception", ast.Load(), **at), **at)
    return compile(ast.Module([raising], []), file, "exec").replace(co_name=name)
