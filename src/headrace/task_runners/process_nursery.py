"""Where worker processes come from: one process beside this one, from which they are forked.

It is started with the first worker, and ends with the last flow run that needs it. As long as there are others, a
worker that one flow run leaves idle goes to the next.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from _pickle import dumps
from contextlib import suppress
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any

from headrace.history.results import PROTOCOL
from headrace.task_runners.process_channel import Channel
from headrace.task_runners.process_hand import Hand
from headrace.task_runners.process_memory import Memory
from headrace.task_runners.process_surroundings import Surroundings

if TYPE_CHECKING:
    from headrace.task_runners.process_hand import Master

_SECONDS_TO_END = 2.0
_LOSS = "the process that starts workers ended"
_PROGRAM = """
import sys
sys.path[:] = {path!r}
from headrace.task_runners.process_forks import main
main({fd}, {pid})
"""


class Nursery:
    """Has workers for all flow runs of this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._forks: Forks | None = None
        self._idle: list[Hand] = []

    def enter(self) -> None:
        """Somebody needs it from now on."""
        with self._lock:
            self._users += 1

    def leave(self) -> None:
        """They do so no more. With the last one all workers end: those that are idle have a moment for that."""
        with self._lock:
            self._users -= 1
            if self._users:
                return
            forks, self._forks = self._forks, None
            idle, self._idle = self._idle, []
        for hand in idle:
            hand.release()
        if forks is not None:
            forks.end()

    def hire(self, master: Master) -> Hand:
        """A worker for that master, new or not. Raises ``OSError`` if no process can be started."""
        surroundings = dumps(tuple(Surroundings.here()), PROTOCOL)
        with self._lock:
            while self._idle:
                hand = self._idle.pop()
                if hand.serve(master, surroundings):
                    return hand
                hand.release()
            if self._forks is None or self._forks.are_lost:
                self._forks = Forks()
            return self._forks.begin_worker(master, surroundings)

    def dismiss(self, hand: Hand) -> None:
        """Take back a worker that is idle."""
        with self._lock:
            is_kept = self._users > 1 and hand.serve(None)
            if is_kept:
                self._idle.append(hand)
        if not is_kept:
            hand.release()


class Forks:
    """The process from which workers are forked, as it is seen from here. What it tells, one thread hears."""

    def __init__(self) -> None:
        self.are_lost = False
        self._losing = threading.Lock()
        self._numbers = count(1)
        self._hands: dict[int, Hand] = {}
        with _starting:
            self._channel, theirs = Channel.pair()
            try:
                self._process = _start(theirs.fileno())
            except OSError:
                self._channel.close()
                raise
            finally:
                theirs.close()
        threading.Thread(target=self._listen, name="headrace-nursery", daemon=True).start()

    def begin_worker(self, master: Master, surroundings: bytes) -> Hand:
        """Have a worker forked: see ``Nursery``."""
        number = next(self._numbers)
        hand = Hand(partial(self._tell, "kill", number))
        hand.serve(master, surroundings)
        with self._losing:
            if self.are_lost:
                hand.end(_LOSS)
                return hand
            self._hands[number] = hand
        self._tell("fork", number, Memory(os.dup(hand.far_end.fileno())))
        return hand

    def end(self) -> None:
        """End the process, and all its workers."""
        self._tell("end", 0)
        self._wait_for_end()

    def _tell(self, order: str, number: int, *memories: Memory) -> None:
        """Send an order. Where that fails the process has ended, and who listens is about to notice."""
        with suppress(OSError):
            self._channel.send((order, number), memories)

    def _listen(self) -> None:
        while (message := self._channel.receive()) is not None:
            self._hear(*message.content)
        with self._losing:
            self.are_lost = True
        self._wait_for_end()
        self._channel.close()
        for hand in self._hands.values():
            if hand.pid is not None:
                with suppress(ProcessLookupError, PermissionError):
                    os.killpg(hand.pid, signal.SIGKILL)
            hand.end(_LOSS)

    def _hear(self, event: str, number: int, told: Any) -> None:
        if event == "began":
            self._hands[number].begin(told)
        else:
            self._hands.pop(number).end(told)

    def _wait_for_end(self) -> None:
        try:
            self._process.wait(_SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _start(fd: int) -> subprocess.Popen[bytes]:
    program = _PROGRAM.format(path=sys.path, fd=fd, pid=os.getpid())
    return subprocess.Popen(
        [sys.executable, *_interpreter_flags(), "-c", program],
        stdin=subprocess.DEVNULL,
        pass_fds=[fd],
        process_group=0,  # a Ctrl-C at the terminal is for the flow's process
    )


def _interpreter_flags() -> list[str]:
    """Those that this process was started with."""
    return subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined,no-any-return]


def nursery() -> Nursery:
    """That of this process."""
    return _nursery


def _begin_anew() -> None:
    """In a process that was forked: the other one's workers are none of its business."""
    global _nursery
    _starting.release()
    _nursery = Nursery()


_nursery = Nursery()
_starting = threading.Lock()
"""Held, it lets nobody fork this process: ``Popen`` waits for the end of a pipe that the fork would hold open."""

os.register_at_fork(before=_starting.acquire, after_in_parent=_starting.release, after_in_child=_begin_anew)
