"""Pickles with large buffers beside them: how values of any size are written to a file and read from its memory.

The pickle stands first, and alone if there are no such buffers. Behind it lie the buffers (the memory of arrays), each at a
multiple of 64 bytes, and at the end a table of their places. A buffer is written from the array's own memory, and an array
that is read lies in the file's.
"""

from __future__ import annotations

import pickle
from _pickle import Pickler
from struct import Struct
from typing import TYPE_CHECKING, Any

from headrace.history.result_store import StorageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pickle import PickleBuffer
    from types import ModuleType

    from headrace.history.result_store import Draft


PROTOCOL = 5

_MAGIC = b"HeadRace"  # a pickle alone ends in a full stop
_OUT_OF_BAND_FROM = 65_536
_ALIGNMENT = 64
_place = Struct("<QQ")
_tail = Struct("<Q8s")


def write_pickle(value: object, draft: Draft) -> None:
    """Write the value: by plain pickle, by cloudpickle if that fails. Raises what the latter, or the draft, raises."""
    try:
        _write(Pickler, value, draft)
    except StorageError:
        raise
    except Exception:
        from cloudpickle import Pickler as CloudPickler  # seldom needed, and slow to import

        draft.start_again()
        _write(CloudPickler, value, draft)


def _write(pickler: Callable[..., Any], value: object, draft: Draft) -> None:
    counted = _Counted(draft)
    buffers: list[PickleBuffer] = []

    def stays_within(buffer: PickleBuffer) -> bool:
        with buffer.raw() as memory:
            is_small = memory.nbytes < _OUT_OF_BAND_FROM
        if not is_small:
            buffers.append(buffer)
        return is_small

    pickler(counted, PROTOCOL, buffer_callback=stays_within).dump(value)
    if not buffers:
        return
    places = [(0, counted.size)]
    for buffer in buffers:
        counted.write(bytes(-counted.size % _ALIGNMENT))
        with buffer.raw() as memory:
            places.append((counted.size, memory.nbytes))
            counted.write(memory)
    for place in places:
        counted.write(_place.pack(*place))
    counted.write(_tail.pack(len(places), _MAGIC))


class _Counted:
    """A file for a pickler that knows its size."""

    def __init__(self, draft: Draft) -> None:
        self._draft = draft
        self.size = 0

    def write(self, data: Any) -> int:
        memory = memoryview(data)
        self._draft.write(memory)
        self.size += memory.nbytes
        return memory.nbytes


def read_pickle(memory: memoryview, main: ModuleType | None = None) -> Any:
    """The value that ``write_pickle`` wrote there; its arrays keep the memory. Raises what unpickling raises."""
    if memory[-len(_MAGIC) :] != _MAGIC:
        return loads(memory, main=main)
    count, _ = _tail.unpack(memory[-_tail.size :])
    table = memory[-_tail.size - count * _place.size : -_tail.size]
    (start, size), *places = _place.iter_unpack(table)
    buffers = [memory[begin : begin + length] for begin, length in places]
    return loads(memory[start : start + size], main=main, buffers=buffers)


def loads(pickled: Any, *, main: ModuleType | None = None, buffers: Any = ()) -> Any:
    """The value of a pickle. What its script called ``__main__`` is looked for in ``main``, too.

    >>> loads(pickle.dumps([1, 2]))
    [1, 2]
    """
    try:
        return pickle.loads(pickled, buffers=buffers)
    except AttributeError:  # few values need to look elsewhere, and that costs more
        if main is None:
            raise
        return _Unpickler(pickled, main, buffers).load()


class _Unpickler(pickle.Unpickler):
    def __init__(self, pickled: Any, main: ModuleType, buffers: Any) -> None:
        from io import BytesIO

        super().__init__(BytesIO(pickled), buffers=buffers)
        self._main = main

    def find_class(self, module: str, name: str) -> Any:
        try:
            return super().find_class(module, name)
        except AttributeError:
            if module != "__main__":
                raise
            found: Any = self._main
            for part in name.split("."):
                found = getattr(found, part)
            return found
