"""The real driver, with a task runner, a history and a clock in memory, all of it in one thread.

What would happen in other threads happens between two steps, and between any two effects of a drain: attempts begin,
go on and end one at a time, in any order; timers fire in any order; somebody cancels, looks, submits. So
reports and requests pile up and overtake decisions. In some runs the engine fails at an effect.
"""

from __future__ import annotations

import asyncio
import random
import traceback
from collections import Counter
from contextvars import copy_context
from itertools import count
from typing import TYPE_CHECKING, Any, NamedTuple
from unittest import mock

from headrace.completion import Completion
from headrace.context import current_scope
from headrace.dependencies import allow_failure, unmapped
from headrace.driver import Driver
from headrace.engine.events import Ending
from headrace.engine.orchestrator import Orchestrator
from headrace.engine.policies import SlotPolicy
from headrace.engine.states import StateName, StateType
from headrace.errors import TaskCancelled, TaskCrashed, TaskTimedOut, UpstreamFailedError
from headrace.futures import FlowRunFuture, TaskFuture
from headrace.history.facts import PlainTaskRunFact, TaskCodeFact, TaskRunFact
from headrace.task_runners.execution import execute_async
from headrace.task_runners.runner import Session, TaskRunner
from headrace.tasks import AsyncTask
from tests.engine.story import Engine, FlowStarted, FunctionEnded, in_words, to_engine
from tests.simulator.model import BrokenInvariantError, Model

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence
    from typing import TypeVar

    from headrace.engine.effects import Effect
    from headrace.engine.events import Event
    from headrace.history.facts import Fact
    from headrace.task_runners.call import Call

    ItemT = TypeVar("ItemT")

_RUNS_AT_MOST = 14


class PlannedError(Exception):
    """What a task of the simulation raises."""


class InjectedError(Exception):
    """A defect that is put into the engine."""


# -- the engine, watched ---------------------------------------------------------------------------------


class WatchedOrchestrator(Orchestrator):
    """The orchestrator, with the model looking over its shoulder."""

    def __init__(
        self,
        world: DrivenWorld,
        *,
        at_us: int,
        slots: SlotPolicy,
        is_retry: bool,
        timeout_seconds: float | None,
    ) -> None:
        super().__init__(at_us=at_us, slots=slots, is_retry=is_retry, timeout_seconds=timeout_seconds)
        self._world = world
        self._engine = Engine(self)
        world.watch(self._engine, slots, timeout_seconds)

    def handle(self, event: Event) -> Sequence[Effect]:
        world = self._world
        world.maybe_fail("event")
        decided = super().handle(event)
        effects = self._engine.spell_out(event, decided)
        world.observe(event, effects)
        if effects is not decided and world.chance(2):  # one of the constants: the driver takes its short way
            world.is_draining = False
            return decided
        return InterruptedEffects(effects, world)


class InterruptedEffects(list["Effect"]):
    """Effects, between any two of which others act, or the engine fails."""

    def __init__(self, decided: Sequence[Effect], world: DrivenWorld) -> None:
        super().__init__(decided)
        self._world = world

    def __iter__(self) -> Iterator[Effect]:
        world = self._world
        for effect in super().__iter__():
            world.meanwhile()
            world.maybe_fail("effect")
            yield effect
        world.maybe_fail("end of an event")
        world.meanwhile()
        world.is_draining = False


# -- what surrounds it -----------------------------------------------------------------------------------


class VirtualClock:
    """Time that passes when somebody looks; timers that fire when the world says so."""

    def __init__(self, world: DrivenWorld) -> None:
        self._world = world
        self.time_us = 0
        self.timers: list[Callable[[], None]] = []

    def now_us(self) -> int:
        self.time_us += 1
        return self.time_us

    def call_later(self, seconds: float, callback: Callable[[], None]) -> VirtualTimer:
        if self._world.is_draining:
            self._world.maybe_fail("timer")
        self.timers.append(callback)
        return VirtualTimer(self.timers, callback)

    def call_soon(self, callback: Callable[[], None]) -> None:
        self.timers.append(callback)


class VirtualTimer(NamedTuple):
    timers: list[Callable[[], None]]
    callback: Callable[[], None]

    def cancel(self) -> None:
        if self.callback in self.timers:
            self.timers.remove(self.callback)


class StandingLoop:
    """All that a future asks of an event loop; what runs on it, the world says."""

    def create_future(self) -> asyncio.Future[Any]:
        loop: Any = self
        return asyncio.Future(loop=loop)

    def get_debug(self) -> bool:
        return False


class Suspension:
    """What a task awaits while others have their turn."""

    def __await__(self) -> Generator[None, None, None]:
        yield


class Attempt:
    """An attempt that has begun: the coroutine of ``execute_async``, and the run that it is for."""

    def __init__(self, call: Call, loop: Any) -> None:
        self.call = call
        self.number = call.number
        self._context = call.context.copy()
        self._body = execute_async(call)
        self._loop = loop
        self._awaited: asyncio.Future[Any] | None = None

    @property
    def can_go_on(self) -> bool:
        """Whether it waits for nothing but its turn."""
        return self._awaited is None or self._awaited.done()

    def go_on(self, error: BaseException | None = None) -> bool:
        """Take one step; whether it is over."""
        before = asyncio._get_running_loop()
        asyncio._set_running_loop(self._loop)
        try:
            if error is None:
                self._awaited = self._context.run(self._body.send, None)
            else:
                self._awaited = self._context.run(self._body.throw, error)
        except StopIteration:
            return True
        finally:
            asyncio._set_running_loop(before)
        return False


class MemorySession(Session):
    """Attempts that wait until the world begins, ends or interrupts them."""

    def __init__(self, world: DrivenWorld) -> None:
        self._world = world
        self.given: list[Call] = []
        self.begun: list[Attempt] = []
        self.cancellations: list[Attempt] = []
        self.is_tended = True

    def start(self, call: Call) -> None:
        self._world.maybe_fail("start")
        self.given.append(call)
        self.is_tended = False
        self.wants_tending = True

    def tend(self) -> None:
        self.wants_tending = False
        self.is_tended = True

    def interrupt(self, call: Call, number: int) -> bool:
        """Sometimes it works, and then the attempt ends later, or is over already; sometimes it does not."""
        if self._world.chance(2):
            return False
        self.cancellations += [
            attempt for attempt in self.begun if attempt.call is call and attempt.number == number
        ]
        return True

    def close(self) -> None:
        """Nothing to let go."""


class MemoryRunner(TaskRunner):
    """A task runner that opens one session."""

    name = "memory"

    def __init__(self, session: MemorySession, slots: SlotPolicy) -> None:
        self._session = session
        self._slots = slots

    @property
    def slots(self) -> SlotPolicy:
        return self._slots

    def open(self, flow_run_id: str, loop: Any) -> Session:
        return self._session


class MemoryHistory:
    """Keeps facts, and checks that they are a prefix of what happened."""

    def __init__(self, world: DrivenWorld) -> None:
        self._world = world
        self.ended: dict[int, StateName] = {}

    def record(self, fact: Fact) -> None:
        if isinstance(fact, TaskCodeFact):
            return
        self._world.maybe_fail("record")
        if isinstance(fact, PlainTaskRunFact):
            fact = fact.in_full()
        if not isinstance(fact, TaskRunFact):
            return
        if fact.id in self.ended:
            raise BrokenInvariantError(f"the history was told of run {fact.id} after its end")
        name = fact.states[-1][0]
        if name.type.is_terminal:
            self.ended[fact.id] = name
            early = [id for id in fact.upstreams if isinstance(id, int) and id not in self.ended]
            if early and name is not StateName.CANCELLED and name is not StateName.CRASHED:
                raise BrokenInvariantError(f"run {fact.id} was recorded before its upstreams {early}")


class NoAftermath:
    """Log lines and hooks go nowhere."""

    def __init__(self, loop: Any) -> None:
        pass

    def put(self, chore: Callable[[], None]) -> None:
        pass

    def close(self) -> None:
        pass


class OtherFlow:
    """Whom a run of another flow belongs to."""

    flow_run_id = "other-flow"


class OtherRun(Completion):
    """A flow run beside the one under test."""

    is_done = False
    _callbacks = None
    value = ("value of", "another flow")
    error: BaseException | None = None
    flow_run_id = "other-flow"
    display_name = "another flow"
    driver = OtherFlow()
    is_retrieved = False

    @property
    def has_completed(self) -> bool:
        return self.is_done and self.error is None

    def exception(self) -> BaseException | None:
        return self.error

    def mark_retrieved(self) -> None:
        self.is_retrieved = True

    def needs(self, loop: Any) -> bool:
        return False


class FlowRunInMemory:
    """What the driver and the tasks ask of the flow run."""

    flow_run_id = "simulated"
    flow_name = name = "simulated"
    logs_failures = logs_prints = is_on_worker = False
    call = keeping = None
    changes: Any = ()
    driver: Driver

    def __init__(self, world: DrivenWorld) -> None:
        self._world = world

    def become_known(self) -> None:
        """No history has to know of it."""

    def record_changes(self, changes: Any) -> None:
        self._world.maybe_fail("record of the flow")
        self.changes = changes

    def stop(self, reason: str) -> None:
        self._world.maybe_fail("stop of the flow")
        self._world.did["stop of the flow"] += 1


# -- the world -------------------------------------------------------------------------------------------


class DrivenWorld:
    """One flow run, driven for real, and all that happens to it.

    ``fails_at`` says at which point of the engine's work a defect shows; none if it is -1, by chance if ``None``.
    """

    engine: Engine
    model: Model

    def __init__(self, seed: int, fails_at: int | None = None) -> None:
        self._random = random.Random(seed)
        slots = SlotPolicy(self.pick((None, 1, 1, 2, 3, 4)), held_between_attempts=self.chance(4))
        by_chance = self.choose(60) if self.chance(3) else -1
        self.fails_at = by_chance if fails_at is None else fails_at
        self.points = 0
        self.defect: InjectedError | None = None
        self.broken: BrokenInvariantError | None = None
        self.story: list[str] = []
        self.did: Counter[str] = Counter()
        self.is_draining = False
        self.is_over = False
        self._is_acting = False
        self._numbers = count(1)
        self.futures: dict[int, TaskFuture[Any]] = {}
        self.others: list[OtherRun] = []
        self.calls_back: Counter[int] = Counter()
        self.looked_at: set[int] = set()
        self.perhaps_looked_at: list[TaskFuture[Any]] = []
        self.function_has_ended = False
        self.clock = VirtualClock(self)
        self.loop = StandingLoop()
        self.session = MemorySession(self)
        self.history = MemoryHistory(self)
        self.flow_run: Any = FlowRunInMemory(self)
        self.driver = self.flow_run.driver = self._make_driver(slots)
        self._one_fails_in = self.pick((2, 4, 8, 1_000))
        retries, delay = self.choose(3), self.pick((0.0, 2.0))
        self.tasks: list[AsyncTask[..., Any]] = [
            AsyncTask(self._work, name="work"),
            AsyncTask(self._work, name="stubborn", retries=retries, retry_delay_seconds=delay),
            AsyncTask(self._work, name="hasty", retries=retries, timeout_seconds=3.0),
        ]

    def _make_driver(self, slots: SlotPolicy) -> Driver:
        history, clock, flow_run = self._any(self.history), self._any(self.clock), self.flow_run

        timeout = 9.0 if self.chance(6) else None

        def watched(**options: Any) -> Orchestrator:
            return WatchedOrchestrator(self, **options)

        with (
            mock.patch("headrace.driver.Orchestrator", watched),
            mock.patch("headrace.driver.Aftermath", NoAftermath),
        ):
            runner = MemoryRunner(self.session, slots)
            return Driver(
                flow_run=flow_run,
                runner=runner,
                history=history,
                clock=clock,
                loop=None,
                is_inline=False,
                timeout_seconds=timeout,
            )

    @staticmethod
    def _any(value: Any) -> Any:
        return value

    # -- watching ----------------------------------------------------------------------------------

    def watch(self, engine: Engine, slots: SlotPolicy, timeout: float | None) -> None:
        """The engine was made."""
        self.engine = engine
        self.model = Model(engine, slots, timeout)

    def observe(self, event: Event, decided: Sequence[Effect]) -> None:
        """The engine has handled an event."""
        told, effects = self.engine.hear(event, decided)
        self.story.append(f"{told} -> {', '.join(map(in_words, effects))}")
        try:
            self.model.observe(told, effects)
        except BrokenInvariantError as broken:
            self.complain(broken)

    def complain(self, broken: BrokenInvariantError) -> None:
        """Keep the first thing that broke: raised in a drain, it would pass for a defect of the engine."""
        self.broken = self.broken or broken

    def maybe_fail(self, where: str) -> None:
        """The defect that was put in, at its place."""
        if where == "event":
            if self.is_draining and self.defect is None:
                self.complain(BrokenInvariantError("an event was handled while another one was"))
            self.is_draining = True
        if not self.is_draining or self._is_acting:  # others, who act meanwhile, do not drain
            return
        if self.points == self.fails_at:
            self.defect = InjectedError(f"a defect at point {self.points}: {where}")
            self.story.append(str(self.defect))
            self.points += 1
            raise self.defect
        self.points += 1

    def meanwhile(self) -> None:
        """What other threads do while one drains."""
        if not self._is_acting and not self.is_over and self.chance(4):
            self.did["acts in a drain"] += 1
            self.act()

    # -- choosing ----------------------------------------------------------------------------------

    def choose(self, count: int) -> int:
        return int(self._random.random() * count)

    def pick(self, items: Sequence[ItemT]) -> ItemT:
        return items[self.choose(len(items))]

    def chance(self, one_in: int) -> bool:
        return self.choose(one_in) == 0

    # -- what tasks do -----------------------------------------------------------------------------

    async def _work(self, number: int, *values: Any) -> tuple[str, int]:
        """Check what was received, pause, call others, and end one way or another."""
        for value in values:
            _check_received(value)
        for _ in range(self.choose(3)):
            await Suspension()
        if self.has_room and self.chance(5):
            await self._call_children()
        if self.chance(self._one_fails_in):
            kinds = (PlannedError, PlannedError, PlannedError, SystemExit, asyncio.CancelledError)
            raise self.pick(kinds)(number)
        return ("value of", number)

    async def _call_children(self) -> None:
        """Call tasks from inside a task; await them, look how they failed, or leave them to the flow."""
        self.did["child runs"] += 1
        children: list[TaskFuture[Any]] = []
        for _ in range(1 + self.choose(2)):
            # Others may wait for this very task: a child that waited for them would wait for ever.
            ended = [future for future in self.futures.values() if future.done()]
            children.append(self._call(ended + children))
        for child in children:
            if self.chance(2):
                self.did["awaits a child"] += 1
                self.perhaps_looked_at.append(child)
                try:
                    _check_received(await child)
                except (
                    PlannedError,
                    SystemExit,
                    UpstreamFailedError,
                    TaskCancelled,
                    TaskCrashed,
                    TaskTimedOut,
                ):
                    self.did["a child failed"] += 1

    @staticmethod
    def _blamed(future: TaskFuture[Any]) -> set[int]:
        """The run, and those that it failed for."""
        call: Any = future._source
        return {call.id, *call.roots}

    # -- what may happen ---------------------------------------------------------------------------

    @property
    def has_room(self) -> bool:
        return len(self.futures) < _RUNS_AT_MOST

    def may(self) -> list[Callable[[], None]]:
        """All that may happen now; what is more likely stands there more often."""
        going_on = any(attempt.can_go_on for attempt in self.session.begun)
        function_runs = not self.function_has_ended
        offers: list[tuple[object, int, Callable[[], None]]] = [
            (self.has_room, 8 if function_runs else 1, self.submit),
            (self.has_room and function_runs, 2, self.map),
            (self.session.given, 6, self.begin),
            (going_on, 8, self.go_on),
            (self.session.cancellations, 4, self.interrupt),
            (self.clock.timers, 3, self.fire_timer),
            (self.futures and self.chance(4), 1, self.cancel),
            (self.futures, 1, self.look),
            (self.futures, 1, self.wait_for),
            (not all(other.is_done for other in self.others), 1, self.end_other),
            (function_runs and len(self.story) > 8, 1, self.end_function),
            (self.chance(90), 1, self.cancel_flow),
        ]
        return [happen for is_possible, weight, happen in offers if is_possible for _ in range(weight)]

    def act(self) -> None:
        """Something happens."""
        if possible := self.may():
            self.do(self.pick(possible))

    def do(self, happen: Callable[[], None]) -> None:
        """Let it happen; if nobody drains, it is all over afterwards, and that is looked at."""
        self.did[happen.__name__] += 1
        is_outermost = not self._is_acting and not self.is_draining
        was_acting, self._is_acting = self._is_acting, self.is_draining
        try:
            happen()
        finally:
            self._is_acting = was_acting
        if is_outermost:
            self.is_draining = False
            if not self.session.is_tended:
                raise BrokenInvariantError("attempts were started and nobody tended to them")

    def submit(self) -> None:
        """The flow's function calls a task."""
        self._in_flow(lambda: self._call(list(self.futures.values())))

    def _call(self, known: list[TaskFuture[Any]]) -> TaskFuture[Any]:
        """Call a task with some of these futures, as whoever calls now."""
        arguments = [self._argument(future) for future in self._some(known, 2)]
        if self.chance(6):
            arguments.append(self.other_future())
        order = {"wait_for": self._some(known, 1)} if self.chance(5) else {}
        number = next(self._numbers)
        future: TaskFuture[Any] = self.pick(self.tasks)(number, *arguments, **order)
        self._keep(future, number)
        return future

    def map(self) -> None:
        """The flow's function maps a task over some items, one argument shared by all."""
        shared = [unmapped(self._argument(future)) for future in self._some_futures(1)]
        numbers = [next(self._numbers) for _ in range(2 + self.choose(2))]
        mapped = self._in_flow(lambda: self.pick(self.tasks).map(numbers, *shared))
        for future, number in zip(mapped, numbers, strict=True):
            self._keep(future, number)

    def _in_flow(self, call: Callable[[], ItemT]) -> ItemT:
        context = copy_context()
        context.run(current_scope.set, self.flow_run)
        return context.run(call)

    def _keep(self, future: TaskFuture[Any], number: int) -> None:
        self.futures[number] = future

    def _some_futures(self, at_most: int) -> list[Any]:
        return self._some(list(self.futures.values()), at_most)

    def _some(self, known: list[Any], at_most: int) -> list[Any]:
        return [self.pick(known) for _ in range(self.choose(at_most + 1))] if known else []

    def _argument(self, future: Any) -> Any:
        match self.choose(6):
            case 0:
                self.did["allow_failure"] += 1
                self.perhaps_looked_at.append(future)
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
        attempt = Attempt(call, self.loop)
        if not attempt.go_on():
            self.session.begun.append(attempt)

    def go_on(self) -> None:
        attempt = self.pick([attempt for attempt in self.session.begun if attempt.can_go_on])
        self._step(attempt)

    def _step(self, attempt: Attempt, error: BaseException | None = None) -> None:
        """One step; nobody else may take one with it meanwhile."""
        self.session.begun.remove(attempt)
        if not attempt.go_on(error):
            self.session.begun.append(attempt)

    def interrupt(self) -> None:
        attempt = self.pick(self.session.cancellations)
        self.session.cancellations.remove(attempt)
        if attempt in self.session.begun:
            self._step(attempt, asyncio.CancelledError())

    def fire_timer(self) -> None:
        callback = self.pick(self.clock.timers)
        self.clock.timers.remove(callback)
        callback()

    def cancel(self) -> None:
        self.pick(list(self.futures.values())).cancel()

    def cancel_flow(self) -> None:
        self.driver.cancel(None, "cancelled on request")

    def look(self) -> None:
        """Look at a run, which retrieves its failure if it has ended."""
        number = self.pick(list(self.futures))
        future = self.futures[number]
        if future.done():
            self.perhaps_looked_at.append(future)
            self.check_future(number)
            if not self.is_draining and not self._has_ended:
                self.looked_at |= self._blamed(future)

    @property
    def _has_ended(self) -> bool:
        return self.driver.ended.is_done

    def wait_for(self) -> None:
        """Wait for a run: the callback must come, once, with the run recorded."""
        future = self.pick(list(self.futures.values()))
        id = self._any(future._source).id
        token = len(self.calls_back)
        self.calls_back[token] = 0

        def called_back() -> None:
            self.calls_back[token] += 1
            if not future.done() or (id not in self.history.ended and self.defect is None):
                self.complain(BrokenInvariantError(f"who waits for run {id} was called too soon"))

        future._source.add_done_callback(called_back)

    def end_other(self) -> None:
        other = self.pick(self.others)
        if not other.is_done:
            if self.chance(2):
                other.error = PlannedError("another flow failed")
            other.complete()

    def end_function(self) -> None:
        self.function_has_ended = True
        ending = self.pick(
            (Ending.RETURNED, Ending.RETURNED, Ending.RETURNED, Ending.RAISED, Ending.CANCELLED)
        )
        returned: list[Any] = []
        if ending is Ending.RETURNED:
            returned = self._some_futures(2)
        self.perhaps_looked_at += returned
        ids = tuple(dict.fromkeys(self.driver.id_of(future) for future in returned))
        ended = FunctionEnded(self.clock.now_us(), ending, f"it {ending.value}", ids)
        self.driver.post(to_engine(ended))

    # -- what must hold ----------------------------------------------------------------------------

    def check_future(self, number: int) -> None:
        """What a future tells agrees with itself, and with what was recorded."""
        future = self.futures[number]
        call: Call = self._any(future._source)
        error, state = future.exception(), future.state
        kinds: dict[StateType, tuple[type, ...]] = {
            StateType.COMPLETED: (type(None),),
            StateType.FAILED: (PlannedError, SystemExit, UpstreamFailedError, TaskTimedOut),
            StateType.CANCELLED: (TaskCancelled,),
            StateType.CRASHED: (TaskCrashed,),
        }
        if not isinstance(error, kinds[state.type]):
            raise BrokenInvariantError(f"run {call.id} is {state}, and raises {error!r}")
        if error is None and future.result() != ("value of", number):
            raise BrokenInvariantError(f"run {call.id} returned {future.result()!r}")
        if error is not None and any(error is other.error for other in self.others):
            raise BrokenInvariantError(f"run {call.id} ran, although another flow had failed")
        if isinstance(error, TaskCrashed) and error.__cause__ is not self.defect:
            raise BrokenInvariantError(f"run {call.id} crashed by {error.__cause__!r}")
        if self.history.ended.get(call.id) is not state.name and self.defect is None:
            told = self.history.ended.get(call.id)
            raise BrokenInvariantError(f"run {call.id} is {state}, recorded is {told}")

    def come_to_an_end(self) -> None:
        """Let all that is under way end; then nothing may be left."""
        if not self.function_has_ended:
            self.do(self.end_function)
        while doing := self._still_to_do():
            self.do(self.pick(doing))
        self.check_end()

    def _still_to_do(self) -> list[Callable[[], None]]:
        return [
            *([self.begin] if self.session.given else []),
            *([self.go_on] if any(attempt.can_go_on for attempt in self.session.begun) else []),
            *([self.fire_timer] if self.clock.timers else []),
            *([self.end_other] if not all(other.is_done for other in self.others) else []),
        ]

    def check_end(self) -> None:
        driver = self.driver
        self.is_over = True
        if self.broken is not None:
            raise self.broken
        if self.defect is None and driver.defect is not None:
            raise driver.defect
        if driver.defect is not self.defect:
            raise BrokenInvariantError(f"the defect was lost: {driver.defect!r} is not {self.defect!r}")
        if not driver.ended.is_done or driver.end is None:
            raise BrokenInvariantError("the flow run never ended")
        if self.session.begun:
            raise BrokenInvariantError(f"attempts were never woken: {self.session.begun}")
        for number, future in self.futures.items():
            if not future.done():
                raise BrokenInvariantError(f"{future!r} never ended")
            self.check_future(number)
        if set(self.calls_back.values()) - {1}:
            raise BrokenInvariantError(f"who waited was called back so often: {self.calls_back}")
        if self.defect is None:
            self.model.check_end()
            self._check_unseen(driver.end.unseen)
        else:
            self._check_crash(self.defect)

    def _check_unseen(self, unseen: tuple[int, ...]) -> None:
        """Whom nobody looked at is unseen; whom somebody looked at in time is not."""
        failed = {StateName.FAILED, StateName.TIMED_OUT, StateName.CRASHED}
        ended = self.model.runs.items()
        expected = {id for id, seen in ended if seen.end in failed}
        expected = expected.difference(*map(self._blamed, self.perhaps_looked_at))
        if not expected <= set(unseen) or self.looked_at & set(unseen):
            raise BrokenInvariantError(
                f"unseen are {unseen}; nobody looked at {expected}, somebody at {self.looked_at}"
            )

    def _check_crash(self, defect: InjectedError) -> None:
        """A defect ends the run, and says where it was."""
        assert self.driver.end is not None
        if self.model.end is None and self.driver.end.changes[-1][0] is not StateName.CRASHED:
            raise BrokenInvariantError(f"after a defect the flow run ended {self.driver.end.changes[-1]}")
        places = [frame.name for frame in traceback.extract_tb(defect.__traceback__)]
        if places[-1] != "maybe_fail" or len(places) < 3:
            raise BrokenInvariantError(f"the traceback of the defect was lost: {places}")


def _check_received(value: Any) -> None:
    """What a task received is a value, or the failure that it tolerates."""
    match value:
        case BaseException() | ("value of", _) | [{"nested": ("value of", _)}]:
            return
        case _:
            raise BrokenInvariantError(f"a task received {value!r}")


def play(seed: int, fails_at: int | None = None) -> DrivenWorld:
    """Play the random flow of this seed to its end. Raises what broke, with the story as a note."""
    world = DrivenWorld(seed, fails_at)
    try:
        with mock.patch("headrace.driver.system_clock", world.clock):
            world.driver.post(to_engine(FlowStarted(world.clock.now_us())))
            world.is_draining = False
            for _ in range(world.choose(80)):
                world.act()
            world.come_to_an_end()
    except Exception as error:
        error.add_note("\n".join(world.story))
        raise
    return world
