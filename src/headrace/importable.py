"""Whether others can import a thing by its name: then it travels by that to other processes, else whole."""

from __future__ import annotations

import sys
from typing import Any


def leads_to(module: str | None, name: str) -> Any:
    """What others who import that module find under that dotted name; ``None`` if they cannot, or find nothing.

    A script's own names cannot be imported, nor those of a module that was registered with cloudpickle to travel whole,
    by itself or with its package.

    >>> leads_to("json", "JSONDecoder.decode").__name__, leads_to("__main__", "whatever")
    ('decode', None)
    """
    if module is None or module in {"__main__", "__mp_main__"} or module not in sys.modules:
        return None
    cloudpickle = sys.modules.get("cloudpickle")
    if cloudpickle is not None and any(
        f"{module}.".startswith(f"{package}.") for package in cloudpickle.list_registry_pickle_by_value()
    ):
        return None
    found: Any = sys.modules[module]
    for part in name.split("."):
        found = getattr(found, part, None)
    return found


def found_by_name(module: str, name: str) -> Any:
    """What stands under a dotted name in a module, which is imported if need be.

    >>> found_by_name("json", "JSONDecoder.decode").__name__
    'decode'
    """
    from importlib import import_module

    found: Any = import_module(module)
    for part in name.split("."):
        found = getattr(found, part)
    return found
