"""Every order: one small flow, played once for each way in which its events can fall."""

from __future__ import annotations

from collections import deque
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from headrace.engine.events import Ending
from headrace.engine.policies import SlotPolicy
from tests.engine.story import (
    CancelRequested,
    Finished,
    FlowStarted,
    FunctionEnded,
    Interrupt,
    Lent,
    PostAgain,
    Reclaimed,
    Retrieved,
    SetTimer,
    Skipped,
    Start,
    Submitted,
    TimerFired,
    Withdrawn,
    new_engine,
)
from tests.simulator.model import Model
from tests.simulator.world import Landing

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.engine.story import Event


class Run(NamedTuple):
    """A call of a task: how its attempts end, one after another, and which run its last one calls and awaits."""

    upstreams: tuple[int, ...] = ()
    tolerated: tuple[int, ...] = ()
    endings: tuple[Ending, ...] = (Ending.RETURNED,)
    calls: int | None = None
    can_be_stopped: bool = True


class Plan(NamedTuple):
    """A flow: what its function calls in order, how it ends, and what others do to it, at any time.

    Where its runs start ahead, the reports of attempts that are over come in any order, too.
    """

    runs: dict[int, Run]
    slots: int | None = None
    starts_ahead: bool = False
    children: dict[int, Run] = {}  # noqa: RUF012 - nobody changes it
    ending: Ending = Ending.RETURNED
    returned: tuple[int, ...] = ()
    cancelled: tuple[int | None, ...] = ()
    retrieved: tuple[int, ...] = ()


class Outcome(NamedTuple):
    """How a flow came out: itself, its task runs, and the failures that nobody saw."""

    flow: str
    runs: tuple[str, ...]
    unseen: tuple[int, ...] = ()


class Order:
    """A plan, in the one order that ``choose`` makes: ``choose(n)`` gives a number below n."""

    def __init__(self, plan: Plan, choose: Callable[[int], int]) -> None:
        self._plan = plan
        self._choose = choose
        slots = SlotPolicy(plan.slots, starts_ahead=plan.starts_ahead)
        self._engine = new_engine(slots)
        self._model = Model(self._engine, slots)
        self._now_us = 0
        self.story: list[Event] = []
        self._function: list[int | None] = [*plan.runs, None]
        self._outside: list[CancelRequested | Retrieved] = [CancelRequested(id, 0) for id in plan.cancelled]
        self._outside += [Retrieved(id) for id in plan.retrieved]
        self._attempts: list[Start] = []
        self._landings: dict[int, Landing] = {}
        self._reports: list[Finished] = []
        self._posted: deque[Event] = deque()
        self._blocked: dict[int, Start] = {}
        self._timers: list[int] = []
        self._interrupts: list[Interrupt] = []

    def play(self) -> Outcome:
        """From the start to the end, and how it came out."""
        self._tell(FlowStarted(self._tick()))
        while possible := self._possible():
            possible[self._choose(len(possible))]()
        self._model.check_end()
        end = self._model.end
        assert end is not None
        runs = sorted(self._model.runs.items())
        return Outcome(
            str(end.changes[-1][0]), tuple(str(seen.end) for _, seen in runs), tuple(sorted(end.unseen))
        )

    def _tick(self) -> int:
        self._now_us += 1
        return self._now_us

    def _tell(self, event: Event) -> None:
        self.story.append(event)
        effects = self._engine.tell(event)
        self._model.observe(event, effects)
        for effect in effects:
            match effect:
                case Start():
                    upstreams = self._run(effect.id).upstreams
                    self._landings[effect.id] = Landing(tuple(self._landings[id] for id in upstreams))
                    self._attempts.append(effect)
                case PostAgain():
                    self._posted.append(effect.event)
                case SetTimer():
                    self._timers.append(effect.id)
                case Interrupt():
                    self._interrupts.append(effect)
                case _:
                    pass

    # -- what may happen next ----------------------------------------------------------------------

    def _possible(self) -> list[Callable[[], None]]:
        possible: list[Callable[[], None]] = []
        if self._function:
            possible.append(self._go_on_in_function)
        possible += [partial(self._act_from_outside, event) for event in self._outside if self._may(event)]
        for attempt in self._attempts:
            if self._landings[attempt.id].is_ready:
                possible.append(partial(self._go_on, attempt))
            elif self._landings[attempt.id].is_vain:
                possible.append(partial(self._skip, attempt))
        possible += [partial(self._report, report) for report in self._reports]
        if self._posted:
            possible.append(self._tell_again)
        possible += [partial(self._fire, id) for id in self._timers]
        possible += [partial(self._interrupt, effect) for effect in self._interrupts]
        possible += [
            partial(self._wake, attempt)
            for parent, attempt in self._blocked.items()
            if self._model.runs[self._child_of(parent)].end is not None
        ]
        return possible

    def _may(self, event: CancelRequested | Retrieved) -> bool:
        """Nobody outside knows of a run before it is submitted."""
        return event.id is None or event.id in self._model.runs

    def _go_on_in_function(self) -> None:
        id = self._function.pop(0)
        if id is None:
            self._tell(FunctionEnded(self._tick(), self._plan.ending, None, self._plan.returned))
        else:
            self._submit(id, self._plan.runs[id])

    def _submit(self, id: int, run: Run, *, needs_slot: bool = True) -> None:
        retries = len(run.endings) - 1
        self._tell(Submitted(id, self._tick(), run.upstreams, run.tolerated, retries, needs_slot))

    def _act_from_outside(self, event: CancelRequested | Retrieved) -> None:
        self._outside.remove(event)
        self._tell(event._replace(at_us=self._tick()) if isinstance(event, CancelRequested) else event)

    def _run(self, id: int) -> Run:
        return self._plan.runs[id] if id in self._plan.runs else self._plan.children[id]

    def _child_of(self, id: int) -> int:
        child = self._run(id).calls
        assert child is not None
        return child

    def _go_on(self, attempt: Start) -> None:
        """The attempt ends; if it calls a task, it does that first, and waits."""
        self._attempts.remove(attempt)
        run = self._run(attempt.id)
        if run.calls is None or run.calls in self._model.runs:
            self._finish(attempt)
            return
        self._submit(run.calls, self._plan.children[run.calls], needs_slot=False)
        self._blocked[attempt.id] = attempt
        self._tell(Lent(attempt.id, run.calls))

    def _wake(self, attempt: Start) -> None:
        """The run that the attempt waited for has ended."""
        del self._blocked[attempt.id]
        self._tell(Reclaimed(attempt.id, self._child_of(attempt.id)))
        self._attempts.append(attempt)

    def _finish(self, attempt: Start) -> None:
        ending = self._run(attempt.id).endings[attempt.number - 1]
        now, retry_after = self._tick(), None if ending is Ending.RETURNED else 1.5
        self._landings[attempt.id].has_value = ending is Ending.RETURNED
        self._reports.append(Finished(attempt.id, attempt.number, now, now, ending, None, retry_after))
        if not self._plan.starts_ahead:
            self._report(self._reports[-1])

    def _report(self, report: Finished) -> None:
        self._reports.remove(report)
        self._tell(report)

    def _skip(self, attempt: Start) -> None:
        """The attempt will never have the value of an upstream."""
        self._attempts.remove(attempt)
        self._landings[attempt.id].has_value = False
        self._tell(Skipped(attempt.id, attempt.number, self._tick()))

    def _tell_again(self) -> None:
        """What came too early comes again."""
        self._tell(self._posted.popleft())

    def _fire(self, id: int) -> None:
        self._timers.remove(id)
        self._tell(TimerFired(id, self._tick()))

    def _interrupt(self, effect: Interrupt) -> None:
        """It comes to an attempt that has not begun, to one that runs, or too late."""
        self._interrupts.remove(effect)
        attempt = Start(effect.id, effect.number)
        is_under_way = attempt in self._attempts
        if is_under_way and self._run(effect.id).can_be_stopped:
            self._attempts.remove(attempt)
            self._landings[attempt.id].has_value = False
            self._tell(Withdrawn(effect.id, effect.number, self._tick()))
        elif (is_under_way or effect.id in self._blocked) and not effect.only_withdraw:
            now = self._tick()
            self._tell(Finished(effect.id, effect.number, now, now, Ending.CANCELLED, "it goes on unheard"))


def play_every_order(plan: Plan) -> dict[Outcome, int]:
    """Play the plan in every order there is: the outcomes, and how many orders led to each."""
    outcomes: dict[Outcome, int] = {}
    path: list[int] = []  # what was chosen, place by place
    widths: list[int] = []  # among how many
    while True:
        place = 0

        def choose(count: int) -> int:
            nonlocal place
            if place == len(path):
                path.append(0)
                widths.append(count)
            place += 1
            return path[place - 1]

        order = Order(plan, choose)
        try:
            outcome = order.play()
        except Exception as error:
            error.add_note("\n".join(map(str, order.story)))
            raise
        outcomes[outcome] = outcomes.get(outcome, 0) + 1
        while path and path[-1] + 1 == widths[-1]:
            path.pop()
            widths.pop()
        if not path:
            return outcomes
        path[-1] += 1
