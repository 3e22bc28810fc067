"""How functions, arguments and values travel: as cloudpickle does it, with room for tasks and local modules.

A function or class that can be imported travels by its name, everything else whole. Where a worker turned out not to
find a module of the user's, that module's functions and classes travel whole from then on, too.
"""

from __future__ import annotations

import sys
from _pickle import dumps as dump_plainly, loads
from io import BytesIO
from threading import Lock
from types import CodeType, FunctionType, MethodType
from typing import TYPE_CHECKING, Any

import cloudpickle

from headrace.history.results import PROTOCOL, is_small
from headrace.importable import found_by_name, leads_to

if TYPE_CHECKING:
    from collections.abc import Callable
    from pickle import PickleBuffer
    from types import ModuleType

__all__ = ["ModuleNames", "dump", "dump_apart", "loads", "name_what_cannot_travel"]

ModuleNames = frozenset[str]

_APART_FROM = 65536
_registering = Lock()


def dump(value: object, by_value: ModuleNames = frozenset()) -> bytes:
    """The value's pickle; what stands in the named modules is in it whole. Raises what the value's pickling raises."""
    if is_small(value):
        return dump_plainly(value, PROTOCOL)
    if not by_value:
        return _dump(value)
    with _registering:
        registered = [_register(sys.modules[name]) for name in by_value if name in sys.modules]
        try:
            return _dump(value)
        finally:
            for module in registered:
                if module is not None:
                    cloudpickle.unregister_pickle_by_value(module)


def dump_apart(value: object) -> tuple[bytes, list[PickleBuffer]]:
    """The value's pickle without the memory of its large arrays, and that memory. Raises what its pickling raises."""
    apart: list[PickleBuffer] = []

    def stays_within(buffer: PickleBuffer) -> bool:
        if memoryview(buffer).nbytes < _APART_FROM:
            return True
        apart.append(buffer)
        return False

    within = BytesIO()
    _Pickler(within, PROTOCOL, buffer_callback=stays_within).dump(value)
    return within.getvalue(), apart


def name_what_cannot_travel(values: dict[str, Any], by_value: ModuleNames) -> tuple[str, Exception] | None:
    """The name of the first of these values that cannot be pickled, and why."""
    for name, value in values.items():
        try:
            dump(value, by_value)
        except Exception as error:
            return name, error
    return None


def function_of_task(module: str, name: str) -> Any:
    """The function of the task of that name, on the other side."""
    return found_by_name(module, name).fn


def code_of_file(file: str, make: Callable[..., CodeType], parts: tuple[Any, ...]) -> CodeType:
    """The code, on the other side, with the file that its tracebacks are to name: cloudpickle leaves that out."""
    return make(*parts).replace(co_filename=file)


def _dump(value: object) -> bytes:
    buffer = BytesIO()
    _Pickler(buffer, PROTOCOL).dump(value)
    return buffer.getvalue()


def _register(module: ModuleType) -> ModuleType | None:
    if module.__name__ in cloudpickle.list_registry_pickle_by_value():
        return None
    cloudpickle.register_pickle_by_value(module)
    return module


class _Pickler(cloudpickle.Pickler):  # type: ignore[misc]  # which has no types
    def reducer_override(self, obj: Any) -> Any:
        if type(obj) is MethodType:  # by its name a task would be found
            return MethodType, (obj.__func__, obj.__self__)
        if type(obj) is FunctionType and _fn(leads_to(obj.__module__, obj.__qualname__)) is obj:
            return function_of_task, (obj.__module__, obj.__qualname__)
        if type(obj) is CodeType:
            return code_of_file, (obj.co_filename, *self.dispatch_table[CodeType](obj))
        return super().reducer_override(obj)


def _fn(found: Any) -> Any:
    """The function of a task, if it is one."""
    return getattr(found, "fn", None)
