"""The orchestrator alone, in a world that reports to it in any order.

The world offers what may happen next; somebody chooses: a seeded random number generator, or hypothesis. Time
is virtual: a microsecond an event.
"""

from __future__ import annotations

import random
from collections import deque
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from headrace.engine.events import Ending
from headrace.engine.policies import SlotPolicy
from headrace.engine.states import StateName
from tests.engine.story import (
    Admit,
    Admitted,
    Adopted,
    Began,
    CancelRequested,
    DeadlinePassed,
    Finished,
    FlowGivenUp,
    FlowPaused,
    FlowStarted,
    FlowWentOn,
    Found,
    FunctionEnded,
    Interrupt,
    Joined,
    Lent,
    Noticed,
    OutsiderEnded,
    PostAgain,
    Reclaimed,
    Replayed,
    Retrieved,
    SetDeadline,
    SetTimer,
    Skipped,
    Stage,
    Start,
    StopFlow,
    Submitted,
    TimerFired,
    Withdrawn,
    new_engine,
)
from tests.simulator.model import BrokenInvariantError, Model

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.engine.story import Engine, Event

ItemT = TypeVar("ItemT")

_RUNS_AT_MOST = 14
_ENDINGS = (
    Ending.RETURNED,
    Ending.RETURNED,
    Ending.RAISED,
    Ending.RAISED,
    Ending.CANCELLED,
    Ending.CRASHED,
)
_MOSTLY_RETURNED = (Ending.RETURNED,) * 14 + _ENDINGS
_ENDINGS_ELSEWHERE = (
    (StateName.RUNNING, StateName.COMPLETED),
    (StateName.RUNNING, StateName.AWAITING_RETRY, StateName.RETRYING, StateName.COMPLETED),
    (StateName.RUNNING, StateName.FAILED),
    (StateName.RUNNING, StateName.CANCELLING, StateName.CANCELLED),
    (StateName.CANCELLED,),
)


class Attempt(NamedTuple):
    """An attempt that the task runner was given."""

    id: int
    number: int


class Landing:
    """Where the task runner has the value of an attempt, once it is over; and those that the attempt needs."""

    def __init__(self, needs: tuple[Landing, ...]) -> None:
        self.needs = needs
        self.has_value: bool | None = None

    @property
    def is_ready(self) -> bool:
        """Whether the attempt may begin."""
        return all(need.has_value for need in self.needs)

    @property
    def is_vain(self) -> bool:
        """Whether the attempt can never begin."""
        return any(need.has_value is False for need in self.needs)


class World:
    """One flow run and all that happens to it. ``choose(n)`` gives a number from 0 up to n, n left out."""

    def __init__(
        self,
        choose: Callable[[int], int],
        make_engine: Callable[[SlotPolicy, float | None], Engine] = new_engine,
    ) -> None:
        self.choose = choose
        slots = SlotPolicy(
            self.pick((None, 1, 1, 2, 3, 4, 8, 12)),
            held_between_attempts=self.chance(4),
            starts_ahead=self.chance(2),
        )
        self._endings = self.pick((_ENDINGS, _MOSTLY_RETURNED))
        self.now_us = 0
        timeout = 5.0 if self.chance(4) else None
        self.engine = make_engine(slots, timeout)
        self.model = Model(self.engine, slots, timeout)
        self.story: list[Event] = []
        self.given: dict[Attempt, int] = {}
        """Attempts with the task runner that have not begun; since when."""
        self.begun: dict[Attempt, int] = {}
        self.over: list[Attempt] = []
        self.landings: dict[int, Landing] = {}
        """Of each run's latest attempt."""
        self.reports: list[Finished] = []
        """Word that has not come to the orchestrator."""
        self.posted: deque[Event] = deque()
        """What the orchestrator wants to hear again."""
        self.interrupts: list[Interrupt] = []
        self.timers: list[int] = []
        self.at_desk: list[int] = []
        """Runs about which the admission desk was asked."""
        self.deadlines: list[SetDeadline] = []
        self.is_to_stop = False
        self.loans: list[tuple[int, int]] = []
        self.has_started = False
        self.asks_persons = self.chance(3)
        self.pauses = 0
        self.started_ahead = 0
        self.told_again = 0

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
        effects = self.engine.tell(event)
        self.model.observe(event, effects)
        for effect in effects:
            match effect:
                case Start():
                    self.give(Attempt(effect.id, effect.number))
                case PostAgain():
                    self.posted.append(effect.event)
                case Interrupt():
                    self.interrupts.append(effect)
                case SetTimer():
                    self.timers.append(effect.id)
                case Admit():
                    self.at_desk.append(effect.id)
                case SetDeadline():
                    self.deadlines.append(effect)
                case StopFlow():
                    self.is_to_stop = True
                case _:
                    pass

    def give(self, attempt: Attempt) -> None:
        """The task runner is given an attempt, and with it whence the values of its upstreams come."""
        upstreams = self.model.runs[attempt.id].run.upstreams
        needs = tuple(self.landings[id] for id in upstreams if id in self.landings)
        self.landings[attempt.id] = Landing(needs)
        self.given[attempt] = self.now_us
        self.started_ahead += any(map(self.model.is_live, upstreams))

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
            (function_runs and self.has_started and self.asks_persons, 1, self.pause_flow),
            (model.pauses, 2, self.let_flow_go_on),
            (has_room, 9 if function_runs else 1, self.submit),
            (has_room and function_runs, 2, self.map),
            (has_room and self.begun, 2, self.call_child),
            (has_room and self.begun, 1, self.adopt),
            (has_room and function_runs, 1, self.replay),
            (function_runs and len(model.outsiders) < 3, 1, self.join_outsider),
            (self.ready(), 6, self.begin),
            (self.vain(), 3, self.skip),
            (self.begun, 8, self.finish),
            (self.reports, 1, self.report),
            (self.posted, 8, self.tell_again),
            (self.has_losses(), 1, self.lose_value),
            (self.begun, 2, self.report_start),
            (self.begun, 2, self.lend),
            (self.interrupts, 6, self.resolve_interrupt),
            (self.timers, 4, self.fire_timer),
            (self.at_desk, 4, self.answer_at_desk),
            (self.deadlines, 5, self.pass_deadline),
            (self.is_to_stop, 1, self.give_up_flow),
            (self.live_outsiders(), 1, self.end_outsider),
            (self.spent(), 1, self.report_again),
            (model.runs, 1, self.notice),
            (model.runs, 1, self.cancel_run),
            (model.runs, 2, self.retrieve),
            (model.live, 1, self.wait_for),
            (self.loans, 2, self.reclaim),
            (has_begun and self.chance(8), 1, self.cancel_flow),
        ]
        return [happen for is_possible, weight, happen in offers if is_possible for _ in range(weight)]

    def start_flow(self) -> None:
        self.has_started = True
        self.tell(FlowStarted(self.tick()))

    def submit(self) -> None:
        """Submit a run with any upstreams: live and ended ones, failed ones, those of other flows."""
        upstreams, tolerated = self.some_runs(3), self.some_runs(1) if self.chance(4) else ()
        self._submit(upstreams, tolerated, needs_slot=not self.chance(6))

    def map(self) -> None:
        """Submit some runs that share their upstreams, one after another."""
        upstreams, tolerated = self.some_runs(2), self.some_runs(1) if self.chance(4) else ()
        for _ in range(2 + self.choose(2)):
            self._submit(upstreams, tolerated)

    def call_child(self) -> None:
        """An attempt calls a task, and may block until that run has ended."""
        parent = self.pick(list(self.begun)).id
        child = self._submit(self.some_runs(1), needs_slot=False)
        if self.chance(2):
            self._lend(parent, child)

    def _submit(
        self, upstreams: tuple[int, ...], tolerated: tuple[int, ...] = (), *, needs_slot: bool = True
    ) -> int:
        id = len(self.model.runs) + 1
        retries = self.pick((0, 0, 1, 2))
        timeout = self.pick((None, None, 2.0))
        is_cached = self.chance(6)
        self.tell(Submitted(id, self.tick(), upstreams, tolerated, retries, needs_slot, timeout, is_cached))
        return id

    def adopt(self) -> None:
        """An attempt called a task elsewhere; how that ended comes before the end of the attempt."""
        id = len(self.model.runs) + 1
        names = self.pick(_ENDINGS_ELSEWHERE)
        roots: tuple[int, ...] = () if names[-1] is StateName.COMPLETED else (id,)
        failed = [other for other in self.model.runs if self.model.roots_of(other)]
        if failed and self.chance(3):
            names, roots = (StateName.UPSTREAM_FAILED,), self.model.roots_of(self.pick(failed))
        self.tell(Adopted(id, self.tick(), names, roots, self.chance(2)))

    def replay(self) -> None:
        """A call is made that completed in an earlier epoch."""
        self.tell(Replayed(len(self.model.runs) + 1, self.tick()))

    def ready(self) -> list[Attempt]:
        """The attempts whose upstreams' values are there."""
        return [attempt for attempt in self.given if self.landings[attempt.id].is_ready]

    def vain(self) -> list[Attempt]:
        """The attempts that will never have the value of an upstream."""
        return [attempt for attempt in self.given if self.landings[attempt.id].is_vain]

    def begin(self) -> None:
        """The task runner begins an attempt, and says nothing of it."""
        attempt = self.pick(self.ready())
        del self.given[attempt]
        self.begun[attempt] = self.tick()

    def skip(self) -> None:
        """The task runner finds that it cannot execute an attempt that it was given ahead."""
        self._skip(self.pick(self.vain()))

    def has_losses(self) -> bool:
        """Whether values may be lost that an attempt waits for."""
        return self.model.slots.starts_ahead and any(self.landings[id].needs for id, _ in self.ready())

    def lose_value(self) -> None:
        """The task runner had the value of an upstream, and has it no more when it wants to begin."""
        self._skip(self.pick([attempt for attempt in self.ready() if self.landings[attempt.id].needs]))

    def _skip(self, attempt: Attempt) -> None:
        del self.given[attempt]
        self.landings[attempt.id].has_value = False
        self.tell(Skipped(*attempt, self.tick()))

    def report_start(self) -> None:
        attempt = self.pick(list(self.begun))
        self.tell(Began(attempt.id, attempt.number, self.begun[attempt]))

    def finish(self) -> None:
        """An attempt ends; perhaps the report of it comes late, after those of attempts that began later."""
        ending = self.pick(self._endings)
        delay = self.pick((None, 0.0, 1.5)) if ending is not Ending.RETURNED else None
        self._finish(self.pick(list(self.begun)), ending, f"it {ending.value}", delay)
        if not self.model.slots.starts_ahead or self.chance(4):
            self._report(self.reports[-1])

    def _finish(self, attempt: Attempt, ending: Ending, reason: str, delay: float | None = None) -> None:
        started_us = self.begun.pop(attempt)
        self.landings[attempt.id].has_value = ending is Ending.RETURNED
        self.reports.append(Finished(*attempt, started_us, self.tick(), ending, reason, delay))

    def report(self) -> None:
        """The report of an attempt comes to the orchestrator."""
        self._report(self.pick(self.reports))

    def _report(self, report: Finished) -> None:
        self.reports.remove(report)
        self.over.append(Attempt(report.id, report.number))
        self.tell(report)

    def tell_again(self) -> None:
        """What came too early comes again."""
        self.told_again += 1
        self.tell(self.posted.popleft())

    def spent(self) -> list[Attempt]:
        """The attempts that are over, and of which nothing is kept."""
        runs, held = self.model.runs, (Stage.ACTIVE, Stage.AHEAD)
        return [a for a in self.over if runs[a.id].attempts != a.number or runs[a.id].stage not in held]

    def report_again(self) -> None:
        """An attempt that is over is heard of once more: it must change nothing."""
        attempt = self.pick(self.spent())
        now = self.tick()
        event = self.choose(5)
        if event == 0:
            self.tell(Began(*attempt, now))
        elif event == 1:
            self.tell(Withdrawn(*attempt, now))
        elif event == 2:
            self.tell(DeadlinePassed(*attempt, now))
        elif event == 3:
            self.tell(Skipped(*attempt, now))
        else:
            self.tell(Finished(*attempt, now, now, Ending.RAISED, "again", 0.0))

    def resolve_interrupt(self) -> None:
        """An interrupt comes to the attempt: before it began, while it runs, or too late; or its grace is over."""
        effect = self.pick(self.interrupts)
        self.interrupts.remove(effect)
        attempt = Attempt(effect.id, effect.number)
        if attempt in self.given:
            del self.given[attempt]
            self.landings[attempt.id].has_value = False
            self.over.append(attempt)
            self.tell(Withdrawn(*attempt, self.tick()))
        elif attempt in self.begun and not effect.only_withdraw:
            ending = Ending.TIMED_OUT if self.model.runs[attempt.id].is_timed_out else Ending.CANCELLED
            delay = self.pick((None, 0.0, 1.5)) if ending is Ending.TIMED_OUT else None
            if self.chance(2):  # it goes on unheard, and ends some day
                now = self.tick()
                self.tell(Finished(*attempt, self.begun[attempt], now, ending, "it goes on unheard", delay))
            else:
                self._finish(attempt, ending, "it was interrupted", delay)
                self._report(self.reports[-1])

    def answer_at_desk(self) -> None:
        """The desk lets a run go on, or knows its value; perhaps the run has been cancelled since."""
        id = self.pick(self.at_desk)
        self.at_desk.remove(id)
        if self.chance(2):
            self.tell(Found(id, self.tick(), StateName.CACHED, "as before"))
        else:
            self.tell(Admitted(id, self.tick()))

    def fire_timer(self) -> None:
        id = self.pick(self.timers)
        self.timers.remove(id)
        self.tell(TimerFired(id, self.tick()))

    def pass_deadline(self) -> None:
        """Of an attempt that executes, or that has ended since, or of the flow run."""
        deadline = self.pick(self.deadlines)
        self.deadlines.remove(deadline)
        self.tell(DeadlinePassed(deadline.id, deadline.number, self.tick()))

    def give_up_flow(self) -> None:
        """The grace of the flow run is over."""
        self.is_to_stop = False
        self.tell(FlowGivenUp(self.tick()))

    def notice(self) -> None:
        self.tell(Noticed(self.pick(list(self.model.runs)), self.tick()))

    def cancel_run(self) -> None:
        self.tell(CancelRequested(self.pick(list(self.model.runs)), self.tick(), "cancelled on request"))

    def cancel_flow(self) -> None:
        self.tell(CancelRequested(None, self.tick(), "cancelled on request"))

    def retrieve(self) -> None:
        """Somebody looks at how a run failed, or is about to, or an outsider."""
        self.tell(Retrieved(self.pick([*self.model.runs, *self.model.outsiders])))

    def lend(self) -> None:
        """A running attempt blocks on another run, on one that has ended meanwhile, or on one of another flow."""
        lender = self.pick(list(self.begun)).id
        self._lend(lender, self.pick((0, *(id for id in self.model.runs if id != lender))))

    def _lend(self, lender: int, awaited: int) -> None:
        self.loans.append((lender, awaited))
        self.tell(Lent(lender, awaited))

    def reclaim(self) -> None:
        loan = self.pick(self.loans)
        self.loans.remove(loan)
        self.tell(Reclaimed(*loan))

    def wait_for(self) -> None:
        """Somebody begins to wait for a run, and will look at how it failed."""
        self.engine.be_waited_for(self.pick(list(self.model.live)))

    def live_outsiders(self) -> list[int]:
        return [id for id in self.model.outsiders if self.model.is_live(id)]

    def join_outsider(self) -> None:
        self.tell(Joined(-1 - len(self.model.outsiders), self.chance(2)))

    def end_outsider(self) -> None:
        self.tell(OutsiderEnded(self.pick(self.live_outsiders()), self.tick(), not self.chance(2)))

    def pause_flow(self) -> None:
        """The function waits for a person."""
        self.pauses += 1
        self.tell(FlowPaused(self.pauses, self.tick(), f"Question {self.pauses}?"))

    def let_flow_go_on(self) -> None:
        self.tell(FlowWentOn(self.pick(list(self.model.pauses)), self.tick()))

    def end_function(self) -> None:
        ending = self.pick(
            (Ending.RETURNED, Ending.RETURNED, Ending.RAISED, Ending.CANCELLED, Ending.CRASHED)
        )
        returned = self.some_runs(2) if ending is Ending.RETURNED else ()
        tolerated = self.some_runs(1) if returned and self.chance(3) else ()
        self.tell(FunctionEnded(self.tick(), ending, f"it {ending.value}", returned, tolerated))

    # -- the end -----------------------------------------------------------------------------------

    def come_to_an_end(self) -> None:
        """Let all that is under way end; then nothing may be left."""
        if not self.has_started:
            self.start_flow()
        if self.model.function is None:
            self.end_function()
        while possible := self._still_to_do():
            self.pick(possible)()
        self.model.check_end()
        self._check_values()

    def _still_to_do(self) -> list[Callable[[], None]]:
        offers: list[tuple[object, Callable[[], None]]] = [
            (self.ready(), self.begin),
            (self.vain(), self.skip),
            (self.begun, self.finish),
            (self.reports, self.report),
            (self.posted, self.tell_again),
            (self.interrupts, self.resolve_interrupt),
            (self.timers, self.fire_timer),
            (self.at_desk, self.answer_at_desk),
            (self.deadlines, self.pass_deadline),
            (self.is_to_stop, self.give_up_flow),
            (self.loans, self.reclaim),
            (self.live_outsiders(), self.end_outsider),
        ]
        return [happen for is_possible, happen in offers if is_possible]

    def _check_values(self) -> None:
        """Who completed was executed with what the last attempts of its upstreams returned."""
        for id, seen in self.model.runs.items():
            if seen.end is not StateName.COMPLETED or id not in self.landings:
                continue
            landing = self.landings[id]
            needs = tuple(self.landings[id] for id in seen.run.upstreams if id in self.landings)
            if landing.needs != needs or not all(need.has_value for need in needs):
                raise BrokenInvariantError(f"run {id} was executed with other values than its upstreams'")


def play(seed: int, make_engine: Callable[[SlotPolicy, float | None], Engine] = new_engine) -> World:
    """Play the random flow of this seed to its end. Raises what broke, with the story as a note."""
    source = random.Random(seed)
    world = World(lambda count: int(source.random() * count), make_engine)
    try:
        for _ in range(world.choose(80)):
            world.pick(world.may())()
        world.come_to_an_end()
    except Exception as error:
        error.add_note("\n".join(map(str, world.story)))
        raise
    return world
