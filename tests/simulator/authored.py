"""Whole flows as a person writes them: the real decorators, futures and driver, on an event loop whose time is virtual.

A flow is drawn from the seed: which tasks it calls and maps, how they fail and are tried again, which subflows and
child runs there are, what is looked at, cancelled, returned. ``rules`` says what must come of it.
"""

from __future__ import annotations

import asyncio
import random
from functools import partial
from typing import TYPE_CHECKING, Any
from unittest import mock

from headrace import allow_failure, flow, task, unmapped, wait
from headrace.clock import use_clock
from headrace.engine.orchestrator import Orchestrator
from headrace.engine.policies import NO_SLOT_LIMIT, SlotPolicy
from headrace.errors import TaskCancelled, TaskFailures, UpstreamFailedError
from headrace.history import use_history
from headrace.history.facts import FlowRunFact, LogFact, PlainTaskRunFact, TaskCodeFact
from headrace.logging import logger
from headrace.task_runners import ConcurrentTaskRunner
from tests.engine.story import Engine, in_words
from tests.simulator.model import BrokenInvariantError, Model
from tests.simulator.rules import Look, PlannedFlow, PlannedTask, Result, expected_results

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from headrace.engine.effects import Effect
    from headrace.engine.events import Event

_PAUSES = (0.0, 0.0, 0.1, 0.1, 0.2, 0.5, 1.0)


class PlannedError(Exception):
    """What a task or a flow of the simulation raises; its argument is the number of the call."""


# -- the surroundings ------------------------------------------------------------------------------------


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop that sleeps for no one: when nothing is ready, it is as late as the next timer wants."""

    def __init__(self) -> None:
        super().__init__()
        self._now = 0.0

    def time(self) -> float:
        return self._now

    def _run_once(self) -> None:
        loop: Any = self
        if not loop._ready and loop._scheduled:
            self._now = max(self._now, loop._scheduled[0]._when)
        loop_run_once: Any = super()._run_once  # type: ignore[misc]
        loop_run_once()


class LoopClock:
    """The engine's clock, by the virtual time of the loop."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop

    def now_us(self) -> int:
        return int(self._loop.time() * 1e6)

    def call_later(self, seconds: float, callback: Callable[[], None]) -> asyncio.TimerHandle:
        return self._loop.call_later(seconds, callback)

    def call_soon(self, callback: Callable[[], None]) -> None:
        self._loop.call_soon(callback)


class LastFacts:
    """A history that keeps the last state of each run, and is always up to date."""

    def __init__(self) -> None:
        self.states: dict[tuple[str, int | None], str] = {}

    persists_results = False

    def attend(self, flow_run: Any) -> None:
        """Nobody else asks for anything, nor takes a run away."""

    dismiss = attend

    def record(self, fact: Any) -> None:
        if isinstance(fact, LogFact | TaskCodeFact):
            return
        if isinstance(fact, FlowRunFact):
            self._note((fact.id, None), str(fact.states[-1].name))
        else:
            full = fact.in_full() if isinstance(fact, PlainTaskRunFact) else fact
            self._note((full.flow_run_id, full.id), str(full.states[-1][0]))

    def _note(self, key: tuple[str, int | None], state: str) -> None:
        if self.states.get(key) in {"Completed", "Failed", "Cancelled", "UpstreamFailed", "Crashed"}:
            raise BrokenInvariantError(f"run {key} was {self.states[key]}, and is recorded as {state}")
        self.states[key] = state

    def when_flushed(self, callback: Callable[[], None]) -> None:
        callback()

    def flush(self, _timeout: float | None = None) -> bool:
        return True


class NoAftermath:
    """No hooks, and log lines go nowhere."""

    def __init__(self, loop: Any) -> None:
        pass

    def put(self, chore: Callable[[], None]) -> None:
        pass

    def put_marker(self) -> None:
        return None

    def close(self) -> None:
        pass


class ModelledOrchestrator(Orchestrator):
    """The orchestrator of a flow or subflow, with a model looking over its shoulder."""

    def __init__(
        self,
        played: Played,
        *,
        at_us: int,
        slots: SlotPolicy = NO_SLOT_LIMIT,
        is_retry: bool = False,
        timeout_seconds: float | None = None,
    ) -> None:
        super().__init__(at_us=at_us, slots=slots, is_retry=is_retry, timeout_seconds=timeout_seconds)
        self._engine = Engine(self)
        self._model = Model(self._engine, slots, timeout_seconds)
        self._played = played
        self._index = len(played.models)
        played.models.append(self._model)

    def handle(self, event: Event) -> Sequence[Effect]:
        decided = super().handle(event)
        told, effects = self._engine.hear(event, decided)
        self._played.story.append(f"flow run {self._index}: {told} -> {', '.join(map(in_words, effects))}")
        try:
            self._model.observe(told, effects)
        except BrokenInvariantError as broken:  # raised here, it would pass for a defect of the engine
            self._played.broken = self._played.broken or broken
        return decided


class SlottedRunner(ConcurrentTaskRunner):
    """The concurrent runner, with slots for async tasks, too."""

    def takes_slot(self, *, is_async: bool) -> bool:
        return True


# -- drawing a flow --------------------------------------------------------------------------------------


class Drawing:
    """Draws the plan of a flow."""

    def __init__(self, source: random.Random) -> None:
        self._source = source
        self._count = 0
        self._simple: set[int] = set()
        self._one_fails_in = source.choice((2, 4, 8, 1_000))

    def draw_flow(self, *, depth: int = 0) -> PlannedFlow:
        number = self._next()
        calls: list[PlannedTask | PlannedFlow] = []
        while len(calls) < 9 and not (calls and self._chance(8)):
            match self._source.randrange(8):
                case 0 if depth == 0:
                    calls.append(self.draw_flow(depth=1))
                case 1 | 2:
                    calls += self._draw_map(calls)
                case _:
                    calls.append(self._draw_task(calls))
        numbers = [call.number for call in calls]
        plain = [
            n for n in numbers if n in self._simple
        ]  # a cancelled run is not tried again, nor calls others
        is_failing = self._chance(8)
        return PlannedFlow(
            number,
            tuple(calls),
            slots=self._source.choice((None, 1, 1, 2, 3, 4)),
            looks={n: self._source.choice(list(Look)) for n in numbers if self._chance(2)},
            cancelled={n: self._pause() for n in plain if self._chance(12)},
            returned=() if is_failing else self._some(numbers, 2),
            fails=is_failing,
            is_awaited=self._chance(2),
        )

    def _draw_task(self, calls: list[PlannedTask | PlannedFlow], *, depth: int = 0) -> PlannedTask:
        number = self._next()
        known = [call.number for call in calls if depth == 0]
        children: list[PlannedTask] = []
        if depth < 2 and self._chance(5):
            for _ in range(self._source.randint(1, 2)):
                children.append(self._draw_task(list(children), depth=depth + 1))
        planned = PlannedTask(
            number,
            upstreams=self._some(known, 2),
            tolerated=self._some(known, 1) if self._chance(4) else (),
            after=self._some(known, 1) if self._chance(6) else (),
            fails=self._source.randint(1, 2) if self._chance(self._one_fails_in) else 0,
            retries=0 if children else self._source.choice((0, 0, 1, 2)),
            pauses=tuple(self._pause() for _ in range(3)),
            children=tuple(children),
            awaited=tuple(child.number for child in children if self._chance(2)),
        )
        return self._note(planned)

    def _draw_map(self, calls: list[PlannedTask | PlannedFlow]) -> list[PlannedTask]:
        """Tasks that are called as one: they differ by their numbers alone."""
        first = self._draw_task(calls)._replace(children=(), awaited=(), after=())
        others = [self._note(first._replace(number=self._next())) for _ in range(self._source.randint(1, 2))]
        together = (first.number, *(other.number for other in others))
        return [planned._replace(mapped=together) for planned in (first, *others)]

    def _note(self, planned: PlannedTask) -> PlannedTask:
        if not planned.children and not planned.retries:
            self._simple.add(planned.number)
        return planned

    def _next(self) -> int:
        self._count += 1
        return self._count

    def _chance(self, one_in: int) -> bool:
        return self._source.randrange(one_in) == 0

    def _pause(self) -> float:
        return self._source.choice(_PAUSES)

    def _some(self, numbers: list[int], at_most: int) -> tuple[int, ...]:
        picked = (
            [self._source.choice(numbers) for _ in range(self._source.randint(0, at_most))] if numbers else []
        )
        return tuple(dict.fromkeys(picked))


# -- writing it as a person would ------------------------------------------------------------------------


class Author:
    """Writes the planned flow in Python, runs it, and keeps what came of each call."""

    def __init__(self, plan: PlannedFlow) -> None:
        self._plan = plan
        self._tries: dict[int, int] = {}
        self.futures: dict[int, Any] = {}
        self.results: dict[int, Result] = {}

    async def run(self) -> None:
        """Run the flow to its end."""
        await self._run_flow(self._plan, lambda run: run())

    async def _run_flow(self, plan: PlannedFlow, call: Callable[[Any], Any]) -> None:
        runner = ConcurrentTaskRunner() if plan.slots is None else SlottedRunner(max_workers=plan.slots)
        program = flow(name=f"flow-{plan.number}", task_runner=runner)(self._function_of(plan))
        try:
            self.results[plan.number] = Result("Completed", _canonical(await call(program)))
        except Exception as error:
            self.results[plan.number] = Result("Failed", _canonical(error))

    def _function_of(self, plan: PlannedFlow) -> Any:
        async def function() -> list[Any]:
            beside = []
            for planned in plan.calls:
                if isinstance(planned, PlannedFlow):
                    if planned.is_awaited:
                        await self._run_flow(planned, lambda run: run())
                    else:
                        beside.append(planned)
                        self._submit_flow(planned)
                elif planned.number not in self.futures:
                    self._call(plan, planned)
                await asyncio.sleep(0)
            for number, pause in plan.cancelled.items():
                await asyncio.sleep(pause)
                self.futures[number].cancel()
            for number, look in plan.looks.items():
                await self._look(number, look)
            if plan.fails:
                await wait([self.futures[call.number] for call in plan.calls if call.number in self.futures])
                raise PlannedError(plan.number)
            return [self.futures[number] for number in plan.returned if number in self.futures]

        return function

    def _submit_flow(self, planned: PlannedFlow) -> None:
        runner = SlottedRunner(max_workers=planned.slots or 4)
        program = flow(name=f"flow-{planned.number}", task_runner=runner)(self._function_of(planned))
        self.futures[planned.number] = program.submit()

    def _call(self, plan: PlannedFlow, planned: PlannedTask) -> None:
        """Call a task, or map it if it is one of several."""
        upstreams = [self.futures[number] for number in planned.upstreams if number in self.futures]
        upstreams += [allow_failure(self.futures[n]) for n in planned.tolerated if n in self.futures]
        order = {"wait_for": [self.futures[n] for n in planned.after if n in self.futures]}
        program = task(
            name=f"task-{planned.number}", retries=planned.retries, retry_delay_seconds=planned.pauses[-1]
        )(self._work)
        if not planned.mapped:
            self.futures[planned.number] = program(planned, *upstreams, **order)
            return
        together = [call for call in plan.calls if call.number in planned.mapped]
        mapped = program.map(together, *map(unmapped, upstreams))
        self.futures |= dict(zip(planned.mapped, mapped, strict=True))

    async def _work(self, planned: PlannedTask, *values: Any) -> tuple[str, int]:
        """Check what was received, pause, call others, and end as planned."""
        strict = len([number for number in planned.upstreams if number in self.futures])
        if any(isinstance(value, BaseException) for value in values[:strict]):
            raise BrokenInvariantError(f"task {planned.number} received a failure: {values}")
        number = self._tries[planned.number] = self._tries.get(planned.number, 0) + 1
        await asyncio.sleep(planned.pauses[number % 2])
        for child in planned.children:
            self.futures[child.number] = task(
                name=f"task-{child.number}", retries=child.retries, retry_delay_seconds=child.pauses[-1]
            )(self._work)(child)
        for awaited in planned.awaited:
            await self._look(awaited, Look.AWAIT)
        if number <= planned.fails:
            raise PlannedError(planned.number)
        return ("value of", planned.number)

    async def _look(self, number: int, look: Look) -> None:
        if number not in self.futures:  # a subflow that was awaited at its call
            return
        if look is Look.WAIT:
            await wait([self.futures[number]])
            return
        try:
            await self.futures[number]
        except (PlannedError, UpstreamFailedError, TaskCancelled, TaskFailures):
            return


def _canonical(value: Any) -> Any:
    """A value or an exception, so that it can be compared."""
    match value:
        case TaskFailures():
            return frozenset(map(_canonical, value.exceptions))
        case PlannedError():
            return value.args[0]
        case UpstreamFailedError():
            return "upstream failed"
        case TaskCancelled():
            return "cancelled"
        case BaseException():
            raise value
        case list():
            return [_canonical(item) for item in value]
        case _:
            return value


# -- playing it ------------------------------------------------------------------------------------------


class Played:
    """A flow that was played: its plan, what happened, and what came of it."""

    def __init__(self, seed: int) -> None:
        self.plan = Drawing(random.Random(seed)).draw_flow()
        self.author = Author(self.plan)
        self.facts = LastFacts()
        self.story: list[str] = [str(self.plan)]
        self.models: list[Model] = []
        self.broken: BrokenInvariantError | None = None

    def play(self) -> None:
        loop = VirtualLoop()
        clock: Any = LoopClock(loop)
        history: Any = self.facts
        try:
            with (
                mock.patch("headrace.driver.system_clock", clock),
                mock.patch("headrace.driver.Orchestrator", partial(ModelledOrchestrator, self)),
                mock.patch("headrace.driver.Aftermath", NoAftermath),
                mock.patch.object(logger, "disabled", new=True),
                use_clock(clock),
                use_history(history),
            ):
                loop.run_until_complete(asyncio.wait_for(self.author.run(), 1_000_000))
        finally:
            loop.close()
        if self.broken is not None:
            raise self.broken
        for model in self.models:
            model.check_end()
        self.check()

    def check(self) -> None:
        """Everything came out as the rules say."""
        results = self.author.results
        for number, future in self.author.futures.items():
            state = str(future.state.name)
            results.setdefault(number, Result(state, _outcome_of(future)))
        self.story += [f"{number}: {result}" for number, result in sorted(results.items())]
        cancelled = {number for number, result in results.items() if result.state == "Cancelled"}
        expected = expected_results(self.plan, cancelled)
        wrong = [n for n in {*results, *expected} if results.get(n) != expected.get(n)]
        if wrong:
            told = "; ".join(f"{n} is {results.get(n)}, it must be {expected.get(n)}" for n in sorted(wrong))
            raise BrokenInvariantError(told)
        recorded = sorted(state for (_, id), state in self.facts.states.items() if id is not None)
        ended = sorted(r.state for n, r in results.items() if not self._is_flow(self.plan, n))
        if recorded != ended:
            raise BrokenInvariantError(f"recorded are {recorded}, ended have {ended}")

    def _is_flow(self, plan: PlannedFlow, number: int) -> bool:
        if plan.number == number:
            return True
        return any(isinstance(call, PlannedFlow) and self._is_flow(call, number) for call in plan.calls)


def _outcome_of(future: Any) -> Any:
    error = future._source.exception()
    return _canonical(error if error is not None else future._source.value)


def play(seed: int) -> Played:
    """Play the random flow of this seed to its end. Raises what broke, with the plan and its outcome as a note."""
    played = Played(seed)
    try:
        played.play()
    except Exception as error:
        error.add_note("\n".join(played.story))
        raise
    return played
