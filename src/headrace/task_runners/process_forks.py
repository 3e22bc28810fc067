"""The process that worker processes are forked from: it has loaded what they need, and has one thread.

It begins a worker on demand, tells how each of them ended, and ends them on demand or with the flow's process, however
that ends. Workers are its children and not the flow's, since only a process without threads can be forked safely.
"""

from __future__ import annotations

import gc
import os
import signal
import socket
import sys
import time
from contextlib import suppress
from importlib import import_module
from selectors import EVENT_READ, DefaultSelector
from typing import TYPE_CHECKING, NoReturn

from headrace.task_runners.process_channel import Channel
from headrace.task_runners.process_worker import serve

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headrace.task_runners.process_memory import Memory

_LOADED_IN_ADVANCE = ("headrace.child_runs", "headrace.tasks", "cloudpickle.cloudpickle")
"""What the first errand of a worker would import."""

_LOOK_SECONDS = 1.0
_MOMENT_SECONDS = 1.0


def main(fd: int, flow_pid: int) -> None:
    """Serve the flow's process of that id, which holds the other end of the channel."""
    for module in _LOADED_IN_ADVANCE:
        import_module(module)
    gc.collect()
    gc.freeze()  # workers share these pages as long as nobody touches them
    Parent(Channel.at(fd), flow_pid).serve()
    os._exit(0)  # there is nothing to tidy up, and somebody waits for the end


class Parent:
    """The parent of all workers of one flow's process."""

    def __init__(self, channel: Channel, flow_pid: int) -> None:
        self._channel = channel
        self._flow_pid = flow_pid
        self._pids: dict[int, int] = {}
        self._selector = DefaultSelector()
        self._selector.register(channel, EVENT_READ, self._obey)
        self._wakes, wakeup = socket.socketpair()
        for end in (self._wakes, wakeup):
            end.setblocking(False)
        self._wakeup = wakeup
        self._selector.register(self._wakes, EVENT_READ, self._bury)
        signal.signal(signal.SIGCHLD, _do_nothing)
        signal.set_wakeup_fd(wakeup.fileno())
        for number in (signal.SIGINT, signal.SIGTERM):  # what they mean, the flow's process knows
            signal.signal(number, _do_nothing)
        self._is_needed = True

    def serve(self) -> None:
        """Go on until the flow's process ends, or needs it no more."""
        self._watch_flow()
        try:
            while self._is_needed and os.getppid() == self._flow_pid:
                self._wait_for_events(_LOOK_SECONDS)
        finally:
            for pid in self._pids.values():
                _kill(pid)

    def _wait_for_events(self, seconds: float) -> None:
        for key, _ in self._selector.select(seconds):
            key.data()

    def _watch_flow(self) -> None:
        """The other end of the channel may live on in a process that the flow's was forked into, so that is not asked alone."""
        with suppress(AttributeError, OSError):
            self._selector.register(os.pidfd_open(self._flow_pid), EVENT_READ, self._stop)

    def _stop(self) -> None:
        self._is_needed = False

    def _obey(self) -> None:
        message = self._channel.receive()
        match message and message.content:
            case None:
                self._is_needed = False
            case ("fork", number):
                assert message is not None
                self._fork(number, message.memories)
            case ("kill", number) if number in self._pids:  # else it has ended already
                _kill(self._pids[number])
            case ("end", _):
                self._end_gently()

    def _tell(self, event: str, number: int, told: object) -> None:
        with suppress(ConnectionError):  # there is nobody any more, which is about to be noticed
            self._channel.send((event, number, told))

    def _end_gently(self) -> None:
        """Workers that are idle end by themselves, which takes them a moment: they close what their tasks left open."""
        deadline = time.monotonic() + _MOMENT_SECONDS
        while self._pids and self._is_needed and time.monotonic() < deadline:
            self._wait_for_events(0.1)
        self._is_needed = False

    def _fork(self, number: int, memories: Sequence[Memory]) -> None:
        try:
            pid = os.fork()
        except OSError as error:
            self._tell("ended", number, f"it cannot be started: {error}")
            return
        if pid == 0:
            self._become_worker(*memories)
        with suppress(OSError):  # of the two of us the worker was the first
            os.setpgid(pid, pid)
        self._pids[number] = pid
        self._tell("began", number, pid)

    def _become_worker(self, end: Memory) -> NoReturn:
        code = 1
        try:
            os.setpgid(0, 0)  # so that it is killed with all processes that it starts
            signal.set_wakeup_fd(-1)
            for of_forks_only in (signal.SIGCHLD, signal.SIGTERM):
                signal.signal(of_forks_only, signal.SIG_DFL)
            self._selector.close()
            self._channel.close()
            self._wakes.close()
            self._wakeup.close()
            channel = Channel.at(os.dup(end.fd))
            serve(channel)
            channel.close()
            code = 0
        except BaseException:
            sys.excepthook(*sys.exc_info())
        finally:
            os._exit(code)

    def _bury(self) -> None:
        with suppress(BlockingIOError):
            while self._wakes.recv(4096):
                pass
        numbers = {pid: number for number, pid in self._pids.items()}
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            number = numbers[pid]
            del self._pids[number]
            code = os.waitstatus_to_exitcode(status)
            if code != 0:
                _kill(pid)  # whatever it had started
            self._tell("ended", number, code)


def _kill(pid: int) -> None:
    """End the worker and all that it started."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def _do_nothing(*_: object) -> None:
    """A signal handler that a process which is started from here does not inherit, unlike the ignoring of a signal."""
