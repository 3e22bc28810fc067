"""Interrupting threads: in the code of the run that is to stop, once, and nowhere else, however unlucky the moment."""

from __future__ import annotations

import dis
import gc
import random
import signal
import sys
import threading
import time
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from headrace import flow, task
from headrace.errors import RunInterrupted, TaskCancelled
from headrace.history import History, use_history
from headrace.interrupts import calls_user_code, guarded, shielded
from headrace.mailbox import Mailbox
from headrace.task_runners import ConcurrentTaskRunner
from headrace.thread_marks import ThreadMark, _send_if_still_there, find_mark, own_mark

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PATIENCE_SECONDS = 60.0
LOOKS = ("CALL", "PRECALL", "RESUME", "JUMP_BACKWARD", "SEND", "YIELD", "FOR_ITER")


@pytest.fixture(autouse=True)
def _the_collector_calls_nobody() -> Iterator[None]:
    """An exception that is sent to a thread would now and then arrive in the end of something that another test has left behind.

    The collector calls that before, and then no more.
    """
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@contextmanager
def threads_take_turns_quickly() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


# -- one thread, interrupted anywhere --------------------------------------------------------------------


class Engine:
    """What an engine does when user code calls it: each call appends, posts, and holds a lock meanwhile."""

    def __init__(self) -> None:
        self.begun = self.ended = self.handled = 0
        self.lock = threading.Lock()
        self.mailbox: Mailbox[int] = Mailbox(
            self._handle, on_defect=self._keep, limit=lambda: 1_000, hand_on=lambda drain: drain()
        )
        self.defects: list[BaseException] = []

    def _handle(self, _event: int) -> None:
        self.handled += 1

    def _keep(self, defect: BaseException) -> None:
        self.defects.append(defect)

    @shielded
    def work(self) -> None:
        self.begun += 1
        self.lock.acquire()
        for number in range(3):
            self.mailbox.post(number)
        self.lock.release()
        self.ended += 1


class Interrupted:
    """A thread that does as a worker does: attempts one after another, each in user code that calls the engine."""

    def __init__(self, seed: int, attempts: int) -> None:
        self.engine = Engine()
        self.run = object()
        self.number = 0
        self.ended: Counter[str] = Counter()
        self.escaped: list[BaseException] = []
        self._random = random.Random(seed)
        self._attempts = attempts
        self.mark: ThreadMark
        self.has_begun = threading.Event()
        self.thread = threading.Thread(target=self._work, daemon=True)

    def _work(self) -> None:
        self.mark = own_mark()
        self.has_begun.set()
        try:
            self._execute_all()
        except BaseException as error:  # it would have ended the worker
            self.escaped.append(error)

    @shielded
    def _execute_all(self) -> None:
        for number in range(1, self._attempts + 1):
            self.number = number
            self.ended[self._execute(number)] += 1
            self.engine.work()

    def _execute(self, number: int) -> str:
        mark = self.mark
        steps = self._random.choice((0, 1, 5, 50, 50_000))
        try:
            mark.number = number
            mark.run = self.run
            try:
                self._call(steps)
            finally:
                mark.run = None
                if mark.is_targeted:
                    mark.absorb()
        except RunInterrupted:
            return "interrupted"
        return "returned"

    @calls_user_code
    def _call(self, steps: int) -> None:
        user_code(self.engine, steps)


def user_code(engine: Engine, steps: int) -> None:
    total = 0
    for number in range(steps):
        for other in range(30):
            total += other
        if number % 2:
            engine.work()


def torture(seed: int, attempts: int) -> Interrupted:
    """Interrupt each attempt, or the one that has just ended, at a moment by chance."""
    tortured = Interrupted(seed, attempts)
    source = random.Random(seed)
    with threads_take_turns_quickly():
        tortured.thread.start()
        assert tortured.has_begun.wait(PATIENCE_SECONDS)
        last, end = -1, 0.0
        while tortured.thread.is_alive():
            number = tortured.number
            if number != last:
                last, end = number, time.monotonic() + PATIENCE_SECONDS
            assert time.monotonic() < end, "it hangs: a lock was left held"
            for _ in range(source.randrange(40)):
                pass
            tortured.mark.interrupt(tortured.run, number)
    return tortured


def check(tortured: Interrupted, attempts: int) -> None:
    engine = tortured.engine
    assert not tortured.escaped
    assert not engine.defects
    assert tortured.ended.total() == attempts
    assert engine.begun == engine.ended, "the engine was interrupted in its work"
    assert engine.handled == 3 * engine.begun, "an event was lost"
    assert not engine.lock.locked()


@pytest.mark.parametrize("seed", range(3))
def test_thousands_of_interrupts_come_to_user_code_and_never_to_the_engine(seed: int) -> None:
    tortured = torture(seed, 700)
    check(tortured, 700)
    assert min(tortured.ended.values()) > 50


@pytest.mark.nightly
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", range(100, 140))
def test_a_million_interrupts_come_to_user_code_and_never_to_the_engine(seed: int) -> None:
    check(torture(seed, 25_000), 25_000)


def test_nothing_lets_another_thread_have_its_turn_between_the_look_and_the_sending() -> None:
    instructions = list(dis.get_instructions(_send_if_still_there))
    unpacked = [n for n, found in enumerate(instructions) if found.opname.startswith("UNPACK_SEQUENCE")]
    looked, sent = unpacked[:2]
    between = {found.opname for found in instructions[looked + 1 : sent]}
    assert not [name for name in between if name.startswith(LOOKS)]


# -- the workers of a flow, and the main thread ----------------------------------------------------------


@pytest.fixture
def history() -> Iterator[History]:
    with use_history(History.open(":memory:")) as history:
        yield history
    history.close()


def test_task_runs_cancelled_at_any_moment_end_and_their_threads_go_on(history: History) -> None:
    source = random.Random(7)
    child = task(name="child")(lambda: sum(range(200)))

    @task
    def busy(steps: int) -> int:
        for _ in range(steps):
            child().result()
        return steps

    @flow(task_runner=ConcurrentTaskRunner(max_workers=4))
    def cancelling() -> Counter[str]:
        ends: Counter[str] = Counter()
        for _ in range(40):
            futures = [busy(source.randrange(40)) for _ in range(5)]
            for future in futures:
                time.sleep(source.random() * 0.002)
                future.cancel()
            for future in futures:
                try:
                    future.result(PATIENCE_SECONDS)
                    ends["Completed"] += 1
                except TaskCancelled:
                    ends["Cancelled"] += 1
        ends["after all"] = busy(3).result()
        return ends

    with threads_take_turns_quickly():
        ends = cancelling()
    assert ends.pop("after all") == 3
    assert ends.total() == 200
    assert history.flush(PATIENCE_SECONDS)
    reader = history.reader()
    [run] = [reader.get_run(summary.id) for summary in reader.list_runs(0)]
    recorded = Counter(task_run.state for task_run in reader.task_runs(run) if task_run.task == "busy")
    assert recorded == ends + Counter({"Completed": 1})


class Spot:
    """What the main thread does in a test of its signals."""

    def __init__(self) -> None:
        self.run = object()
        self.seen: list[bool] = []

    @calls_user_code
    def in_user_code(self) -> None:
        mark = own_mark()
        mark.run, mark.number = self.run, 1
        try:
            self.seen.append(mark.interrupt(self.run, 1))
            signal.pause()
        finally:
            mark.run = None
            mark.absorb()

    @shielded
    def in_the_engine(self) -> None:
        mark = own_mark()
        mark.run, mark.number = self.run, 1
        try:
            self.seen.append(mark.interrupt(self.run, 1))
        finally:
            mark.run = None
            mark.absorb()


def test_the_main_thread_is_interrupted_by_a_signal_in_user_code_and_not_in_the_engine() -> None:
    spot = Spot()
    before = signal.getsignal(signal.SIGURG)
    with guarded():
        with pytest.raises(RunInterrupted):
            spot.in_user_code()
        spot.in_the_engine()
    assert signal.getsignal(signal.SIGURG) is before


def test_a_mark_is_found_by_its_run_and_attempt() -> None:
    mark, run = own_mark(), object()
    mark.run, mark.number = run, 2
    try:
        assert find_mark(run, 2) is mark
        assert find_mark(run, 1) is None
    finally:
        mark.run = None
    assert find_mark(run, 2) is None


def test_an_import_is_not_cut_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = "from tests.test_thread_marks import interrupt_myself\nfound = interrupt_myself()\n"
    (tmp_path / "interrupted_in_import.py").write_text(module)
    monkeypatch.syspath_prepend(tmp_path)
    outcome: list[bool] = []

    @calls_user_code
    def work() -> None:
        mark = own_mark()
        mark.run, mark.number = work, 1
        try:
            import interrupted_in_import  # type: ignore[import-not-found]

            outcome.append(interrupted_in_import.found)
        finally:
            mark.run = None
            mark.absorb()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(PATIENCE_SECONDS)
    assert outcome == [False]


def interrupt_myself() -> bool:
    mark = own_mark()
    return mark.interrupt(mark.run, mark.number)
