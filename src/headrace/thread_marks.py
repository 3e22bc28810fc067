"""Which threads are in user code, so that they can be interrupted there and nowhere else.

Python can raise an exception in another thread, between any two of its steps: in the engine that would lose events or
leave a lock held. So each thread that calls user code has a mark, which says for which run it does, and an exception is
sent only while the mark stands *and* the thread's stack is in user code, as with Ctrl-C: see ``interrupts``. Invariants:

- To look and to send is one step: no instruction in between lets another thread have its turn (``_send_if_still_there``).
- Who interrupts says so (``is_targeted``) before it looks at the mark; the thread takes its mark off before it looks for
  that. So one of them sees the other: nothing is sent any more, or the thread absorbs it before it does anything else.
- One exception is sent for each interrupt: user code that cleans up is not interrupted in that.

The main thread is interrupted by a signal where that can be: a signal ends a system call, too.
"""

from __future__ import annotations

import gc
import sys
import threading
from functools import cache
from itertools import starmap
from threading import get_ident
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from headrace.errors import RunInterrupted
from headrace.interrupts import brittle, frames_in_user_code, handlers, is_in_user_code

if TYPE_CHECKING:
    from types import FrameType, TracebackType


class ThreadMark:
    """The mark of one thread: the run whose code it executes, and the number of the attempt."""

    __slots__ = (
        "__weakref__",
        "_lock",
        "is_targeted",
        "name",
        "number",
        "raised_in",
        "run",
        "thread_id",
        "wanted",
    )

    def __init__(self) -> None:
        self.name = threading.current_thread().name
        self.thread_id = get_ident()
        self.run: Any = None
        self.number = 0
        self.is_targeted = False
        self.wanted: tuple[Any, int] | None = None
        """The run and attempt that a signal is to interrupt, in the main thread."""
        self.raised_in: tuple[Any, int] | None = None
        """The one that it has interrupted."""
        self._lock = threading.Lock()
        _marks.add(self)

    def interrupt(self, run: Any, number: int) -> bool:
        """Have ``RunInterrupted`` raised in the code of that attempt; whether it has been, or is sure to be."""
        with self._lock:
            self.is_targeted = True
            if self.run is not run or self.number != number:
                return False
            if _is_main_and_handles_signal(self.thread_id):
                return self._interrupt_by_signal((run, number))
            return self._interrupt_by_exception(run, number)

    def _interrupt_by_signal(self, wanted: tuple[Any, int]) -> bool:
        """The handler looks whether the moment is right; whoever asks again tries again."""
        import signal

        if self.raised_in == wanted:
            return True
        self.wanted = wanted
        signal.pthread_kill(self.thread_id, getattr(signal, _SIGNAL))
        return False

    def _interrupt_by_exception(self, run: Any, number: int) -> bool:
        if sys.gettrace() is not None and sys.version_info < (3, 12):
            # There every traced thread that enters a function waits for the interrupted one, which may never come.
            return False
        for _ in range(_LOOKS):
            frame = sys._current_frames().get(self.thread_id)
            if not is_in_user_code(frame):
                return False
            assert frame is not None
            if _send_if_still_there(self, run, number, frame, frame.f_lasti):
                return True
        return False

    def absorb(self) -> None:
        """The mark is off: take back what was sent and has not been raised. It may be raised on the way in."""
        with self._lock:
            self.is_targeted = False
            self.wanted = self.raised_in = None
            _set_async_exc()(self.thread_id, _nothing())


_marks: WeakSet[ThreadMark] = WeakSet()
_of_threads = threading.local()
_LOOKS = 20
_SIGNAL = "SIGURG"
"""Ignored unless somebody handles it: one that comes too late does no harm."""


def own_mark() -> ThreadMark:
    """The mark of this thread."""
    try:
        return _of_threads.mark  # type: ignore[no-any-return]
    except AttributeError:
        mark = _of_threads.mark = ThreadMark()
        return mark


def find_mark(run: Any, number: int) -> ThreadMark | None:
    """The mark of the thread that executes the code of that attempt just now."""
    return next((mark for mark in list(_marks) if mark.run is run and mark.number == number), None)


def frames_of(run: Any, number: int) -> TracebackType | None:
    """Where the code of that attempt is just now, if a thread of this process executes it."""
    mark = find_mark(run, number)
    frame = None if mark is None else sys._current_frames().get(mark.thread_id)
    is_still_there = mark is not None and mark.run is run and mark.number == number
    return frames_in_user_code(frame) if is_still_there else None


def _send_if_still_there(mark: ThreadMark, run: Any, number: int, frame: FrameType, place: int) -> bool:
    """Send the exception if the thread still is where it was, in that frame and at that instruction.

    Invariant: from the line that looks to the line that sends, nothing is called and no loop is closed. Only there does
    Python let another thread have its turn; what the two iterators do, they do in C.
    """
    look = starmap(sys._current_frames, [()])
    send = starmap(_set_async_exc(), [(mark.thread_id, _exception())])
    sent = 0
    collects = gc.isenabled()
    gc.disable()  # Python 3.11 might run finalizers in between
    try:
        (frames,) = look
        if (
            mark.thread_id in frames  # not if it has ended
            and frames[mark.thread_id] is frame
            and frame.f_lasti == place
            and mark.run is run
            and mark.number == number
        ):
            (sent,) = send
    finally:
        if collects:
            gc.enable()
    return sent == 1


@cache
def _set_async_exc() -> Any:
    import ctypes

    function = ctypes.pythonapi.PyThreadState_SetAsyncExc
    function.argtypes = (ctypes.c_ulong, ctypes.py_object)
    return function


@cache
def _exception() -> Any:
    import ctypes

    return ctypes.py_object(RunInterrupted)


@cache
def _nothing() -> Any:
    import ctypes

    return ctypes.py_object()


# -- the main thread -----------------------------------------------------------------------------


def _is_main_and_handles_signal(thread_id: int) -> bool:
    if thread_id != threading.main_thread().ident:
        return False
    import signal

    number = getattr(signal, _SIGNAL, None)
    return number is not None and signal.getsignal(number) is _on_signal


def _on_signal(_signal: int, frame: FrameType | None) -> None:
    """Raise what is wanted, if the main thread is in that code. Takes no lock: it may have interrupted who holds it."""
    mark = own_mark()
    wanted = mark.wanted
    if wanted is None or mark.run is not wanted[0] or mark.number != wanted[1]:
        return
    if is_in_user_code(frame):
        mark.wanted, mark.raised_in = None, wanted
        raise RunInterrupted


handlers[_SIGNAL] = _on_signal


def _find_brittle() -> None:
    """An import that is cut short leaves a module half made; a log handler would keep its lock."""
    import logging

    brittle(logging.Handler.handle.__code__)
    brittle(sys.modules["_frozen_importlib"]._find_and_load.__code__)


_find_brittle()


def _forget_after_fork() -> None:
    """Of the threads of the parent, only the one that forked is here; under which id, it asks anew."""
    _marks.clear()
    _of_threads.__dict__.clear()


def _register() -> None:
    import os

    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_forget_after_fork)


_register()
