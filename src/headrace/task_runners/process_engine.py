"""Processes of this machine under a session: a channel to each worker, and who is idle takes what others have not begun.

An order lies in the channel of its worker until that takes it. Both this process and the worker can take it, and only
one of them gets it. So it is known for certain what a worker has begun, also when it is dead.
"""

from __future__ import annotations

import signal
import threading
from collections import deque
from contextlib import suppress
from functools import partial
from queue import Empty, SimpleQueue
from selectors import EVENT_READ, DefaultSelector
from typing import TYPE_CHECKING, Any

from headrace.errors import ClusterUnavailableError
from headrace.task_runners.process_channel import Channel
from headrace.task_runners.process_hand import Master, Result
from headrace.task_runners.process_memory import load_value, raise_limit_of_descriptors, store_value
from headrace.task_runners.process_nursery import nursery
from headrace.task_runners.process_worker import NEWS, Answer
from headrace.task_runners.remote.engine import Engine
from headrace.tracebacks import describe

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from headrace.task_runners.process_hand import Hand
    from headrace.task_runners.process_memory import Memory
    from headrace.task_runners.remote.engine import Attempt, Listener

AHEAD = 7
"""How many attempts may lie before a worker besides the one that it executes."""

_FALSE_STARTS = 3
_SECONDS_TO_END = 1.0


class ProcessEngine(Engine, Master):
    """The workers of one session. A thread of its own, the collector, takes in what they answer.

    ``_hands`` are those that attempts are given to; ``_leaving`` those that get no more, and have not ended yet.
    """

    values_outlive_it = True

    def __init__(self, max_workers: int) -> None:
        self._max_workers = max_workers
        self._nursery = nursery()
        self._listener: Listener
        self._address = ""
        self._lock = threading.Lock()
        self._waiting: deque[Attempt] = deque()
        self._hands: list[Hand] = []
        self._leaving: set[Hand] = set()
        self._order_count = 0
        self._false_starts = 0
        self._chores: SimpleQueue[Callable[[], object]] = SimpleQueue()
        self._wakes: Channel
        self._wakeup: Channel
        self._selector: DefaultSelector
        self._collector: threading.Thread | None = None
        self._is_closed = False

    def open(self, address: str, listener: Listener) -> None:
        """Begin to collect. Workers begin when they are needed."""
        self._address = address
        self._listener = listener
        raise_limit_of_descriptors()
        self._nursery.enter()
        self._selector = DefaultSelector()
        self._wakes, self._wakeup = Channel.pair()
        self._selector.register(self._wakes, EVENT_READ, self._do_chores)
        self._collector = threading.Thread(target=self._collect, name="headrace-collect", daemon=True)
        self._collector.start()

    # -- going out -----------------------------------------------------------------------------

    def hand_over(self, attempts: Sequence[Attempt]) -> None:
        """Give them out, as far as there are workers; the others wait here."""
        ready: list[Attempt] = []
        for attempt in attempts:
            if any(upstream.handle is None for upstream in attempt.upstreams):
                self._listener.missed(attempt)
            else:
                attempt.place(Result())
                ready.append(attempt)
        with self._lock:
            self._waiting.extend(ready)
            refused = self._give_out()
        self._tell_of_refused(refused)

    def _give_out(self) -> list[tuple[Attempt, OSError]]:
        """Give out what waits. What the system has no room for is to be told of once the lock was let go."""
        refused: list[tuple[Attempt, OSError]] = []
        while self._waiting and not self._is_closed:
            attempt = self._waiting[0]
            if not attempt.is_over:
                hand = self._choose_hand()
                if hand is None:
                    break
                try:
                    self._order_count += 1
                    hand.give(self._order_count, attempt)
                except BlockingIOError:
                    break
                except OSError as error:
                    refused.append((attempt, error))
            self._waiting.popleft()
        return refused

    def _tell_of_refused(self, refused: list[tuple[Attempt, OSError]]) -> None:
        for attempt, error in refused:
            self._listener.lost(attempt, f"it could not be sent to a worker: {describe(error)}")

    def _choose_hand(self) -> Hand | None:
        """One that is idle, a new one, or the one with the fewest attempts before it, unless those are too many.

        New ones begin one after another, each when all that there are are busy: for short tasks few are enough.
        """
        least = min(self._hands, key=_load, default=None)
        if least is not None and not least.given:
            return least
        if len(self._hands) < self._max_workers:
            return self._hire() if all(hand.has_begun for hand in self._hands) else None
        return least if least is not None and len(least.given) <= AHEAD else None

    def _hire(self) -> Hand:
        try:
            hand = self._nursery.hire(self)
        except OSError as error:
            raise ClusterUnavailableError(f"no worker process can be started: {describe(error)}") from error
        self._hands.append(hand)
        self._tell(partial(self._listen_to, hand))
        return hand

    def _listen_to(self, hand: Hand) -> None:
        if hand.fileno() >= 0:  # else it was buried already
            self._selector.register(hand, EVENT_READ, partial(self._hear, hand))

    def note_begin(self, hand: Hand) -> None:
        """A worker that was hired has begun."""
        self._tell(self._give_out_again)

    def _give_out_again(self) -> None:
        with self._lock:
            refused = self._give_out()
        self._tell_of_refused(refused)

    # -- coming back ---------------------------------------------------------------------------

    def _tell(self, chore: Callable[[], object]) -> None:
        """Have the collector do this."""
        self._chores.put(chore)
        with suppress(OSError):  # it will wake up anyhow, or does so no more
            self._wakeup.send(None, waits=False)

    def _do_chores(self) -> None:
        with suppress(BlockingIOError):
            while self._wakes.receive(waits=False):
                pass
        with suppress(Empty):
            while True:
                self._chores.get_nowait()()

    def _collect(self) -> None:
        try:
            while not self._is_closed:
                for key, _ in self._selector.select():
                    key.data()
        except ClusterUnavailableError as error:
            self._listener.disconnected(error)
        except BaseException as defect:
            told = ClusterUnavailableError(f"a defect of the process engine: {describe(defect)}")
            told.__cause__ = defect
            self._listener.disconnected(told)

    def _hear(self, hand: Hand) -> bool:
        """Take in what a worker answers, if anything. It has its next attempt before anybody is told of the last one."""
        messages = hand.answers()
        to_tell: list[Callable[[], None]] = []
        with self._lock:
            for content, memories in messages:
                if content[0] != NEWS:
                    to_tell += self._take_in(hand, Answer(*content), memories)
                elif content[1] == self._address:
                    to_tell.append(partial(self._listener.heard, content[2]))
            self._keep_busy(hand)
            refused = self._give_out()
        for tell in to_tell:
            tell()
        self._tell_of_refused(refused)
        return bool(messages)

    def _take_in(self, hand: Hand, answer: Answer, memories: list[Memory]) -> list[Callable[[], None]]:
        """What the listener is to be told of the answer."""
        self._false_starts = 0
        attempt = hand.note_answer(answer.number)
        if answer.outcome is None:
            self._waiting.appendleft(attempt)
            self._withdraw_from(hand)
            return []
        result: Result = attempt.handle
        result.packed = answer.outcome
        if answer.spans is not None:
            if not memories:
                cause = "its result could not be received: this process has too many files open"
                return [partial(self._listener.lost, attempt, cause)]
            [result.memory] = memories
            result.memory.spans = answer.spans
        return [partial(self._listener.landed, attempt, answer.outcome)]

    def _keep_busy(self, hand: Hand) -> None:
        """One that has nothing to do shares what another one has not begun."""
        if hand.given or self._waiting or hand not in self._hands:
            return
        busiest = max(self._hands, key=_load)
        if len(busiest.given) > 1:
            self._waiting.extend(busiest.take_back())

    def _withdraw_from(self, hand: Hand) -> None:
        """Give it no more, and others what it has not begun."""
        if hand in self._hands:
            self._hands.remove(hand)
            self._leaving.add(hand)
        self._waiting.extendleft(reversed(hand.take_back()))

    # -- taking back ---------------------------------------------------------------------------

    def recall(self, attempt: Attempt) -> bool:
        """What lies in a channel, or waits here, has not begun."""
        with self._lock:
            self._take_back_around(attempt)
            has_not_begun = attempt in self._waiting
            if has_not_begun:
                self._waiting.remove(attempt)
            refused = self._give_out()
        self._tell_of_refused(refused)
        return has_not_begun

    def drop(self, attempt: Attempt) -> bool:
        """Kill the worker that executes the attempt; another one takes its place."""
        with self._lock:
            hand = self._take_back_around(attempt)
            if attempt in self._waiting:
                self._waiting.remove(attempt)
            elif hand is not None:
                self._kill_executor_of(attempt, hand)
            refused = self._give_out()
        self._tell_of_refused(refused)
        return True

    def _take_back_around(self, attempt: Attempt) -> Hand | None:
        """Who has the attempt. What that has not begun waits here now, and is given out anew."""
        hand = next((hand for hand in self._hands if attempt in hand.given.values()), None)
        if hand is not None:
            self._waiting.extendleft(reversed(hand.take_back()))
        return hand

    def _kill_executor_of(self, attempt: Attempt, hand: Hand) -> None:
        """Invariant: all that the worker has not begun was taken back, so that it cannot begin another attempt now.

        If it has begun one after this, then this one is over, and word of that is under way.
        """
        [*_, latest] = hand.given.values()
        if latest is attempt:
            self._withdraw_from(hand)
            hand.kill()

    # -- workers that end ----------------------------------------------------------------------

    def note_end(self, hand: Hand, told: int | str) -> None:
        """A worker has ended."""
        self._tell(partial(self._bury, hand, told))

    def _bury(self, hand: Hand, told: int | str) -> None:
        """The worker has ended. What it answered counts, what it had not begun goes to others, and the rest is lost."""
        with self._lock:
            was_to_leave = hand in self._leaving
            self._withdraw_from(hand)
        with suppress(KeyError):  # nobody has listened to it yet
            self._selector.unregister(hand)
        while self._hear(hand):
            pass
        with self._lock:
            is_false_start = not (hand.has_answered or hand.given or was_to_leave)
            self._leaving.discard(hand)
            hand.release()
            if is_false_start:
                self._note_false_start(told)
            refused = self._give_out()
        for attempt in hand.given.values():
            self._listener.lost(attempt, _cause_of_death(told))
        self._tell_of_refused(refused)

    def _note_false_start(self, told: int | str) -> None:
        """Where the system has no room for more workers, those that there are will do."""
        self._false_starts += 1
        begun = sum(hand.has_begun for hand in self._hands)
        if begun:
            self._max_workers = begun
        elif self._false_starts >= _FALSE_STARTS:
            raise ClusterUnavailableError(f"worker processes end before they begin: {_cause_of_death(told)}")

    # -- values --------------------------------------------------------------------------------

    def put(self, packed: bytes, body: Any) -> Result:
        """Put the value into shared memory."""
        return Result(packed, store_value(body))

    def fetch(self, handle: Result) -> Any:
        """The value, whose arrays are not copied."""
        assert handle.memory is not None
        return load_value(handle.memory, handle.memory.spans)

    # ------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Let the workers go that are idle, and kill the others."""
        if self._collector is None:
            return
        with self._lock:
            self._is_closed = True
        self._tell(_do_nothing)
        self._collector.join(_SECONDS_TO_END)
        for hand in self._hands:
            if hand.given:
                hand.kill()
                hand.release()
            else:
                self._nursery.dismiss(hand)
        for hand in self._leaving:
            hand.release()
        self._nursery.leave()
        self._selector.close()
        self._wakes.close()
        self._wakeup.close()


def _do_nothing() -> None: ...


def _load(hand: Hand) -> int:
    return len(hand.given)


def _cause_of_death(told: int | str) -> str:
    """In one line, from the exit code of a worker, or what is known instead."""
    if isinstance(told, str):
        return told
    if told >= 0:
        return f"the worker process exited with code {told}"
    try:
        name = signal.Signals(-told).name
    except ValueError:  # of those without a name
        name = "signal"
    hint = "; if nobody killed it, the machine was out of memory" if -told == signal.SIGKILL else ""
    return f"the worker process was killed by {name} ({-told}){hint}"
