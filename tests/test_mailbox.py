"""Each invariant of the mailbox, attacked."""

from __future__ import annotations

import threading
from collections import Counter, deque
from typing import TYPE_CHECKING, Any

import pytest

from headrace.interrupts import guarded, noted
from headrace.mailbox import Mailbox
from tests.interruption import InterruptAt, ctrl_c_as_at_a_terminal

if TYPE_CHECKING:
    from collections.abc import Callable

PATIENCE_SECONDS = 30.0


class Desk:
    """A mailbox whose events are kept as they are handled, and whose rest waits until somebody goes on."""

    def __init__(self, *, limit: int = 100_000, handle: Callable[[Any], None] | None = None) -> None:
        self.handled: list[Any] = []
        self.defects: list[BaseException] = []
        self.rests: deque[Callable[[], None]] = deque()
        self.mailbox: Mailbox[Any] = Mailbox(
            handle or self.handled.append,
            on_defect=self.defects.append,
            limit=lambda: limit,
            hand_on=self.rests.append,
        )

    @property
    def is_free(self) -> bool:
        return not self.mailbox._lock.locked()

    def pile_up(self, events: range) -> None:
        """Post while another thread drains."""
        assert self.mailbox._lock.acquire(False)
        for event in events:
            self.mailbox.post(event)
        self.mailbox._lock.release()


def run_threads(*targets: Callable[[], None]) -> None:
    """Run them all at once; none may take longer than patience lasts."""
    barrier = threading.Barrier(len(targets))

    def begin(target: Callable[[], None]) -> None:
        barrier.wait(PATIENCE_SECONDS)
        target()

    threads = [threading.Thread(target=begin, args=(target,), daemon=True) for target in targets]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_SECONDS)
    assert not any(thread.is_alive() for thread in threads)


# -- no wake-up is lost --------------------------------------------------------------------------------


@pytest.mark.parametrize("limit", [300, 4_096, 10**9])
def test_four_threads_post_200_000_events_and_each_is_handled_once_and_in_order(limit: int) -> None:
    desk = Desk(limit=limit)
    count = 50_000 if limit == 4_096 else 10_000
    is_handling = threading.Lock()

    def handle(event: tuple[int, int]) -> None:
        assert is_handling.acquire(False), "two threads handle at once"
        desk.handled.append(event)
        is_handling.release()

    desk.mailbox._handle = handle

    def post_all(thread: int) -> Callable[[], None]:
        def post() -> None:
            for number in range(count):
                desk.mailbox.post((thread, number))
                if number % 256 == 0:
                    go_on()

        return post

    def go_on() -> None:
        while desk.rests:
            try:
                desk.rests.popleft()()
            except IndexError:
                return

    run_threads(*(post_all(thread) for thread in range(4)))
    go_on()
    assert desk.defects == []
    assert len(desk.handled) == 4 * count
    by_thread: dict[int, list[int]] = {thread: [] for thread in range(4)}
    for thread, number in desk.handled:
        by_thread[thread].append(number)
    assert all(numbers == list(range(count)) for numbers in by_thread.values())
    assert desk.is_free
    assert not desk.mailbox._events


def test_a_post_from_inside_a_drain_only_appends() -> None:
    desk = Desk()
    depth: list[int] = []

    def handle(event: int) -> None:
        depth.append(event)
        assert len(depth) == 1
        desk.handled.append(event)
        if event < 3:
            desk.mailbox.post(event + 1)
        depth.pop()

    desk.mailbox._handle = handle
    desk.mailbox.post(0)
    assert desk.handled == [0, 1, 2, 3]
    assert desk.is_free


def test_who_lets_go_of_the_mailbox_looks_again() -> None:
    """A post that finds the lock taken, after the last look and before it is let go, is handled all the same."""
    desk = Desk()

    class LateLock:
        """A lock into whose release another thread's post falls."""

        def __init__(self) -> None:
            self._lock = threading.Lock()
            self.is_first = True

        def acquire(self, blocking: bool) -> bool:
            return self._lock.acquire(blocking)

        def release(self) -> None:
            if self.is_first:
                self.is_first = False
                desk.mailbox.post("late")
            self._lock.release()

    desk.mailbox._lock = LateLock()  # type: ignore[assignment]
    desk.mailbox.post("early")
    assert desk.handled == ["early", "late"]


# -- nobody is captured --------------------------------------------------------------------------------


@pytest.mark.parametrize("limit", [0, 1, 100, 255, 256, 257, 1_000])
def test_a_drain_is_bounded_and_hands_the_rest_on(limit: int) -> None:
    desk = Desk(limit=limit)
    desk.pile_up(range(5_000))
    desk.mailbox.drain()
    at_once = len(desk.handled)
    assert at_once == max(limit, 256)
    while desk.rests:
        before = len(desk.handled)
        desk.rests.popleft()()
        assert len(desk.handled) - before <= max(limit, 256)
    assert desk.handled == list(range(5_000))
    assert desk.is_free


def test_a_drain_is_bounded_also_while_others_post_faster_than_it_handles() -> None:
    desk = Desk(limit=500)

    def handle(event: str) -> None:
        desk.handled.append(event)
        desk.mailbox.post(event)

    desk.mailbox._handle = handle
    desk.mailbox.post("again")
    assert len(desk.handled) == 1 + 500  # the one that was posted, and a whole drain of what came of it
    assert len(desk.rests) == 1


def test_a_rest_that_somebody_else_handles_meanwhile_is_no_harm() -> None:
    desk = Desk(limit=256)
    desk.pile_up(range(300))
    desk.mailbox.drain()
    desk.mailbox.drain()
    assert desk.handled == list(range(300))
    desk.rests.popleft()()
    assert desk.is_free


# -- a defect ends the run, not the world --------------------------------------------------------------


def test_an_exception_at_any_event_of_a_drain_is_told_and_the_others_are_handled() -> None:
    for broken in range(20):
        desk = Desk()

        def handle(event: int, desk: Desk = desk, broken: int = broken) -> None:
            if event == broken:
                raise ZeroDivisionError(event)
            desk.handled.append(event)

        desk.mailbox._handle = handle
        desk.pile_up(range(20))
        desk.mailbox.drain()
        assert [str(defect) for defect in desk.defects] == [str(broken)]
        assert desk.handled == [event for event in range(20) if event != broken]
        assert desk.is_free


def test_a_defect_at_the_last_event_of_a_bounded_drain_does_not_lose_the_rest() -> None:
    desk = Desk()

    def handle(event: int) -> None:
        desk.handled.append(event)
        if event == 255:
            raise ZeroDivisionError

    desk.mailbox._handle = handle
    desk.pile_up(range(300))
    desk.mailbox.drain()
    while desk.rests:
        desk.rests.popleft()()
    assert desk.handled == list(range(300))


def test_a_defect_that_cannot_be_told_leaves_the_lock_free() -> None:
    def refuse(defect: BaseException) -> None:
        raise RuntimeError("nobody listens") from defect

    desk = Desk()
    desk.mailbox._on_defect = refuse
    desk.mailbox._handle = lambda _event: 1 / 0  # type: ignore[assignment]
    with pytest.raises(RuntimeError, match="nobody listens"):
        desk.mailbox.post(1)
    assert desk.is_free


# -- nothing interrupts a drain ------------------------------------------------------------------------


def interrupt_a_drain(point: int) -> tuple[InterruptAt, Desk, int, int]:
    """Three events, one of which posts another and one of which fails, with a Ctrl-C at the n-th point."""
    desk = Desk()
    posted = interrupts = 0

    def handle(event: int) -> None:
        desk.handled.append(event)
        if event == 1:
            desk.mailbox.post(10)
        if event == 2:
            raise ZeroDivisionError

    desk.mailbox._handle = handle
    tracer = InterruptAt(point, include=lambda code: "mailbox" in code.co_filename or code is handle.__code__)
    try:
        with ctrl_c_as_at_a_terminal(), guarded(), tracer:
            for event in range(4):
                posted += 1
                desk.mailbox.post(event)
    except KeyboardInterrupt:
        interrupts += 1
    return tracer, desk, posted, interrupts


@pytest.mark.traces
def test_a_ctrl_c_at_every_point_of_a_drain_loses_nothing_and_is_raised_once_afterwards() -> None:
    points = interrupt_a_drain(-1)[0].passed
    assert points > 30
    for point in range(points):
        tracer, desk, posted, interrupts = interrupt_a_drain(point)
        assert interrupts == 1, tracer.place
        assert posted == 4, f"cut short at {tracer.place}"
        assert Counter(desk.handled) == Counter([0, 1, 2, 3, 10]), tracer.place
        assert desk.handled.index(10) > desk.handled.index(1), tracer.place
        assert [type(defect) for defect in desk.defects] == [ZeroDivisionError], tracer.place
        assert desk.is_free, tracer.place
        assert not noted.is_set
