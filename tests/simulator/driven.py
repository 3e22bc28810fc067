"""The real driver, with a task runner, a history and a clock in memory, all of it in one thread.

What would happen in other threads happens between two steps: attempts are begun and ended one at a time, in any
order; timers fire in any order; and the mailbox is held for a while, as by a thread that drains slowly, so that
reports and requests pile up and overtake decisions. In some runs the engine fails at an effect.
"""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, Any
from unittest import mock

from headrace.completion import Completion
from headrace.dependencies import allow_failure
from headrace.driver import Driver
from headrace.engine.events import Ending, FlowStarted, FunctionEnded
from headrace.engine.policies import SlotPolicy
from headrace.engine.states import StateName, StateType
from headrace.errors import TaskCancelled, TaskCrashed, UpstreamFailedError
from headrace.futures import FlowRunFuture, TaskFuture
from headrace.history.facts import FlowRunFact, LogFact, PlainTaskRunFact
from headrace.task_runners.execution import execute_async
from headrace.task_runners.runner import Session, TaskRunner
from headrace.tasks import Task
from tests.simulator.model import BrokenInvariantError, Model
from tests.simulator.world import tell_event

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence
    from typing import TypeVar

    from headrace.clock import Clock
    from headrace.engine.effects import Effect
    from headrace.engine.events import Event
    from headrace.engine.orchestrator import Orchestrator
    from headrace.engine.task_run import TaskRun
    from headrace.history import History
    from headrace.history.facts import Fact
    from headrace.task_runners.call import Call

    ItemT = TypeVar("ItemT")


class PlannedError(Exception):
    """What a task of the simulation raises."""


class InjectedError(Exception):
    """A defect that is put into the engine."""


class VirtualClock:
    """Time that passes when somebody looks; timers that fire when the world says so."""

    def __init__(self) -> None:
        self.time_us = 0
        self.timers: list[Callable[[], None]] = []

    def now_us(self) -> int:
        self.time_us += 1
        return self.time_us

    def call_later(self, seconds: float, callback: Callable[[], None]) -> None:
        self.timers.append(callback)

    def call_soon(self, callback: Callable[[], None]) -> None:
        self.timers.append(callback)


class Attempt:
    """An attempt that has begun: the coroutine of ``execute_async``, and the run that it is for."""

    def __init__(self, call: Call) -> None:
        self.call = call
        self.context = call.context.copy()
        self.body = execute_async(call)

    def go_on(self, error: BaseException | None = None) -> bool:
        """Take one step; whether it is over."""
        try:
            if error is None:
                self.context.run(self.body.send, None)
            else:
                self.context.run(self.body.throw, error)
        except StopIteration:
            return True
        return False


class Suspension:
    """What a task awaits while others have their turn."""

    def __await__(self) -> Generator[None, None, None]:
        yield


class MemorySession(Session):
    """Attempts that wait until the world begins, ends or interrupts them."""

    def __init__(self, world: DrivenWorld) -> None:
        self._world = world
        self.given: list[Call] = []
        self.begun: list[Attempt] = []
        self.is_tended = True
        self.is_closed = False

    def start(self, call: Call) -> None:
        self.given.append(call)
        self.is_tended = False

    def tend(self) -> None:
        self.is_tended = True

    def interrupt(self, call: Call) -> bool:
        """Sometimes it works, and then the attempt ends later, or is over already; sometimes it does not."""
        if self._world.chance(2):
            return False
        for attempt in self.begun:
            if attempt.call is call:
                self._world.cancellations.append(attempt)
        return True

    def close(self) -> None:
        self.is_closed = True


class MemoryRunner(TaskRunner):
    """A task runner that opens one session."""

    name = "memory"

    def __init__(self, world: DrivenWorld, slots: SlotPolicy) -> None:
        self._slots = slots
        self.session = MemorySession(world)

    @property
    def slots(self) -> SlotPolicy:
        return self._slots

    def open(self, flow_run_id: str, loop: Any) -> Session:
        return self.session


class MemoryHistory:
    """Keeps facts, and checks that they are a prefix of what happened."""

    def __init__(self, world: DrivenWorld) -> None:
        self._world = world
        self.ended: dict[int, StateName] = {}
        self.count = 0

    def record(self, fact: Fact) -> None:
        self.count += 1
        self._world.maybe_fail("record")
        if isinstance(fact, PlainTaskRunFact):
            fact = fact.in_full()
        if isinstance(fact, FlowRunFact | LogFact):
            return
        if fact.id in self.ended:
            raise BrokenInvariantError(f"the history was told of run {fact.id} after its end")
        name = fact.states[-1][0]
        if name.type.is_terminal:
            self.ended[fact.id] = name
            early = [id for id in fact.upstreams if isinstance(id, int) and id not in self.ended]
            if early and name is not StateName.CANCELLED and name is not StateName.CRASHED:
                raise BrokenInvariantError(f"run {fact.id} was recorded before its upstreams {early}")


class MemoryAftermath:
    """Hooks and log lines, counted."""

    def __init__(self) -> None:
        self.count = 0

    def put(self, chore: Callable[[], None]) -> None:
        self.count += 1


class OtherFlow:
    """Whom a run of another flow belongs to."""

    flow_run_id = "other-flow"

    def blocks(self, loop: Any) -> bool:
        return False


class OtherRun(Completion):
    """A flow run beside the one under test."""

    value = "value of another flow"
    error: BaseException | None = None
    flow_run_id = "other-flow"
    display_name = "another flow"
    driver = OtherFlow()
    is_retrieved = False

    def exception(self) -> BaseException | None:
        return self.error

    def mark_retrieved(self) -> None:
        self.is_retrieved = True


class WatchedOrchestrator:
    """The orchestrator, with the model looking over its shoulder until a defect is put in."""

    def __init__(self, orchestrator: Orchestrator, world: DrivenWorld) -> None:
        self._orchestrator = orchestrator
        self._world = world

    def handle(self, event: Event) -> list[Effect]:
        world = self._world
        world.story.append(event)
        world.maybe_fail("event")
        effects = self._orchestrator.handle(event)
        had_ended = world.model.end is not None
        try:
            world.model.observe(event, effects, self._orchestrator)
            if world.model.end is not None and not had_ended:
                world.model.check_end_of_flow()
        except BrokenInvariantError as broken:
            world.broken = world.broken or broken
        return effects

    @property
    def live_runs(self) -> dict[int, TaskRun]:
        return self._orchestrator.live_runs

    @property
    def effects(self) -> list[Effect]:
        return self._orchestrator.effects


class FlowRunInMemory:
    """What the driver asks of its flow run."""

    flow_run_id = "simulated"
    flow_name = name = "simulated"
    logs_failures = logs_prints = False

    def __init__(self, world: DrivenWorld) -> None:
        self._world = world

    def record_changes(self, changes: Any) -> None:
        self._world.history.count += 1


class DrivenWorld:
    """One flow run, driven for real, and all that happens to it."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self.clock = VirtualClock()
        slots = SlotPolicy(self.pick((None, 1, 1, 2, 3)), held_between_attempts=self.chance(4))
        self.runner = MemoryRunner(self, slots)
        self.session = self.runner.session
        self.fails_at = self.choose(60) if self.chance(3) else -1
        self.failure_is_late = self.chance(2)
        self.defect: InjectedError | None = None
        self.history = MemoryHistory(self)
        self.model = Model(slots)
        self.story: list[Any] = []
        self.broken: BrokenInvariantError | None = None
        self.cancellations: list[Attempt] = []
        self.futures: list[TaskFuture[Any]] = []
        self.others: list[OtherRun] = []
        self.calls_back: dict[int, int] = {}
        self.is_held = False
        self.function_has_ended = False
        memory_history: History = self.history  # type: ignore[assignment]
        clock: Clock = self.clock
        flow_run: Any = FlowRunInMemory(self)
        self.driver = Driver(
            flow_run=flow_run,
            runner=self.runner,
            history=memory_history,
            clock=clock,
            loop=None,
            is_inline=False,
        )
        self._instrument()
        retries = self.choose(3)
        delay = self.pick((0.0, 2.0))
        self.tasks: list[Task[..., Any]] = [
            Task(self._work, name="work"),
            Task(self._work, name="stubborn", retries=retries, retry_delay_seconds=delay),
        ]

    def _instrument(self) -> None:
        driver: Any = self.driver
        driver.aftermath = MemoryAftermath()
        driver._orchestrator = WatchedOrchestrator(driver._orchestrator, self)
        for kind, perform in list(driver._performers.items()):
            driver._performers[kind] = self._failing(perform)

    def _failing(self, perform: Callable[[Any], None]) -> Callable[[Any], None]:
        def performed(effect: Any) -> None:
            if not self.failure_is_late:
                self.maybe_fail("effect")
            perform(effect)
            if self.failure_is_late:
                self.maybe_fail("effect")

        return performed

    def maybe_fail(self, where: str) -> None:
        """The defect that was put in, at its place: before or after the n-th event or effect."""
        if self.fails_at == 0:
            self.defect = InjectedError(f"a defect at an {where}")
            self.fails_at = -1
            raise self.defect
        self.fails_at -= 1

    # -- choosing ----------------------------------------------------------------------------------

    def choose(self, count: int) -> int:
        return int(self._random.random() * count)

    def pick(self, items: Sequence[ItemT]) -> ItemT:
        return items[self.choose(len(items))]

    def chance(self, one_in: int) -> bool:
        return self.choose(one_in) == 0

    # -- what tasks do -----------------------------------------------------------------------------

    async def _work(self, number: int, *values: Any) -> str:
        """Check what was received, pause, and end one way or another."""
        for value in values:
            if isinstance(value, tuple):
                assert value[0] == "value of" or value == ("list",), value
        for _ in range(self.choose(3)):
            await Suspension()
        match self.choose(5):
            case 0 | 1:
                raise PlannedError(number)
            case 2 if self.chance(3):
                raise SystemExit(number)
            case _:
                return ("value of", number)  # type: ignore[return-value]

    # -- what may happen ---------------------------------------------------------------------------

    def may(self) -> list[Callable[[], None]]:
        may: list[Callable[[], None]] = []
        if len(self.futures) < 12:
            may += [self.submit] * (1 if self.function_has_ended else 8)
        if self.session.given:
            may += [self.begin] * 6
        if self.session.begun:
            may += [self.go_on] * 8
        if self.cancellations:
            may += [self.interrupt] * 4
        if self.clock.timers:
            may += [self.fire_timer] * 3
        if self.futures:
            may += [self.cancel, self.look, self.look, self.watch]
        if any(not other.is_done for other in self.others):
            may.append(self.end_other)
        may += [self.let_go] * 3 if self.is_held else [self.hold]
        if not self.function_has_ended and len(self.story) > 8:
            may.append(self.end_function)
        if self.chance(30):
            may.append(self.cancel_flow)
        return may

    def submit(self) -> None:
        arguments = [self._argument(future) for future in self.some_futures(2)]
        if self.chance(6):
            arguments.append(self.other_future())
        wait_for = self.some_futures(1) if self.chance(5) else None
        number = len(self.futures) + 1
        future = self.driver.submit(self.pick(self.tasks), (number, *arguments), {}, wait_for=wait_for)
        self.futures.append(future)
        self.check_tended()

    def some_futures(self, at_most: int) -> list[Any]:
        return [self.pick(self.futures) for _ in range(self.choose(at_most + 1))] if self.futures else []

    def _argument(self, future: Any) -> Any:
        match self.choose(6):
            case 0:
                return allow_failure(future)
            case 1:
                return [{"nested": future}]
            case _:
                return future

    def other_future(self) -> Any:
        if len(self.others) < 2 or self.chance(2):
            other = OtherRun()
            self.others.append(other)
            if self.chance(2):
                self.driver.join(other, owned=True)
        return FlowRunFuture[Any](self.pick(self.others))

    def begin(self) -> None:
        call = self.pick(self.session.given)
        self.session.given.remove(call)
        attempt = Attempt(call)
        if not attempt.go_on():
            self.session.begun.append(attempt)
        self.check_tended()

    def go_on(self) -> None:
        attempt = self.pick(self.session.begun)
        if attempt.go_on():
            self.session.begun.remove(attempt)
        self.check_tended()

    def interrupt(self) -> None:
        attempt = self.pick(self.cancellations)
        self.cancellations.remove(attempt)
        if attempt in self.session.begun and attempt.go_on(asyncio.CancelledError()):
            self.session.begun.remove(attempt)
        self.check_tended()

    def fire_timer(self) -> None:
        callback = self.pick(self.clock.timers)
        self.clock.timers.remove(callback)
        callback()
        self.check_tended()

    def cancel(self) -> None:
        self.pick(self.futures).cancel()

    def cancel_flow(self) -> None:
        self.driver.cancel(None, "cancelled on request")

    def look(self) -> None:
        """Look at a run, which retrieves its failure if it has ended."""
        future = self.pick(self.futures)
        if future.done():
            self.check_future(future)

    def watch(self) -> None:
        """Wait for a run: the callback must come, once, with the run recorded."""
        future = self.pick(self.futures)
        id = future._source.id  # type: ignore[attr-defined]
        token = len(self.calls_back)
        self.calls_back[token] = 0

        def called_back() -> None:
            self.calls_back[token] += 1
            if not future.done() or (id not in self.history.ended and self.defect is None):
                self.broken = self.broken or BrokenInvariantError(
                    f"who waits for run {id} was called too soon"
                )

        future._source.add_done_callback(called_back)

    def end_other(self) -> None:
        other = self.pick([other for other in self.others if not other.is_done])
        if self.chance(2):
            other.error = PlannedError("another flow failed")
        other.complete()
        self.check_tended()

    def end_function(self) -> None:
        self.function_has_ended = True
        ending = self.pick(
            (Ending.RETURNED, Ending.RETURNED, Ending.RETURNED, Ending.RAISED, Ending.CANCELLED)
        )
        returned: tuple[int, ...] = ()
        if ending is Ending.RETURNED and self.futures:
            returned = tuple(dict.fromkeys(self.driver.id_of(future) for future in self.some_futures(2)))
        self.driver.post(FunctionEnded(self.clock.now_us(), ending, f"it {ending.value}", returned))

    def hold(self) -> None:
        """Another thread begins to drain, and is slow."""
        assert self.driver._mailbox._lock.acquire(False)
        self.is_held = True

    def let_go(self) -> None:
        self.driver._mailbox._lock.release()
        self.is_held = False
        self.driver._mailbox.drain()
        self.check_tended()

    # -- what must hold ----------------------------------------------------------------------------

    def check_tended(self) -> None:
        """Attempts were handed over: somebody has added workers for them."""
        if not self.is_held and not self.session.is_tended:
            raise BrokenInvariantError("attempts were started and nobody tended to them")

    def check_future(self, future: TaskFuture[Any]) -> None:
        """What a future tells agrees with itself, and with what was recorded."""
        call: Call = future._source  # type: ignore[assignment]
        error, state = future.exception(), future.state
        kinds: dict[StateType, tuple[type, ...]] = {
            StateType.COMPLETED: (type(None),),
            StateType.FAILED: (PlannedError, SystemExit, UpstreamFailedError),
            StateType.CANCELLED: (TaskCancelled,),
            StateType.CRASHED: (TaskCrashed,),
        }
        if not isinstance(error, kinds[state.type]):
            raise BrokenInvariantError(f"run {call.id} is {state}, and raises {error!r}")
        if error is None and future.result() != ("value of", self.futures.index(future) + 1):
            raise BrokenInvariantError(f"run {call.id} returned {future.result()!r}")
        if self.history.ended.get(call.id) is not state.name and self.defect is None:
            raise BrokenInvariantError(
                f"run {call.id} is {state}, recorded is {self.history.ended.get(call.id)}"
            )

    def come_to_an_end(self) -> None:
        if self.is_held:
            self.let_go()
        if not self.function_has_ended:
            self.end_function()
        while True:
            doing = [
                *([self.begin] if self.session.given else []),
                *([self.go_on] if self.session.begun else []),
                *([self.fire_timer] if self.clock.timers else []),
                *([self.end_other] if any(not other.is_done for other in self.others) else []),
            ]
            if not doing:
                break
            self.pick(doing)()
        self.check_end()

    def check_end(self) -> None:
        driver = self.driver
        if self.broken is not None:
            raise self.broken
        if self.defect is None and driver.defect is not None:
            raise driver.defect
        if driver.defect is not self.defect:
            raise BrokenInvariantError(f"the defect was lost: {driver.defect!r} is not {self.defect!r}")
        if driver._mailbox._lock.locked() or driver._mailbox._events:
            raise BrokenInvariantError("the mailbox was left")
        if not driver.ended.is_done or driver.end is None:
            raise BrokenInvariantError("the flow run never ended")
        for future in self.futures:
            if not future.done():
                raise BrokenInvariantError(f"{future!r} never ended")
            self.check_future(future)
        if set(self.calls_back.values()) - {1}:
            raise BrokenInvariantError(f"who waited was called back so often: {self.calls_back}")
        if self.defect is None:
            self.model.check_end()
        elif self.model.end is None and driver.end.changes[-1][0] is not StateName.CRASHED:
            raise BrokenInvariantError(f"after a defect the flow run ended {driver.end.changes[-1]}")


def play(seed: int) -> DrivenWorld:
    """Play the random flow of this seed to its end. Raises what broke, with the story as a note."""
    world = DrivenWorld(seed)
    try:
        with mock.patch("headrace.driver.system_clock", world.clock):
            world.driver.post(FlowStarted(world.clock.now_us()))
            for _ in range(world.choose(80)):
                world.pick(world.may())()
            world.come_to_an_end()
    except Exception as error:
        error.add_note("\n".join(map(tell_event, world.story)))
        raise
    return world
