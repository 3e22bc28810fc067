"""The orchestrator alone, in a world that reports to it in any order.

The world offers what may happen next; somebody chooses: a seeded random number generator, or hypothesis. Time
is virtual: a microsecond an event.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from headrace.engine.effects import Interrupt, SetTimer, StartAttempt
from headrace.engine.events import (
    AttemptFinished,
    AttemptStarted,
    AttemptWithdrawn,
    CancelRequested,
    Ending,
    FailureRetrieved,
    FlowStarted,
    FunctionEnded,
    InterruptFailed,
    OutsiderEnded,
    OutsiderJoined,
    RunNoticed,
    SlotLent,
    SlotReclaimed,
    TimerFired,
)
from headrace.engine.orchestrator import Orchestrator
from headrace.engine.policies import SlotPolicy
from headrace.engine.task_run import TaskRun
from tests.simulator.model import Model

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from headrace.engine.events import Event

ItemT = TypeVar("ItemT")

_RUNS_AT_MOST = 14


class Attempt(NamedTuple):
    """An attempt that the task runner was given."""

    id: int
    number: int


class World:
    """One flow run and all that happens to it. ``choose(n)`` gives a number from 0 up to n, n left out."""

    def __init__(self, choose: Callable[[int], int]) -> None:
        self.choose = choose
        slots = SlotPolicy(self.pick((None, 1, 1, 2, 3)), held_between_attempts=self.chance(4))
        self.now_us = 0
        self.orchestrator = Orchestrator(at_us=0, slots=slots)
        self.model = Model(slots)
        self.story: list[Event] = []
        self.given: dict[Attempt, int] = {}
        """Attempts with the task runner that have not begun; since when."""
        self.begun: dict[Attempt, int] = {}
        self.over: list[Attempt] = []
        self.interrupts: list[Interrupt] = []
        self.timers: list[int] = []
        self.loans: list[tuple[int, int]] = []
        self.has_started = False

    # -- choosing ----------------------------------------------------------------------------------

    def pick(self, items: Sequence[ItemT]) -> ItemT:
        """One of them."""
        return items[self.choose(len(items))]

    def chance(self, one_in: int) -> bool:
        """Rarely true; shrinks to false."""
        return self.choose(one_in) == one_in - 1

    def some_runs(self, at_most: int) -> tuple[int, ...]:
        """Ids of runs and outsiders, each once."""
        ids = [*self.model.runs, *self.model.outsiders]
        return tuple(dict.fromkeys(self.pick(ids) for _ in range(self.choose(at_most + 1)))) if ids else ()

    # -- telling the orchestrator ------------------------------------------------------------------

    def tell(self, event: Event) -> None:
        """The orchestrator handles the event; the world does as it is told."""
        self.story.append(event)
        had_ended = self.model.end is not None
        effects = self.orchestrator.handle(event)
        self.model.observe(event, effects, self.orchestrator)
        for effect in effects:
            match effect:
                case StartAttempt():
                    self.given[Attempt(effect.run.id, effect.run.number)] = self.now_us
                case Interrupt():
                    self.interrupts.append(effect)
                case SetTimer():
                    self.timers.append(effect.run.id)
                case _:
                    pass
        if self.model.end is not None and not had_ended:
            self.model.check_end_of_flow()

    def tick(self) -> int:
        """A microsecond later."""
        self.now_us += 1
        return self.now_us

    # -- what may happen ---------------------------------------------------------------------------

    def may(self) -> list[Callable[[], None]]:
        """All that may happen now; what is more likely stands there more often."""
        model, story = self.model, len(self.story)
        function_runs = model.function is None
        has_room = len(model.runs) < _RUNS_AT_MOST
        has_begun = story > 5
        offers: list[tuple[object, int, Callable[[], None]]] = [
            (not self.has_started, 4, self.start_flow),
            (function_runs and has_begun and self.has_started, 1, self.end_function),
            (has_room, 9 if function_runs else 1, self.submit),
            (function_runs and len(model.outsiders) < 3, 1, self.join_outsider),
            (self.given, 6, self.begin),
            (self.begun, 8, self.finish),
            (self.begun, 2, self.report_start),
            (self.begun, 2, self.lend),
            (self.interrupts, 6, self.resolve_interrupt),
            (self.timers, 4, self.fire_timer),
            (self.live_outsiders(), 1, self.end_outsider),
            (self.over, 1, self.report_again),
            (model.runs, 1, self.notice),
            (model.runs, 1, self.cancel_run),
            (model.runs, 2, self.retrieve),
            (self.loans, 2, self.reclaim),
            (has_begun and self.chance(8), 1, self.cancel_flow),
        ]
        return [happen for is_possible, weight, happen in offers if is_possible for _ in range(weight)]

    def start_flow(self) -> None:
        self.has_started = True
        self.tell(FlowStarted(self.tick()))

    def submit(self) -> None:
        """Submit a run with any upstreams: live and ended ones, failed ones, those of other flows."""
        id = len(self.model.runs) + 1
        retries = self.pick((0, 0, 1, 2))
        upstreams, tolerated = self.some_runs(3), self.some_runs(1) if self.chance(4) else ()
        needs_slot = not self.chance(6)
        run = TaskRun(
            id, self.tick(), retries=retries, upstreams=upstreams, tolerated=tolerated, needs_slot=needs_slot
        )
        self.tell(run)

    def begin(self) -> None:
        """The task runner begins an attempt, and says nothing of it."""
        attempt = self.pick(list(self.given))
        del self.given[attempt]
        self.begun[attempt] = self.tick()

    def report_start(self) -> None:
        attempt = self.pick(list(self.begun))
        self.tell(AttemptStarted(attempt.id, attempt.number, self.begun[attempt]))

    def finish(self) -> None:
        """An attempt ends; perhaps the report of it comes late."""
        attempt = self.pick(list(self.begun))
        started_us = self.begun.pop(attempt)
        self.over.append(attempt)
        endings = (
            Ending.RETURNED,
            Ending.RETURNED,
            Ending.RAISED,
            Ending.RAISED,
            Ending.CANCELLED,
            Ending.CRASHED,
        )
        ending = self.pick(endings)
        delay = self.pick((None, 0.0, 1.5)) if ending is not Ending.RETURNED else None
        ended_us = self.tick()
        self.tell(AttemptFinished(*attempt, started_us, ended_us, ending, f"it {ending.value}", delay))

    def report_again(self) -> None:
        """An attempt that is over is heard of once more: it must change nothing."""
        attempt = self.pick(self.over)
        now = self.tick()
        event = self.choose(4)
        if event == 0:
            self.tell(AttemptStarted(*attempt, now))
        elif event == 1:
            self.tell(AttemptWithdrawn(*attempt, now))
        elif event == 2:
            self.tell(InterruptFailed(*attempt, now))
        else:
            self.tell(AttemptFinished(*attempt, now, now, Ending.RAISED, "again", 0.0))

    def resolve_interrupt(self) -> None:
        """An interrupt comes to the attempt: before it began, while it runs, or too late."""
        effect = self.pick(self.interrupts)
        self.interrupts.remove(effect)
        attempt = Attempt(effect.run.id, effect.number)
        if attempt in self.given:
            del self.given[attempt]
            self.over.append(attempt)
            self.tell(AttemptWithdrawn(*attempt, self.tick()))
        elif attempt in self.begun and not effect.only_withdraw:
            if self.chance(2):
                self.tell(InterruptFailed(*attempt, self.tick()))  # it goes on unheard, and ends some day
            else:
                started_us = self.begun.pop(attempt)
                self.over.append(attempt)
                self.tell(AttemptFinished(*attempt, started_us, self.tick(), Ending.CANCELLED, "cancelled"))

    def fire_timer(self) -> None:
        id = self.pick(self.timers)
        self.timers.remove(id)
        self.tell(TimerFired(id, self.tick()))

    def notice(self) -> None:
        self.tell(RunNoticed(self.pick(list(self.model.runs)), self.tick()))

    def cancel_run(self) -> None:
        self.tell(CancelRequested(self.pick(list(self.model.runs)), self.tick(), "cancelled on request"))

    def cancel_flow(self) -> None:
        self.tell(CancelRequested(None, self.tick(), "cancelled on request"))

    def retrieve(self) -> None:
        """Somebody looks at how a run failed, or is about to, or an outsider."""
        self.tell(FailureRetrieved(self.pick([*self.model.runs, *self.model.outsiders])))

    def lend(self) -> None:
        """A running attempt blocks on another run, on one that has ended meanwhile, or on one of another flow."""
        lender = self.pick(list(self.begun)).id
        awaited = self.pick((0, *(id for id in self.model.runs if id != lender)))
        self.loans.append((lender, awaited))
        self.tell(SlotLent(lender, awaited))

    def reclaim(self) -> None:
        loan = self.pick(self.loans)
        self.loans.remove(loan)
        self.tell(SlotReclaimed(*loan))

    def live_outsiders(self) -> list[int]:
        return [id for id in self.model.outsiders if self.model.is_live(id)]

    def join_outsider(self) -> None:
        self.tell(OutsiderJoined(-1 - len(self.model.outsiders), self.chance(2)))

    def end_outsider(self) -> None:
        self.tell(OutsiderEnded(self.pick(self.live_outsiders()), self.tick(), not self.chance(2)))

    def end_function(self) -> None:
        ending = self.pick(
            (Ending.RETURNED, Ending.RETURNED, Ending.RAISED, Ending.CANCELLED, Ending.CRASHED)
        )
        returned = self.some_runs(2) if ending is Ending.RETURNED else ()
        self.tell(FunctionEnded(self.tick(), ending, f"it {ending.value}", returned))

    # -- the end -----------------------------------------------------------------------------------

    def come_to_an_end(self) -> None:
        """Let all that is under way end; then nothing may be left."""
        if not self.has_started:
            self.start_flow()
        if self.model.function is None:
            self.end_function()
        while True:
            due = [self.given, self.begun, self.interrupts, self.timers, self.loans, self.live_outsiders()]
            doing = (
                self.begin,
                self.finish,
                self.resolve_interrupt,
                self.fire_timer,
                self.reclaim,
                self.end_outsider,
            )
            possible = [happen for waiting, happen in zip(due, doing, strict=True) if waiting]
            if not possible:
                break
            self.pick(possible)()
        self.model.check_end()


def play(seed: int) -> World:
    """Play the random flow of this seed to its end. Raises what broke, with the story as a note."""
    source = random.Random(seed)
    world = World(lambda count: int(source.random() * count))
    try:
        for _ in range(world.choose(60)):
            world.pick(world.may())()
        world.come_to_an_end()
    except Exception as error:
        error.add_note("\n".join(map(tell_event, world.story)))
        raise
    return world


def tell_event(event: Event) -> str:
    """The event, to be read."""
    if isinstance(event, TaskRun):
        return (
            f"TaskRun({event.id}, at_us={event.submitted_us}, retries={event.retries}, upstreams={event.upstreams}, "
            f"tolerated={event.tolerated}, needs_slot={event.needs_slot})"
        )
    if isinstance(event, AttemptFinished):
        fields = ", ".join(
            f"{name}={getattr(event, name)}" for name in ("id", "number", "ending", "retry_delay_seconds")
        )
        return f"AttemptFinished({fields})"
    return str(event)
