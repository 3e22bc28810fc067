"""What goes through the channel to a worker, and what the worker can rely on whoever takes it."""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, cast

import pytest

from headrace.task_runners import process_nursery
from headrace.task_runners.process_hand import Hand, Master
from headrace.task_runners.process_worker import Order
from headrace.task_runners.remote.errand import PackedCommission

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator

    from headrace.task_runners.remote.engine import Attempt

DEADLINE_SECONDS = 20


class Anybody(Master):
    """Who does not listen."""

    def note_begin(self, hand: Hand) -> None: ...

    def note_end(self, hand: Hand, told: int | str) -> None: ...


class AttemptOf:
    """An attempt at the task of that name."""

    def __init__(self, task: str) -> None:
        self.commission = PackedCommission(task.encode(), f"commission of {task}".encode())
        self.errand = b"errand"
        self.upstreams: list[object] = []


@pytest.fixture
def hand() -> Iterator[Hand]:
    hand = Hand(lambda: None)
    hand.serve(Anybody(), b"surroundings")
    yield hand
    hand.release()


def give(hand: Hand, number: int, task: str) -> bool:
    with suppress(BlockingIOError):
        hand.give(number, cast("Attempt", AttemptOf(task)))
        return True
    return False


def take(hand: Hand) -> Order:
    """The next order, as the worker takes it."""
    message = hand.far_end.receive(waits=False)
    assert message is not None
    return Order(*message.content)


def test_nothing_follows_the_surroundings_until_they_have_arrived(hand: Hand) -> None:
    assert give(hand, 1, "add")
    assert not give(hand, 2, "add")
    assert not give(hand, 2, "multiply")

    hand.note_answer(take(hand).number)
    assert give(hand, 2, "add")
    assert take(hand).surroundings is None


def test_no_order_relies_on_a_commission_that_could_still_be_taken_back(hand: Hand) -> None:
    give(hand, 1, "add")
    hand.note_answer(take(hand).number)

    assert give(hand, 2, "multiply")
    assert not give(hand, 3, "multiply")
    assert give(hand, 3, "add")
    assert [attempt.commission.digest for attempt in hand.take_back()] == [b"multiply", b"add"]

    assert give(hand, 4, "multiply")
    order = take(hand)
    assert order.commission == b"commission of multiply"
    hand.note_answer(order.number)
    assert give(hand, 5, "multiply")
    assert take(hand).commission is None


def test_surroundings_that_were_taken_back_come_with_the_next_order(hand: Hand) -> None:
    give(hand, 1, "add")
    hand.take_back()

    assert give(hand, 2, "add")
    order = take(hand)
    assert (order.surroundings, order.commission) == (b"surroundings", b"commission of add")


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_nobody_forks_the_flows_process_while_the_parent_of_workers_is_started(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    start = process_nursery._start
    forking = threading.Thread(target=fork)

    def start_while_somebody_forks(fd: int) -> subprocess.Popen[bytes]:
        forking.start()
        forking.join(0.2)
        assert forking.is_alive()
        return start(fd)

    monkeypatch.setattr(process_nursery, "_start", start_while_somebody_forks)
    forks = process_nursery.Forks()
    forking.join(DEADLINE_SECONDS)
    forks.end()

    assert not forking.is_alive()


def fork() -> None:
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
