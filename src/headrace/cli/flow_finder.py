"""Finds the flow that ``headrace run`` is asked for: in a file, or in a module.

A file is imported as a module, so its ``if __name__ == "__main__"`` block does not run. Nothing here runs a flow; what the
file itself calls outside of that block runs, but for flows whose workers would import the file, too.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
import traceback
from typing import TYPE_CHECKING, Any

from headrace.cli.safe_text import clip, safe
from headrace.errors import FlowNotFoundError, MissingMainGuardError
from headrace.flows import Flow
from headrace.task_runners.errand_reading import finding_flow
from headrace.tracebacks import describe

if TYPE_CHECKING:
    from types import ModuleType

_SHOWN = 10


def find_flow(target: str, *, root: str | None = None) -> Flow[..., Any]:
    """The flow of ``file.py``, ``file.py:flow``, ``package.module`` or ``package.module:flow``.

    It is named by its variable, or by the name it gives itself; it need not be named where there is only one. A module is
    looked for in the folder ``root`` before anywhere else.
    Raises ``FlowNotFoundError``, and ``MissingMainGuardError``; ``SystemExit`` of the user's code passes.
    """
    place, name = _split(target)
    if os.path.isdir(place) and not all(part.isidentifier() for part in place.split(".")):
        raise FlowNotFoundError(_is_folder(place))
    module = _load_file(place) if _is_file(place) else _load_module(place, root)
    return _pick(_flows_of(module), name, place)


def _split(target: str) -> tuple[str, str | None]:
    """Place and flow; a file may have a colon in its own name, or a drive's before it."""
    place, colon, name = target.rpartition(":")
    if not colon or os.path.isfile(target) or os.sep in name:
        return target, None
    if not place or not name:
        raise FlowNotFoundError(f"{target!r} names no flow. Write FILE:FLOW, such as flows.py:my_flow.")
    return place, name


def _is_file(place: str) -> bool:
    return place.endswith(".py") or os.sep in place or os.path.isfile(place)


def _load_file(place: str) -> ModuleType:
    path = os.path.abspath(place)
    if not os.path.isfile(path):
        raise FlowNotFoundError(
            f"{place} does not exist. Give the path of a Python file, or the name of a module."
        )
    _put_first_on_path(os.path.dirname(path))
    name = _module_name(path)
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise FlowNotFoundError(f"{place} is no Python file. Give one that ends with .py.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        with finding_flow:
            spec.loader.exec_module(module)
    except MissingMainGuardError:
        del sys.modules[name]
        raise
    except Exception as error:
        del sys.modules[name]
        raise FlowNotFoundError(_not_loaded(place, path, error, f"python {place}")) from error
    return module


def _module_name(path: str) -> str:
    """The name under which others would import the file, so that what it defines can be pickled by name."""
    name = os.path.splitext(os.path.basename(path))[0]
    return name if name.isidentifier() and name not in sys.modules else f"_headrace_{abs(hash(path)):x}"


def _load_module(place: str, root: str | None) -> ModuleType:
    _put_first_on_path(os.getcwd())
    if root is not None:
        _put_first_on_path(root)
    try:
        with finding_flow:
            module = importlib.import_module(place)
    except MissingMainGuardError:
        raise
    except Exception as error:
        if isinstance(error, ModuleNotFoundError) and error.name and f"{place}.".startswith(f"{error.name}."):
            message = f"There is no module {place!r}, and no file of that name. Give the path of a Python file, or of a module that can be imported from here."
            raise FlowNotFoundError(message) from error
        raise FlowNotFoundError(_not_loaded(place, None, error, f"python -c 'import {place}'")) from error
    if getattr(module, "__file__", None) is None and os.path.isdir(place):
        raise FlowNotFoundError(_is_folder(place))
    return module


def _is_folder(place: str) -> str:
    return f"{place} is a folder. Give the path of a Python file, or the name of a module."


def _put_first_on_path(folder: str) -> None:
    """As Python does with a script's folder: the script's neighbours can be imported."""
    if sys.path[:1] != [folder]:
        sys.path.insert(0, folder)


def _not_loaded(place: str, path: str | None, error: Exception, command: str) -> str:
    where = ""
    if isinstance(error, SyntaxError) and error.lineno:
        where = f"{error.filename}:{error.lineno}: "
    else:
        frames = [f for f in traceback.extract_tb(error.__traceback__) if not _is_machinery(f.filename)]
        own = [frame for frame in frames if path is None or frame.filename == path] or frames
        if own:
            where = f"{own[-1].filename}:{own[-1].lineno}: "
    reason = f"{type(error).__name__}: {error.msg}" if isinstance(error, SyntaxError) else describe(error)
    return f"{place} cannot be loaded. {where}{clip(safe(reason), 500)}. Correct it; `{command}` shows the whole traceback."


def _is_machinery(file: str) -> bool:
    return file.startswith("<frozen importlib") or file in (__file__, importlib.__file__)


def _flows_of(module: ModuleType) -> dict[str, Flow[..., Any]]:
    """The flows that the module defines, by variable; those that it only imports if it defines none."""
    found: dict[str, Flow[..., Any]] = {}
    for name, value in vars(module).items():
        if isinstance(value, Flow) and not any(value is other for other in found.values()):
            found[name] = value
    own = {name: flow for name, flow in found.items() if flow.__module__ == module.__name__}
    return own or found


def _pick(flows: dict[str, Flow[..., Any]], name: str | None, place: str) -> Flow[..., Any]:
    if not flows:
        raise FlowNotFoundError(f"{place} has no flow. Put @flow before the function that is to run.")
    if name is None:
        if len(flows) == 1:
            return next(iter(flows.values()))
        first = next(iter(flows))
        raise FlowNotFoundError(
            f"{place} has {len(flows)} flows: {_listed(flows)}. Say which one: headrace run {place}:{first}"
        )
    named = [flow for variable, flow in flows.items() if variable == name]
    named = named or [flow for flow in flows.values() if flow.name == name]
    if len(named) != 1:
        few = "no flow" if not named else f"{len(named)} flows"
        raise FlowNotFoundError(f"{place} has {few} called {name!r}. It has: {_listed(flows)}.")
    return named[0]


def _listed(flows: dict[str, Flow[..., Any]]) -> str:
    names = ", ".join(list(flows)[:_SHOWN])
    return f"{names}, …" if len(flows) > _SHOWN else names
