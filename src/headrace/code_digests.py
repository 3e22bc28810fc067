"""Code digests: whether a function still does what it did, told without running it.

Counted is what `bytecode.py` counts, and what the code works with: defaults, the values of its closure, and of its own
module the functions and classes that it names, with what these name in turn, and constants. What lies in other modules
counts by name.
"""

from __future__ import annotations

from contextlib import suppress
from types import FunctionType
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary
from zlib import adler32, crc32

from headrace.bytecode import encode_code, names_used

if TYPE_CHECKING:
    from collections.abc import Callable

_known: WeakKeyDictionary[Any, str] = WeakKeyDictionary()


def code_digest(function: Callable[..., Any]) -> str:
    """What a function does, as 32 hexadecimal digits: another text when its code, or a helper's, is another.

    File, lines, comments and docstrings do not count. Found out once for each function. Never raises: of what is not
    written in Python, the name counts.

    >>> code_digest(lambda x: x + 1) == code_digest(lambda x: x + 1)
    True
    >>> code_digest(lambda x: x + 1) == code_digest(lambda x: x + 2)
    False
    """
    try:
        return _known[function]
    except (KeyError, TypeError):
        pass
    digest = _digest(function)
    with suppress(TypeError):  # what cannot be hashed, or be pointed to weakly
        _known[function] = digest
    return digest


def _digest(function: Any) -> str:
    plain = _digest_of_plain(function)
    if plain is not None:
        return plain
    from headrace.stable_keys import Walk, stable_digest  # the simplest flows do without it

    try:
        return Walk("code", home=getattr(function, "__module__", None)).digest_of_code(function).hex()
    except Exception:  # what lets nobody look into it
        kind = type(function)
        return stable_digest(("code", kind.__module__, kind.__qualname__))


def _digest_of_plain(function: Any) -> str | None:
    """The digest of a function that works with nothing but its arguments; ``None`` of any other.

    Three checksums and the length: they need not withstand anyone, and take no library to load.
    """
    if type(function) is not FunctionType:
        return None
    if function.__defaults__ or function.__kwdefaults__ or function.__closure__:
        return None
    if not function.__globals__.keys().isdisjoint(names_used(function.__code__)):
        return None
    content = encode_code(function.__code__)
    return f"{crc32(content):08x}{crc32(content[::-1]):08x}{adler32(content):08x}{len(content):08x}"
