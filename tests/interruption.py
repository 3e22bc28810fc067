"""A Ctrl-C at a chosen point of the engine: the real signal, before the n-th instruction at which Python looks for one."""

from __future__ import annotations

import dis
import linecache
import signal
import sys
import threading
from contextlib import contextmanager
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import headrace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import CodeType, FrameType
    from typing import Self

_ENGINE = headrace.__file__.removesuffix("__init__.py")
_LOOKS = ("CALL", "RESUME", "JUMP_BACKWARD", "POP_JUMP_BACKWARD", "SEND", "FOR_ITER")
"""How the instructions begin after which Python looks for signals (a few more, to be on the safe side)."""


class InterruptAt:
    """Raises SIGINT at the n-th point of the engine's own code in this thread; counts the points passed.

    ``include`` says which functions are the engine's: all in headrace unless it is given.
    """

    def __init__(self, point: int, include: Callable[[CodeType], bool] | None = None) -> None:
        self.point = point
        self.passed = 0
        self.place: str | None = None
        self._include = include or is_of_engine
        self._looks: dict[CodeType, set[int]] = {}

    def __enter__(self) -> Self:
        sys._getframe().f_trace_opcodes = True  # Python 3.12 looks for this when the tracer is set
        sys.settrace(self._on_call)
        return self

    def __exit__(self, *_: object) -> None:
        sys.settrace(None)

    def _on_call(self, frame: FrameType, _event: str, _arg: Any) -> Any:
        if not self._include(frame.f_code):
            return None
        frame.f_trace_opcodes = True
        frame.f_trace_lines = False
        self._pass(frame)
        return self._on_event

    def _on_event(self, frame: FrameType, event: str, _arg: Any) -> Any:
        if event == "opcode" and frame.f_lasti in self._points_of(frame.f_code):
            self._pass(frame)
        return self._on_event

    def _points_of(self, code: CodeType) -> set[int]:
        if code not in self._looks:
            instructions = list(dis.get_instructions(code))
            pairs = pairwise(instructions)
            self._looks[code] = {after.offset for before, after in pairs if before.opname.startswith(_LOOKS)}
        return self._looks[code]

    def _pass(self, frame: FrameType) -> None:
        if self.passed == self.point:
            self.place = f"{frame.f_code.co_qualname}:{frame.f_lineno}"
            self.passed += 1
            sys.settrace(None)  # the rest goes undisturbed, and faster
            signal.raise_signal(signal.SIGINT)
        else:
            self.passed += 1


def is_of_engine(code: CodeType) -> bool:
    return code.co_filename.startswith(_ENGINE)


@contextmanager
def ctrl_c_as_at_a_terminal() -> Iterator[None]:
    """Handle SIGINT as Python does at a terminal, also where a shell started the tests in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Cut a main thread that hangs loose, by SIGINT again and again, and say so."""
    has_rung = threading.Event()
    is_over = threading.Event()

    def ring() -> None:
        while not is_over.wait(seconds):
            has_rung.set()
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    bell = threading.Thread(target=ring, daemon=True)
    bell.start()
    try:
        yield
    finally:
        is_over.set()
        bell.join(5)
        assert not has_rung.is_set(), f"nothing happened for {seconds} s: it hangs"


class FailAt:
    """Raises an exception before the n-th line of the chosen code in this thread; counts the lines passed."""

    def __init__(self, point: int, error: BaseException, include: Callable[[CodeType], bool]) -> None:
        self.point = point
        self.error = error
        self.passed = 0
        self.place: str | None = None
        self._include = include

    def __enter__(self) -> Self:
        sys.settrace(self._on_call)
        return self

    def __exit__(self, *_: object) -> None:
        sys.settrace(None)

    def _on_call(self, frame: FrameType, _event: str, _arg: Any) -> Any:
        return self._on_line if self._include(frame.f_code) else None

    def _on_line(self, frame: FrameType, event: str, _arg: Any) -> Any:
        if event == "line" and not _is_with(frame):
            self.passed += 1
            if self.passed - 1 == self.point:
                self.place = f"{frame.f_code.co_qualname}:{frame.f_lineno}"
                raise self.error
        return self._on_line


def _is_with(frame: FrameType) -> bool:
    """Whether a block is entered or left here: what raises between that and the lock itself comes from no bug."""
    return linecache.getline(frame.f_code.co_filename, frame.f_lineno).lstrip().startswith("with ")
