"""Ctrl-C never cuts the engine's own work in two.

Python raises ``KeyboardInterrupt`` between any two instructions of the main thread. While a flow runs
there, our handler looks at the interrupted stack first: inside user code the exception is raised as ever;
inside a *shielded* function it is noted, and raised by ``deliver`` as soon as the engine's work is done.

The signals that ask a process to end are handled in the same way: inside, they are a ``KeyboardInterrupt``, and the
outermost flow makes them the exit status that a shell expects.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import CodeType, FrameType, TracebackType
    from typing import Any, NoReturn

    Handler = Callable[[int, FrameType | None], None]

    FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])

_shielded: set[CodeType] = set()
_open: set[CodeType] = set()


class Terminated(KeyboardInterrupt):
    """A signal has asked the process to end: handled as a Ctrl-C."""

    def __init__(self, signal: int) -> None:
        super().__init__(signal)
        self.signal = signal


class _Noted:
    """Whether a Ctrl-C waits for the engine to finish what it does; the signal, if it was another one."""

    is_set = False
    signal: int | None = None

    def note(self, error: KeyboardInterrupt) -> None:
        """Have it raised once more, as soon as the engine has done what it does."""
        self.signal = error.signal if isinstance(error, Terminated) else None
        self.is_set = True

    def take(self) -> KeyboardInterrupt:
        """What is to be raised now."""
        self.is_set = False
        return KeyboardInterrupt() if self.signal is None else Terminated(self.signal)


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


_brittle: set[CodeType] = set()


def brittle(code: CodeType) -> None:
    """Mark a function of Python itself in which a Ctrl-C is raised as ever, and no other thread raises anything."""
    _brittle.add(code)


def is_in_user_code(frame: FrameType | None) -> bool:
    """Whether the innermost marked function on the stack is one that calls user code."""
    while frame is not None:
        if frame.f_code in _open:
            return True
        if frame.f_code in _shielded or frame.f_code in _brittle:
            return False
        frame = frame.f_back
    return False


def frames_in_user_code(frame: FrameType | None) -> TracebackType | None:
    """The stack from where the engine calls user code inwards, as a traceback; ``None`` if it is not in there."""
    from types import TracebackType

    frames: TracebackType | None = None
    while frame is not None and frame.f_code not in _open:
        frames = TracebackType(frames, frame, frame.f_lasti, frame.f_lineno or frame.f_code.co_firstlineno)
        frame = frame.f_back
    return None if frame is None else frames


def deliver(frames_up: int = 1) -> None:
    """Raise the ``KeyboardInterrupt`` that was noted, when the code so many frames up is the place for it."""
    if threading.get_ident() != threading.main_thread().ident:
        return
    import sys

    if not is_shielded(sys._getframe(frames_up)):
        _interrupt()


def _on_sigint(_signal: int, frame: FrameType | None) -> None:
    noted.signal = None
    _note_or_interrupt(frame)


def _on_end(signal: int, frame: FrameType | None) -> None:
    noted.signal = signal
    _note_or_interrupt(frame)


def _note_or_interrupt(frame: FrameType | None) -> None:
    if is_shielded(frame):
        noted.is_set = True
    else:
        _interrupt()


def _interrupt() -> NoReturn:
    for watcher in watchers:
        watcher()
    raise noted.take()


handlers: dict[str, Handler] = {"SIGINT": _on_sigint, "SIGTERM": _on_end, "SIGHUP": _on_end}
"""What handles which signal while a flow runs in the main thread."""


@contextmanager
@shielded
def guarded() -> Iterator[bool]:
    """Handle signals this way while a flow runs in the main thread, but for those that somebody else handles.

    Gives whether this is the outermost such block.
    """
    taken = _take_signals()
    if not taken:
        yield False
        return
    try:
        yield True
    except Terminated as error:
        raise exit_of(error) from error
    finally:
        _give_back(taken)
        if noted.is_set:
            told = noted.take()
            raise exit_of(told) if isinstance(told, Terminated) else told


def exit_of(error: Terminated) -> SystemExit:
    """How a process ends that a signal has asked to."""
    return SystemExit(128 + error.signal)


def _take_signals() -> list[tuple[int, Any]]:
    """The signals that nobody else handles are ours from now on; what handled them before."""
    import signal

    if threading.get_ident() != threading.main_thread().ident:
        return []
    free: list[tuple[int, Any, Handler]] = []
    for name, handler in handlers.items():
        number = getattr(signal, name, None)
        nobody = signal.default_int_handler if name == "SIGINT" else signal.SIG_DFL
        if number is not None and signal.getsignal(number) is nobody:
            free.append((number, nobody, handler))
    if free:
        noted.is_set = False  # before one of them can note anything
    for number, _, handler in free:
        signal.signal(number, handler)
    return [(number, nobody) for number, nobody, _ in free]


def _give_back(taken: list[tuple[int, Any]]) -> None:
    """Ctrl-C comes last: as soon as it is given back, it may cut this short."""
    import signal

    for number, nobody in reversed(taken):
        signal.signal(number, nobody)
