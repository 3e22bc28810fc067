"""The driver's drains, attacked: what performs the decisions of the engine is interrupted, broken, flooded and raced."""

from __future__ import annotations

import asyncio
import threading
import traceback
from collections import deque
from functools import partial
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest

from headrace.driver import Driver
from headrace.engine.events import Ending
from headrace.engine.orchestrator import Orchestrator
from headrace.engine.policies import SlotPolicy
from headrace.engine.states import StateName, StateType
from headrace.errors import TaskCrashed
from headrace.history.facts import PlainTaskRunFact, TaskCodeFact
from headrace.interrupts import guarded, noted
from headrace.task_runners.execution import attempt, execute
from headrace.task_runners.runner import Session, TaskRunner
from headrace.tasks import Task
from headrace.thread_marks import own_mark
from tests.engine.story import (
    Engine,
    FlowStarted,
    FunctionEnded,
    Record,
    Retrieved,
    Settle,
    Start,
    to_engine,
)
from tests.interruption import FailAt, InterruptAt, ctrl_c_as_at_a_terminal, is_of_engine
from tests.simulator.driven import NoAftermath

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import CodeType

    from headrace.futures import TaskFuture
    from headrace.task_runners.call import Call
    from tests.engine.story import Event

PATIENCE_SECONDS = 30.0


@pytest.fixture
def _nobody_watches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs that last are not noticed: a trial under a tracer lasts."""
    monkeypatch.setattr("headrace.driver._NOTICED_AFTER_SECONDS", 3_600.0)


# -- a driver on a bench ---------------------------------------------------------------------------------


class GivenAttempts(Session):
    """Keeps what it is given, for others to execute."""

    def __init__(self, start: Callable[[Call], object]) -> None:
        self._start = start

    def start(self, call: Call) -> None:
        self._start(call)

    def close(self) -> None:
        """Nothing to let go."""


class BenchRunner(TaskRunner):
    def __init__(self, start: Callable[[Call], object], slots: int | None) -> None:
        self._start = start
        self._slots = slots

    @property
    def slots(self) -> SlotPolicy:
        return SlotPolicy(self._slots)

    def open(self, flow_run_id: str, loop: Any) -> Session:
        return GivenAttempts(self._start)


class BenchFlowRun:
    flow_run_id = name = flow_name = "on-the-bench"
    logs_failures = logs_prints = False
    keeping = None
    changes: Any = ()

    def __init__(self, told: list[Any]) -> None:
        self._told = told

    def become_known(self) -> None:
        """No history has to know of it."""

    def record_changes(self, changes: Any) -> None:
        self.changes = changes
        self._told.append(("flow", changes[-1][0]))

    def stop(self, reason: str) -> None:
        self._told.append(("flow", "stopped"))


benches: list[Bench] = []


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> Iterator[None]:
    yield
    while benches:
        benches.pop().driver.aftermath.close()


class Bench:
    """A driver whose attempts, timers and history are at hand.

    ``told`` is what the history was told, in order, times left out.
    """

    def __init__(
        self,
        *,
        slots: int | None = None,
        start: Callable[[Call], object] | None = None,
        loop: asyncio.AbstractEventLoop | None = None,
        orchestrator: Any = Orchestrator,
    ) -> None:
        self.told: list[Any] = []
        self.given: deque[Call] = deque()
        self.timers: deque[Callable[[], None]] = deque()
        self.is_posting = False
        flow_run: Any = BenchFlowRun(self.told)
        bench: Any = self
        with (
            mock.patch("headrace.driver.Orchestrator", orchestrator),
            mock.patch("headrace.driver.Aftermath", NoAftermath),
        ):
            self.driver = Driver(
                flow_run=flow_run,
                runner=BenchRunner(start or self.given.append, slots),
                history=bench,
                clock=bench,
                loop=loop,
                is_inline=False,
            )
        self.driver._is_watching = True  # so nobody looks for runs that last, which most of these do for ever
        self._post_in_truth = self.driver.post
        self.driver.post = self._post_watched
        self.post(FlowStarted(self.now_us()))
        benches.append(self)

    # -- the driver's history and clock --------------------------------------------------------

    def record(self, fact: Any) -> None:
        if isinstance(fact, TaskCodeFact):
            return
        full = fact.in_full() if isinstance(fact, PlainTaskRunFact) else fact
        self.told.append((full.id, full.states[-1][0]))

    def now_us(self) -> int:
        return 0

    def call_later(self, _seconds: float, callback: Callable[[], None]) -> None:
        self.timers.append(callback)

    # -- driving it ----------------------------------------------------------------------------

    def post(self, event: Event) -> None:
        self.driver.post(to_engine(event))

    def _post_watched(self, event: Any) -> None:
        was_posting, self.is_posting = self.is_posting, True
        try:
            self._post_in_truth(event)
        finally:
            self.is_posting = was_posting

    def submit(self, task: Task[..., Any], *args: Any) -> TaskFuture[Any]:
        return self.driver.submit(task, args, {})

    def finish(self, id: int) -> None:
        """Execute the attempt of a run, if it was given one, and post how it ended."""
        for call in list(self.given):
            if call.id == id:
                self.given.remove(call)
                report = attempt(call, own_mark(), "bench")
                if report is not None:  # else it was taken back
                    self.driver.post(report)

    def fire_timers(self) -> None:
        while self.timers:
            self.timers.popleft()()

    @property
    def is_free(self) -> bool:
        return not self.driver._mailbox._lock.locked() and not self.driver._mailbox._events


# -- a flow with a bit of everything ---------------------------------------------------------------------


def work(*_: object) -> int:
    return 1


def fail(*_: object) -> None:
    raise ValueError("no")


class Drained:
    """One slot, a retry, a failure with what depends on it, waits, and events that are posted inside a drain."""

    def __init__(self) -> None:
        bench = self.bench = Bench(slots=1)
        self.wakes: dict[int, int] = {}
        first = bench.submit(Task(fail, name="stubborn", retries=1, retry_delay_seconds=5.0))
        second = bench.submit(Task(work, name="after"), first)
        third = bench.submit(Task(work, name="free"))
        fourth = bench.submit(Task(work, name="last"), third)
        self.futures = [first, second, third, fourth]
        for future in self.futures:
            self.wakes[self._id(future)] = 0
            future._source.add_done_callback(partial(self._wake, self._id(future)))
        third._source.add_done_callback(lambda: bench.driver.cancel(self._call(fourth)))
        first._source.add_done_callback(lambda: bench.driver.post(to_engine(Retrieved(1))))
        bench.timers.clear()  # of the watch over runs that last

    def _wake(self, id: int) -> None:
        self.wakes[id] += 1

    @staticmethod
    def _call(future: TaskFuture[Any]) -> Call:
        call: Any = future._source
        return call  # type: ignore[no-any-return]

    def _id(self, future: TaskFuture[Any]) -> int:
        return self._call(future).id

    def go(self) -> None:
        """All that happens in the flow, a drain an event."""
        bench = self.bench
        bench.finish(1)
        bench.finish(3)
        bench.fire_timers()
        bench.finish(4)
        bench.post(FunctionEnded(0, Ending.RETURNED))
        bench.finish(1)
        bench.finish(4)
        bench.fire_timers()

    def is_in_a_drain(self, code: CodeType) -> bool:
        return self.bench.is_posting and is_of_engine(code)

    def is_performed_in_a_drain(self, code: CodeType) -> bool:
        """The decisions and their performance: not the mailbox round them, nor what is called when it is left.

        A waiter is taken from its list before it is called: between the two there is nothing that could raise.
        """
        is_round_it = code.co_filename.endswith(("mailbox.py", "interrupts.py", "runner.py"))
        return self.is_in_a_drain(code) and not is_round_it and code.co_name != "call_back"


UNDISTURBED = [
    ("flow", StateName.RUNNING),
    (1, StateName.AWAITING_RETRY),
    (3, StateName.COMPLETED),
    (4, StateName.CANCELLED),
    (1, StateName.RETRYING),
    (1, StateName.FAILED),
    (2, StateName.UPSTREAM_FAILED),
]


@pytest.mark.usefixtures("_nobody_watches")
def test_a_flow_with_a_bit_of_everything_is_told_to_the_history_in_order() -> None:
    drained = Drained()
    drained.go()
    assert drained.bench.told == UNDISTURBED
    assert drained.wakes == {1: 1, 2: 1, 3: 1, 4: 1}
    assert drained.bench.driver.end is not None
    assert drained.bench.driver.end.changes[-1][0] is StateName.FAILED


# -- nothing interrupts a drain --------------------------------------------------------------------------


def interrupt_a_drain(point: int) -> tuple[InterruptAt, Drained, int]:
    drained = Drained()
    interrupts = 0
    tracer = InterruptAt(point, include=drained.is_in_a_drain)
    try:
        with ctrl_c_as_at_a_terminal(), guarded(), tracer:
            drained.go()
    except KeyboardInterrupt:
        interrupts += 1
    return tracer, drained, interrupts


def check_that_interrupts_change_nothing(step: int) -> None:
    interrupt_a_drain(-1)  # what is done once a process is done here
    interrupt_a_drain(0)  # after that Python 3.13 tells a tracer of a few points less, as it will below
    points = interrupt_a_drain(-1)[0].passed
    assert points > 500
    for point in range(0, points, step):
        tracer, drained, interrupts = interrupt_a_drain(point)
        assert interrupts == 1, tracer.place
        assert drained.bench.told == UNDISTURBED, tracer.place
        assert set(drained.wakes.values()) == {1}, tracer.place
        assert drained.bench.driver.ended.is_done, tracer.place
        assert drained.bench.driver.defect is None, tracer.place
        assert drained.bench.is_free, tracer.place
        assert not noted.is_set, tracer.place


@pytest.mark.traces
@pytest.mark.usefixtures("_nobody_watches")
def test_a_ctrl_c_at_many_points_of_a_drain_changes_nothing_and_is_raised_once_afterwards() -> None:
    check_that_interrupts_change_nothing(step=23)


@pytest.mark.traces
@pytest.mark.nightly
@pytest.mark.usefixtures("_nobody_watches")
def test_a_ctrl_c_at_every_point_of_a_drain_changes_nothing_and_is_raised_once_afterwards() -> None:
    check_that_interrupts_change_nothing(step=1)


# -- a bug ends the run, not the world -------------------------------------------------------------------


def break_a_drain(point: int) -> tuple[FailAt, Drained]:
    drained = Drained()
    tracer = FailAt(point, ZeroDivisionError("a bug"), include=drained.is_performed_in_a_drain)
    with tracer:
        drained.go()
    return tracer, drained


@pytest.mark.traces
@pytest.mark.usefixtures("_nobody_watches")
def test_an_exception_at_any_line_of_a_drain_ends_the_run_wakes_everybody_and_is_kept() -> None:
    lines = break_a_drain(-1)[0].passed
    assert lines > 300
    for line in range(lines):
        tracer, drained = break_a_drain(line)
        driver = drained.bench.driver
        if (
            driver.defect is None
        ):  # it came where anything may be raised, such as a `__str__`, and is expected
            assert drained.bench.told == UNDISTURBED, tracer.place
            continue
        assert driver.defect is tracer.error, tracer.place
        assert driver.ended.is_done, tracer.place
        assert set(drained.wakes.values()) == {1}, f"{drained.wakes}, broken at {tracer.place}"
        assert drained.bench.is_free, tracer.place
        *_, broken_at, _ = traceback.walk_tb(driver.defect.__traceback__)  # the last is the tracer itself
        assert tracer.place == f"{broken_at[0].f_code.co_qualname}:{broken_at[1]}"
        for future in drained.futures:
            assert future.done(), tracer.place
            error = future.exception()
            if future.state.type is StateType.CRASHED:
                assert isinstance(error, TaskCrashed), tracer.place
                assert error.__cause__ is tracer.error, tracer.place
        late = drained.bench.submit(Task(work))
        assert isinstance(late.exception(), TaskCrashed), tracer.place


# -- effects keep their order ----------------------------------------------------------------------------


class ListeningOrchestrator(Orchestrator):
    """Keeps what was decided, in order."""

    def __init__(self, decided: list[Any], **options: Any) -> None:
        super().__init__(**options)
        self._decided = decided
        self._engine = Engine(self)

    def handle(self, event: Any) -> Sequence[Any]:
        effects = super().handle(event)
        for effect in self._engine.hear(event, effects)[1]:
            if isinstance(effect, Start):
                self._decided.append((effect.id, "started"))
            elif isinstance(effect, Settle | Record):
                self._decided.append((effect.id, effect.name))
        return effects


def run_threads(*targets: Callable[[], None]) -> None:
    threads = [threading.Thread(target=target, daemon=True) for target in targets]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_SECONDS)
    assert not any(thread.is_alive() for thread in threads)


def test_effects_of_120_000_events_of_four_threads_are_performed_in_the_order_of_their_decision() -> None:
    runs_a_thread = 30_000
    decided: list[Any] = []
    queue: SimpleQueue[Call] = SimpleQueue()

    def start(call: Call) -> None:
        bench.told.append((call.id, "started"))
        queue.put(call)

    bench = Bench(start=start, orchestrator=partial(ListeningOrchestrator, decided))
    bench.told.clear()
    task = Task(work)

    def submit() -> None:
        for _ in range(runs_a_thread):
            bench.driver.submit(task, (), {})

    def execute_some() -> None:
        for _ in range(runs_a_thread):
            execute(queue.get(timeout=PATIENCE_SECONDS))

    run_threads(submit, submit, execute_some, execute_some)
    bench.post(FunctionEnded(0, Ending.RETURNED))
    assert bench.driver.ended.block(PATIENCE_SECONDS)  # the clock's thread may still have some to handle
    assert len(decided) >= 4 * runs_a_thread
    assert bench.told == decided
    assert bench.is_free


# -- nobody is captured ----------------------------------------------------------------------------------


class CountingOrchestrator(Orchestrator):
    """Counts the events that it handles."""

    count = 0

    def handle(self, event: Any) -> Sequence[Any]:
        self.count += 1
        return super().handle(event)


def counting_bench(loop: asyncio.AbstractEventLoop | None = None) -> tuple[Bench, CountingOrchestrator]:
    """A bench, and the orchestrator that was made for it."""
    made: list[CountingOrchestrator] = []

    def make(**options: Any) -> CountingOrchestrator:
        made.append(CountingOrchestrator(**options))
        return made[-1]

    bench = Bench(loop=loop, orchestrator=make)
    return bench, made[0]


def post_a_crowd(bench: Bench, count: int) -> None:
    """Post so many events while this thread drains, as a crowd of workers would."""
    source: Any = bench.submit(Task(work))._source
    source.add_done_callback(lambda: [bench.driver.post(to_engine(Retrieved(1))) for _ in range(count)])
    bench.finish(1)


def test_a_thread_that_drains_hands_the_mailbox_on_after_some_thousand_events() -> None:
    bench, orchestrator = counting_bench()
    crowd, is_over = 30_000, threading.Event()
    clock: deque[Callable[[], None]] = deque()
    with mock.patch("headrace.driver.system_clock.call_soon", clock.append):
        post_a_crowd(bench, crowd)
        at_once = orchestrator.count
        assert 1_000 < at_once < 10_000
        while clock:
            before = orchestrator.count
            clock.popleft()()
            assert orchestrator.count - before < 10_000
    assert orchestrator.count > crowd
    assert bench.is_free

    bench, orchestrator = counting_bench()
    bench.driver.ended.add_done_callback(is_over.set)
    post_a_crowd(bench, crowd)
    bench.post(FunctionEnded(0, Ending.RETURNED))
    assert is_over.wait(PATIENCE_SECONDS)  # the clock's thread has handled the rest
    assert orchestrator.count > crowd


def test_an_event_loop_that_drains_has_its_turn_after_about_a_millisecond() -> None:
    crowd, turns = 10_000, []

    async def flood() -> None:
        loop = asyncio.get_running_loop()
        bench, orchestrator = counting_bench(loop)
        post_a_crowd(bench, crowd)
        turns.append(orchestrator.count)
        while orchestrator.count < crowd:
            await asyncio.sleep(0)
            turns.append(orchestrator.count - sum(turns))
        bench.driver.close()

    asyncio.run(asyncio.wait_for(flood(), PATIENCE_SECONDS))
    assert sum(turns) > crowd
    assert max(turns) <= 512, "some three microseconds an event make about a millisecond"


def test_a_worker_that_posts_while_the_loop_drains_handles_the_rest_itself() -> None:
    """Whoever finds the mailbox free drains it: what the loop has handed on does not wait for its next turn."""

    async def flood() -> tuple[int, int]:
        bench, orchestrator = counting_bench(asyncio.get_running_loop())
        post_a_crowd(bench, 3_000)
        before = orchestrator.count
        await asyncio.to_thread(bench.post, Retrieved(1))
        bench.driver.close()
        return before, orchestrator.count

    before, after = asyncio.run(asyncio.wait_for(flood(), PATIENCE_SECONDS))
    assert before <= 512
    assert after > 3_000
