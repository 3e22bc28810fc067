"""Ctrl-C never cuts the engine's own work in two.

Python raises ``KeyboardInterrupt`` between any two instructions of the main thread. While a flow runs
there, our handler looks at the interrupted stack first: inside user code the exception is raised as ever;
inside a *shielded* function it is noted, and raised by ``deliver`` as soon as the engine's work is done.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import CodeType, FrameType
    from typing import Any, NoReturn

    FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])

_shielded: set[CodeType] = set()
_open: set[CodeType] = set()


class _Noted:
    """Whether a Ctrl-C waits for the engine to finish what it does."""

    is_set = False


noted = _Noted()

watchers: list[Callable[[], None]] = []
"""Called when a Ctrl-C is raised, between any two instructions: they may leave a mark and do nothing more."""

untold: list[Callable[[], None]] = []
"""What is to be done about a Ctrl-C that was raised, before the code that it met asks the engine for more."""


@contextmanager
def watching(watcher: Callable[[], None]) -> Iterator[None]:
    """Have this called for every Ctrl-C that is raised meanwhile. Used in shielded functions of the main thread."""
    watchers.append(watcher)
    try:
        yield
    finally:
        watchers.pop()
        if not watchers:
            untold.clear()


def tell() -> None:
    """Do what is to be done about a Ctrl-C that was raised, if it was raised in this thread: the main one."""
    if threading.get_ident() == threading.main_thread().ident:
        while untold:
            untold.pop()()


def shielded(function: FunctionT) -> FunctionT:
    """Mark a function of the engine: a Ctrl-C inside it waits until it is left."""
    _shielded.add(function.__code__)
    return function


def calls_user_code(function: FunctionT) -> FunctionT:
    """Mark a function that calls user code: a Ctrl-C below it is raised at once."""
    _open.add(function.__code__)
    return function


def is_shielded(frame: FrameType | None) -> bool:
    """Whether the innermost marked function on the stack is a shielded one."""
    while frame is not None:
        if frame.f_code in _open:
            return False
        if frame.f_code in _shielded:
            return True
        frame = frame.f_back
    return False


def deliver(frames_up: int = 1) -> None:
    """Raise the ``KeyboardInterrupt`` that was noted, when the code so many frames up is the place for it."""
    if threading.get_ident() != threading.main_thread().ident:
        return
    import sys

    if not is_shielded(sys._getframe(frames_up)):
        _interrupt()


def _on_sigint(_signal: int, frame: FrameType | None) -> None:
    if is_shielded(frame):
        noted.is_set = True
    else:
        _interrupt()


def _interrupt() -> NoReturn:
    noted.is_set = False
    for watcher in watchers:
        watcher()
    raise KeyboardInterrupt


@contextmanager
@shielded
def guarded() -> Iterator[None]:
    """Handle Ctrl-C this way while a flow runs in the main thread, unless somebody else handles it."""
    import signal

    is_ours = (
        threading.get_ident() == threading.main_thread().ident
        and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    )
    if not is_ours:
        yield
        return
    noted.is_set = False
    signal.signal(signal.SIGINT, _on_sigint)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        if noted.is_set:
            noted.is_set = False
            raise KeyboardInterrupt
