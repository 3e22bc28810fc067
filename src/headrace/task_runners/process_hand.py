"""A worker process, as the flow's process knows it."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from headrace.task_runners.process_channel import MOST_MEMORIES, Channel
from headrace.task_runners.process_memory import gather
from headrace.task_runners.process_worker import Order

if TYPE_CHECKING:
    from collections.abc import Callable

    from headrace.task_runners.process_channel import Message
    from headrace.task_runners.process_memory import Memory, Spans
    from headrace.task_runners.remote.engine import Attempt

_MESSAGES_AT_A_TIME = 64


class Result:
    """What an attempt gave: its outcome, and the memory in which the value beside it lies. Empty until it has landed."""

    __slots__ = ("memory", "packed")

    def __init__(self, packed: bytes = b"", memory: Memory | None = None) -> None:
        self.packed = packed
        self.memory = memory


class Master(ABC):
    """Whom a worker serves. It is told in a thread of the nursery, and must not wait there."""

    @abstractmethod
    def note_begin(self, hand: Hand) -> None:
        """The worker has begun. One that had begun before it came to this master does not tell so again."""

    @abstractmethod
    def note_end(self, hand: Hand, told: int | str) -> None:
        """The worker has ended, with that exit code as ``subprocess`` tells those, or for that reason."""


class Hand:
    """A channel to a worker, and what has gone through it. It serves one flow run at a time, which is its master.

    ``given`` are the attempts that it was sent and has not answered, in their order.

    Invariant: no order relies on what came with one that is not answered. That one may be taken back just before the
    worker takes the next.
    """

    __slots__ = (
        "_has_ended", "_kill", "_knows", "_master", "_surroundings", "channel", "far_end", "given", "has_answered",
        "has_begun", "pid",
    )  # fmt: skip

    def __init__(self, kill: Callable[[], None]) -> None:
        self.channel, self.far_end = Channel.pair()
        self.given: dict[int, Attempt] = {}
        self.has_begun = False
        self.has_answered = False
        self.pid: int | None = None
        self._kill = kill
        self._knows: set[bytes] = set()
        self._has_ended = False
        self._master: Master | None = None
        self._surroundings: bytes | None = None

    def fileno(self) -> int:
        """Where its answers come."""
        return self.channel.fileno()

    # -- its master ----------------------------------------------------------------------------

    def serve(self, master: Master | None, surroundings: bytes | None = None) -> bool:
        """It has a new master, whose surroundings these are. ``False`` if it has ended, and nobody will be told of that."""
        with _changing_masters:
            self._surroundings = surroundings
            self._master = master
            self._knows.clear()
            return not self._has_ended

    def begin(self, pid: int) -> None:
        """It has begun: tell its master."""
        with _changing_masters:
            self.pid = pid
            self.has_begun = True
            master = self._master
        if master is not None:
            master.note_begin(self)

    def end(self, told: int | str) -> None:
        """It has ended, with that exit code or for that reason: tell its master."""
        with _changing_masters:
            self._has_ended = True
            master = self._master
        if master is not None:
            master.note_end(self, told)

    # -- what it is to do ----------------------------------------------------------------------

    def give(self, number: int, attempt: Attempt) -> None:
        """Send it an attempt. Raises ``BlockingIOError`` if it cannot take it now, and will when it has answered."""
        digest, packed = attempt.commission
        if self._is_learning(digest):
            raise BlockingIOError
        upstreams, memories = _what_goes_along(attempt)
        commission = None if digest in self._knows else packed
        order = Order(number, self._surroundings, digest, commission, attempt.errand, upstreams)
        self.channel.send(tuple(order), memories, waits=False)
        self.given[number] = attempt

    def _is_learning(self, digest: bytes) -> bool:
        """Whether the flow run's surroundings, or that commission, are under way to it, and not known to have arrived."""
        if self._surroundings is not None:
            return bool(self.given)
        return digest not in self._knows and any(
            given.commission.digest == digest for given in self.given.values()
        )

    def take_back(self) -> list[Attempt]:
        """All attempts that it has not begun. It will not begin them."""
        taken: list[Attempt] = []
        with suppress(BlockingIOError):
            while (message := self.far_end.receive(waits=False)) is not None:
                taken.append(self.given.pop(Order(*message.content).number))
        return taken

    def note_answer(self, number: int) -> Attempt:
        """It has answered the order of that number: this attempt. It has what came with the order."""
        attempt = self.given.pop(number)
        self.has_answered = True
        self._surroundings = None
        self._knows.add(attempt.commission.digest)
        return attempt

    def answers(self) -> list[Message]:
        """What it has sent since."""
        answers: list[Message] = []
        with suppress(BlockingIOError):
            while len(answers) < _MESSAGES_AT_A_TIME and (message := self.channel.receive(waits=False)):
                answers.append(message)
        return answers

    def kill(self) -> None:
        """End it, and all processes that it started."""
        self._kill()

    def release(self) -> None:
        """Let it end by itself."""
        self.channel.hang_up()
        self.channel.close()
        self.far_end.close()


_changing_masters = threading.Lock()


def _what_goes_along(
    attempt: Attempt,
) -> tuple[tuple[tuple[bytes, tuple[int, Spans] | None], ...], list[Memory]]:
    """The outcomes of its upstreams, with the place of the value beside each, and the memory where those are."""
    results: list[Result] = [upstream.handle for upstream in attempt.upstreams]
    memories = [result.memory for result in results if result.memory is not None]
    if len(memories) > MOST_MEMORIES:
        gathered, spans_in_order = gather(memories)
        memories = [gathered]
        places = [(0, spans) for spans in spans_in_order]
    else:
        places = [(index, memory.spans) for index, memory in enumerate(memories)]
    left: Any = iter(places)
    return tuple(
        [(result.packed, None if result.memory is None else next(left)) for result in results]
    ), memories
