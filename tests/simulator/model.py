"""What must hold of an orchestrator, worked out anew from the events, by the plainest means.

The model is told every event and its effects, keeps books of its own, and complains. It shares no code with
the engine but the names of states: where the engine keeps counters, it looks at everything there is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.engine.events import Ending
from headrace.engine.states import TRANSITIONS, StateName
from tests.engine.story import (
    Admit,
    Admitted,
    Adopted,
    Began,
    CancelRequested,
    DeadlinePassed,
    EndFlow,
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
    OutsiderEnded,
    PostAgain,
    Reclaimed,
    Record,
    RecordFlow,
    Replayed,
    Retrieved,
    RunHooks,
    SetDeadline,
    SetTimer,
    Settle,
    Skipped,
    Stage,
    Start,
    StopFlow,
    Submitted,
    TimerFired,
    Withdrawn,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from headrace.engine.policies import SlotPolicy
    from headrace.engine.states import Change
    from tests.engine.story import Effect, Engine, Event, RunEffect

_FAILURES = {StateName.FAILED, StateName.TIMED_OUT, StateName.CRASHED}
_EXECUTING = {StateName.RUNNING, StateName.RETRYING, StateName.CANCELLING}
_TRIES = {StateName.RUNNING, StateName.RETRYING}
_GIVES_VALUE = {StateName.COMPLETED, StateName.CACHED, StateName.REPLAYED}
_NOT_ADMITTED = {Stage.UNADMITTED, Stage.AT_DESK}
_HANDED_OVER = {Stage.ACTIVE, Stage.AHEAD}


class BrokenInvariantError(AssertionError):
    """The engine did what it must never do."""


class SeenRun:
    """A task run, as its events and effects show it."""

    __slots__ = (
        "attempts",
        "begun",
        "deadline",
        "early",
        "end",
        "is_repeated",
        "is_timed_out",
        "is_to_be_cancelled",
        "loans",
        "run",
        "stage",
    )

    def __init__(self, run: Submitted) -> None:
        self.run = run
        self.attempts = 0
        self.stage = Stage.UNADMITTED if run.needs_admission else Stage.WAITING
        self.end: StateName | None = None
        self.is_to_be_cancelled = False
        self.is_timed_out = False
        self.begun = self.deadline = 0
        """The attempt that is known to have begun; the one that has a deadline."""
        self.is_repeated = False
        self.early: list[Began | Finished] = []
        self.loans: list[int] = []


class SeenOutsider:
    """A run of another flow."""

    def __init__(self, *, is_owned: bool) -> None:
        self.is_owned = is_owned
        self.completed: bool | None = None


class Model:
    """The books of one flow run."""

    def __init__(self, engine: Engine, slots: SlotPolicy, timeout: float | None = None) -> None:
        self.engine = engine
        self.slots = slots
        self.timeout = timeout
        self.runs: dict[int, SeenRun] = {}
        self.live: dict[int, SeenRun] = {}
        self.outsiders: dict[int, SeenOutsider] = {}
        self.function: FunctionEnded | None = None
        self.has_started = False
        self.pauses: dict[int, str] = {}
        """The prompts of the persons for whom the function waits."""
        self.is_cancelled = False
        self.is_timed_out = False
        self.is_given_up = False
        self.has_failed = False
        self.end: EndFlow | None = None
        self.flow_changes: tuple[Change, ...] = ()
        self._to_be_cancelled: list[SeenRun] = []
        self._to_be_interrupted: dict[int, int] = {}
        self._to_be_repeated: int | None = None
        self._deadlines_to_be_set: dict[int | None, float] = {}
        self._is_to_stop = False
        self._called_back: list[SeenRun] = []
        self._started: set[int] = set()
        self._event: Event | None = None
        self._expected: StateName | None = None
        self._retrieved: set[int] = set()
        self._roots: dict[int, tuple[int, ...]] = {}

    # -- what can be known without the engine ------------------------------------------------------

    def is_live(self, id: int) -> bool:
        """Whether a run, or an outsider, has not ended."""
        return id in self.live or (id < 0 and id in self.outsiders and self.outsiders[id].completed is None)

    def has_completed(self, id: int) -> bool:
        """Whether it has ended well; an outsider that never joined counts as one that has."""
        if id in self.runs:
            return self.runs[id].end in _GIVES_VALUE
        return id not in self.outsiders or self.outsiders[id].completed is True

    def live_runs(self) -> list[SeenRun]:
        """The task runs that have not ended."""
        return list(self.live.values())

    def have_completed(self, ids: Iterable[int]) -> bool:
        """Whether all of them have ended well."""
        return all(map(self.has_completed, ids))

    def is_handed_over(self, id: int) -> bool:
        """Whether the run's attempt is with the task runner, and wanted."""
        seen = self.live.get(id)
        return seen is not None and seen.stage in _HANDED_OVER and not seen.is_to_be_cancelled

    def may_start_ahead(self, run: Submitted) -> bool:
        """Whether each upstream has completed or may yet complete without anybody's doing, and there is room."""
        if not self.slots.starts_ahead or run.needs_admission or any(map(self.is_live, run.tolerated)):
            return False
        if run.needs_slot and not self.has_slot_ahead():
            return False
        return all(self.has_completed(id) or self.is_handed_over(id) for id in run.upstreams)

    def roots_of(self, id: int) -> tuple[int, ...]:
        """For whom a run did not complete: itself, or the first failed ones on the ways upstream, in their order."""
        if self.is_live(id) or self.has_completed(id):
            return ()
        if id not in self._roots:
            seen = self.runs.get(id)
            roots: tuple[int, ...] = (id,)
            if seen is not None and seen.end is StateName.UPSTREAM_FAILED:
                roots = tuple(root for upstream in seen.run.upstreams for root in self.roots_of(upstream))
            self._roots[id] = tuple(dict.fromkeys(roots))
        return self._roots[id]

    def holders(self) -> list[SeenRun]:
        """The runs that hold a slot, lent or not."""
        holding = {*_HANDED_OVER, Stage.DELAYED} if self.slots.held_between_attempts else _HANDED_OVER
        return [seen for seen in self.live.values() if seen.stage in holding and seen.run.needs_slot]

    def has_free_slot(self) -> bool:
        """Whether one more run may start."""
        return self.slots.count is None or self.slots_in_use() < self.slots.count

    def has_slot_ahead(self) -> bool:
        """Whether one more run may start ahead: with it, no more than half of the slots are in use."""
        return self.slots.count is None or 2 * (self.slots_in_use() + 1) <= self.slots.count

    def slots_in_use(self) -> int:
        """How many slots are held by runs that do not lend them."""
        return sum(not seen.loans for seen in self.holders())

    def unseen(self) -> set[int]:
        """The failures that nobody retrieved (W2)."""
        returned = () if self.function is None else self.function.returned
        failed = {id for id, seen in self.runs.items() if seen.end in _FAILURES}
        failed |= {id for id, seen in self.outsiders.items() if seen.is_owned and seen.completed is False}
        retrieved = [self.roots_of(id) for id in (*self._retrieved, *returned)]
        return failed.difference(*retrieved)

    def is_due(self) -> bool:
        """Whether the function and all that it started have ended."""
        function = self.function
        if self.live:
            return False
        if self.is_given_up:
            return True
        if function is None:
            return False
        return not any(
            seen.completed is None and (seen.is_owned or id in function.returned or id in function.tolerated)
            for id, seen in self.outsiders.items()
        )

    # -- an event and its effects ------------------------------------------------------------------

    def observe(self, event: Event, effects: Sequence[Effect]) -> None:
        """Take in what happened and what the engine made of it; complain if that is not right."""
        had_ended = self.end is not None
        self._event = event
        self._to_be_interrupted = {}
        self._called_back = []
        self._started = set()
        self._expected = self._take_in(event)
        for effect in effects:
            self._take_in_effect(effect)
        self._check(
            not had_ended or not isinstance(event, CancelRequested) or not effects, "cancelled after its end"
        )
        if isinstance(event, Adopted):
            self._check_adoption(event, effects)
        if isinstance(event, Replayed):
            settles = any(isinstance(effect, Settle) and effect.id == event.id for effect in effects)
            self._check(
                settles,
                f"run {event.id} was replayed, and is not settled: {effects}",
            )
        self._check_outcome(event)
        self._check_books()
        if self.end is not None and not had_ended:
            self._check_end_of_flow(self.end)

    def _take_in(self, event: Event) -> StateName | None:
        """Keep books of the event. The state that it must bring about, where that is plain."""
        match event:
            case Submitted():
                return self._take_in_submission(event)
            case Adopted():
                return self._take_in_adoption(event)
            case Replayed():
                return self._take_in_replay(event)
            case Began() | Finished() if self._is_early(event.id, event.number):
                self.runs[event.id].early.append(event)
            case Began() if self._is_heard(event.id, event.number):
                self._take_in_beginning(self.runs[event.id])
            case Finished():
                return self._expect_end_of_attempt(event)
            case Withdrawn():
                return self._expect_cancelled(event)
            case Skipped():
                return self._take_in_skip(event)
            case Found() if self.runs[event.id].stage is Stage.AT_DESK:
                return event.name
            case Admitted() if self.runs[event.id].stage is Stage.AT_DESK:
                self.runs[event.id].stage = Stage.QUEUED
            case _:
                self._take_in_other(event)
        return None

    def _take_in_other(self, event: Event) -> None:
        match event:
            case CancelRequested(id=None):
                if self.end is None and not self.is_cancelled:
                    self._take_in_start()  # which it brings about
                    self._cancel_all()
            case CancelRequested(id=int(id)) if self.is_live(id):
                self._cancel(self.runs[id])
            case DeadlinePassed(id=None):
                if self.end is None and not self.is_cancelled:
                    self.is_timed_out = True
                    self._cancel_all()
            case DeadlinePassed(id=int(id)) if self._is_heard(id, event.number):
                self._time_out(self.runs[id])
            case Lent():
                self._take_in_loan(event)
            case Reclaimed():
                if event.id in self.runs and event.awaited in self.runs[event.id].loans:
                    self.runs[event.id].loans.remove(event.awaited)
            case TimerFired() if self.runs[event.id].stage is Stage.DELAYED:
                self.runs[event.id].stage = Stage.QUEUED
            case _:
                self._take_in_word_from_outside(event)

    def _take_in_word_from_outside(self, event: Event) -> None:
        match event:
            case Retrieved():
                self._retrieved.add(event.id)
            case Joined():
                self.outsiders[event.id] = SeenOutsider(is_owned=event.is_owned and not self.is_given_up)
            case OutsiderEnded():
                self.outsiders[event.id].completed = event.completed
            case FlowStarted():
                self._take_in_start()
                self.has_started = True
            case FlowPaused():
                if self.function is None and not self.is_cancelled:
                    self.pauses[event.id] = event.prompt
            case FlowWentOn():
                self.pauses.pop(event.id, None)
            case FlowGivenUp():
                self._give_up()
            case FunctionEnded():
                if not self.is_given_up:
                    self._take_in_end_of_function(event)
            case _:
                pass

    def _cancel_all(self) -> None:
        if not self.is_cancelled:
            self._is_to_stop = True
        self.is_cancelled = True
        self._to_be_cancelled = [seen for seen in self.live_runs() if seen.stage is not Stage.ACTIVE]
        for seen in self.live_runs():
            self._cancel(seen)

    def _cancel(self, seen: SeenRun) -> None:
        """An attempt is interrupted by its deadline or the first cancel of its run, and by no other."""
        if seen.stage is Stage.ACTIVE and not (seen.is_to_be_cancelled or seen.is_timed_out):
            self._to_be_interrupted[seen.run.id] = seen.attempts
        seen.is_to_be_cancelled = True

    def _time_out(self, seen: SeenRun) -> None:
        if not seen.is_to_be_cancelled:
            self._check(seen.deadline == seen.attempts, f"run {seen.run.id} has no deadline")
            self._to_be_interrupted[seen.run.id] = seen.attempts
            seen.is_timed_out = True

    def _take_in_beginning(self, seen: SeenRun) -> None:
        """The first word of an attempt sets its deadline."""
        if seen.begun != seen.attempts:
            seen.begun = seen.attempts
            if seen.run.timeout is not None:
                self._deadlines_to_be_set[seen.run.id] = seen.run.timeout

    def _give_up(self) -> None:
        """Nobody waits any more for the function, nor for subflows, whatever comes of them."""
        if self.end is None:
            self.is_given_up = True
            for seen in self.outsiders.values():
                seen.is_owned = seen.is_owned and seen.completed is not None

    def _take_in_start(self) -> None:
        if not self.has_started and not self.is_cancelled and self.timeout is not None:
            self._deadlines_to_be_set[None] = self.timeout

    def _take_in_submission(self, run: Submitted) -> StateName | None:
        self.runs[run.id] = self.live[run.id] = SeenRun(run)
        if not self._accepts():
            return StateName.CANCELLED
        self._retrieved.update(run.tolerated)
        if any(self.is_live(id) for id in (*run.upstreams, *run.tolerated)):
            return None
        return None if all(map(self.has_completed, run.upstreams)) else StateName.UPSTREAM_FAILED

    def _accepts(self) -> bool:
        """Whether a call may still come to something."""
        return not (self.is_cancelled or self.has_failed or self.end is not None)

    def _take_in_replay(self, event: Replayed) -> StateName:
        self.runs[event.id] = self.live[event.id] = SeenRun(
            Submitted(event.id, event.at_us, needs_slot=False)
        )
        return StateName.REPLAYED if self._accepts() else StateName.CANCELLED

    def _take_in_end_of_function(self, event: FunctionEnded) -> None:
        self.pauses.clear()
        self.function = event
        self._retrieved.update(event.tolerated)
        if event.ending in (Ending.CANCELLED, Ending.TIMED_OUT):
            self._cancel_all()
        elif event.ending is not Ending.RETURNED:
            self._to_be_cancelled = [
                seen for seen in self.live_runs() if seen.attempts == 0 or seen.stage is Stage.AHEAD
            ]
            self.has_failed = True

    def _is_early(self, id: int, number: int) -> bool:
        """Whether this attempt has started ahead: word of it is kept until word of the upstreams has come."""
        seen = self.runs[id]
        return seen.stage is Stage.AHEAD and seen.attempts == number

    def _is_heard(self, id: int, number: int) -> bool:
        """Whether this attempt is the one that the run stands at."""
        seen = self.runs[id]
        return seen.end is None and seen.stage is Stage.ACTIVE and seen.attempts == number

    def _expect_end_of_attempt(self, event: Finished) -> StateName | None:
        if not self._is_heard(event.id, event.number):
            return None
        seen = self.runs[event.id]
        may_retry = not (seen.is_to_be_cancelled or self.is_cancelled) and event.number <= seen.run.retries
        match event.ending:
            case Ending.RETURNED:
                return StateName.COMPLETED
            case Ending.CANCELLED:
                return StateName.CANCELLED
            case _ if event.retry_after is not None and may_retry:
                return StateName.AWAITING_RETRY
            case Ending.TIMED_OUT:
                return StateName.TIMED_OUT
            case Ending.RAISED:
                return StateName.FAILED
            case Ending.CRASHED:
                return StateName.CRASHED

    def _expect_cancelled(self, event: Withdrawn) -> StateName | None:
        if not self._is_heard(event.id, event.number):
            return None
        is_wanted = self.is_cancelled or self.runs[event.id].is_to_be_cancelled
        is_first = self.has_failed and event.number == 1
        self._check(is_wanted or is_first, f"run {event.id} was stopped, and nobody wanted that")
        return StateName.CANCELLED

    def _take_in_skip(self, event: Skipped) -> StateName | None:
        """A run that started ahead waits again. Another one is started again, but not twice."""
        seen = self.runs[event.id]
        if self._is_early(event.id, event.number):
            seen.stage = Stage.WAITING
            seen.attempts -= 1
            seen.early.clear()
            seen.loans.clear()
        elif self._is_heard(event.id, event.number):
            if seen.is_to_be_cancelled or self.is_cancelled or self.has_failed:
                return StateName.CANCELLED
            if seen.is_repeated:
                return StateName.CRASHED
            seen.is_repeated = True
            self._to_be_repeated = event.id
        return None

    def _take_in_adoption(self, event: Adopted) -> StateName:
        end = event.names[-1]
        upstreams = event.roots if end is StateName.UPSTREAM_FAILED else ()
        seen = SeenRun(Submitted(event.id, event.at_us, upstreams, needs_slot=False))
        seen.attempts = sum(name in _TRIES for name in event.names)
        self.runs[event.id] = self.live[event.id] = seen
        if event.is_seen and end in _FAILURES:
            self._retrieved.add(event.id)
        return end

    def _take_in_loan(self, event: Lent) -> None:
        seen = self.runs.get(event.id)
        if seen is None or seen not in self.holders() or self.slots.count is None:
            return
        if event.awaited == 0 or self.is_live(event.awaited):
            seen.loans.append(event.awaited)

    def _take_in_effect(self, effect: Effect) -> None:
        match effect:
            case EndFlow():
                self._check(self.end is None, "the flow run ended twice")
                self._check(self.is_due(), "the flow run ended before all that it started")
                self.end = effect
                self._take_in_flow_changes(effect.changes)
            case RecordFlow():
                self._check(self.end is None, "the flow run went on after its end")
                self._take_in_flow_changes(effect.changes)
            case StopFlow():
                self._check(self._is_to_stop, "the flow is stopped, and nobody wanted that")
                self._check(self.end is None, "the flow is stopped after its end")
                self._is_to_stop = False
            case SetDeadline():
                seconds = self._deadlines_to_be_set.pop(effect.id, None)
                self._check(effect.seconds == seconds, f"{effect} is not {seconds}")
                if effect.id is not None:
                    self.runs[effect.id].deadline = effect.number
            case PostAgain(event):
                early = self.runs[event.id].early
                self._check(event in early[:1], f"{event} is told again, and early word was {early}")
                early.pop(0)
                self._check(self._is_heard(event.id, event.number), f"{event} is told again, too early again")
            case _:
                seen = self.runs[effect.id]
                if seen.end is not None:
                    raise BrokenInvariantError(f"an effect for run {effect.id} after its end: {effect}")
                self._take_in_run_effect(seen, effect)

    def _take_in_run_effect(self, seen: SeenRun, effect: RunEffect) -> None:
        match effect:
            case Start() if effect.id == self._to_be_repeated:
                self._to_be_repeated = None
                self._check(effect.number == seen.attempts, f"run {effect.id} has another attempt")
            case Start():
                self._check_start(seen)
                self._started.add(effect.id)
                has_upstreams = self.have_completed(seen.run.upstreams)
                seen.stage = Stage.ACTIVE if has_upstreams else Stage.AHEAD
                seen.attempts += 1
                self._check(effect.number == seen.attempts, f"run {effect.id} left an attempt out")
            case Settle():
                self._settle(seen, effect)
            case Admit():
                self._check(seen.stage is Stage.UNADMITTED, f"run {effect.id} is to be admitted twice")
                self._check(
                    self.have_completed(seen.run.upstreams), f"run {effect.id} is to be admitted early"
                )
                seen.stage = Stage.AT_DESK
            case Record(ends_attempt=True):
                seen.stage = Stage.QUEUED
                seen.is_timed_out = False
                if not self.slots.held_between_attempts:
                    seen.loans.clear()
            case SetTimer():
                self._check(effect.seconds > 0, "a timer that is due at once")
                delay = self._event.retry_after if isinstance(self._event, Finished) else None
                self._check(effect.seconds == delay, f"run {effect.id} has another delay than {delay}")
                seen.stage = Stage.DELAYED
            case Interrupt():
                self._check(effect.number == seen.attempts, "an interrupt of an old attempt")
                self._check(seen.stage in _HANDED_OVER, "an interrupt of no attempt")
                if seen.stage is Stage.AHEAD:
                    self._call_back(seen, effect)
                elif not effect.only_withdraw:
                    self._check(effect.id in self._to_be_interrupted, "an interrupt that nobody wanted")
                    self._check(effect.grace is not None, "an interrupt that may take for ever")
                    del self._to_be_interrupted[effect.id]
            case Record(name=name) | RunHooks(name=name):
                has_upstreams = self.have_completed(seen.run.upstreams)
                self._check(
                    name not in _EXECUTING or has_upstreams, f"run {effect.id} ran before its upstreams"
                )

    def _call_back(self, seen: SeenRun, effect: Interrupt) -> None:
        """A run that started ahead will not run: what was handed over is not counted."""
        self._check(seen not in self._called_back, f"run {effect.id} is called back twice")
        self._check(not effect.only_withdraw, f"run {effect.id} is called back half-heartedly")
        self._called_back.append(seen)
        seen.attempts -= 1

    def _check_start(self, seen: SeenRun) -> None:
        run, id = seen.run, seen.run.id
        self._check(seen.stage not in _HANDED_OVER, f"run {id} was started while it ran")
        self._check(seen.stage not in _NOT_ADMITTED, f"run {id} was started and not admitted")
        self._check(
            self.have_completed(run.upstreams) or self.may_start_ahead(run),
            f"run {id} started before its upstreams",
        )
        self._check(
            not any(map(self.is_live, run.tolerated)), f"run {id} started before a tolerated upstream"
        )
        self._check(not self.is_cancelled, f"run {id} started in a cancelled flow run")
        self._check(not self.has_failed or seen.attempts > 0, f"run {id} started after its flow had failed")
        has_slot = self.slots.held_between_attempts and seen.attempts > 0
        if run.needs_slot and not has_slot:
            self._check(self.has_free_slot(), f"run {id} started without a free slot")

    def _settle(self, seen: SeenRun, settled: Settle) -> None:
        run, id = seen.run, seen.run.id
        self._check_cause(seen, settled)
        is_called_back = seen in self._called_back
        self._check(seen.stage is not Stage.AHEAD or is_called_back, f"run {id} was not called back")
        seen.end, seen.stage = settled.name, Stage.ENDED
        del self.live[id]
        seen.loans.clear()
        for lender in self.live.values():
            if lender.loans:
                lender.loans = [awaited for awaited in lender.loans if awaited != id]
        if self.engine.is_being_retrieved(id):
            self._retrieved.add(id)
        for other in self.live.values():
            if other.stage is Stage.AHEAD and self.have_completed(other.run.upstreams):
                other.stage = Stage.ACTIVE
        roots = self.roots_of(id)
        if settled.roots != roots:
            raise BrokenInvariantError(f"run {id} ended for {settled.roots}, it must be for {roots}")
        if settled.name is StateName.UPSTREAM_FAILED:
            self._check(bool(roots), f"run {id} ended UpstreamFailed, and all its upstreams completed")
            live = [id for id in (*run.upstreams, *run.tolerated) if self.is_live(id)]
            self._check(not live, f"run {id} ended UpstreamFailed while {live} lived")
        elif settled.name is not StateName.CANCELLED:
            self._check(self.have_completed(run.upstreams), f"run {id} ran before its upstreams")

    def _check_cause(self, seen: SeenRun, settled: Settle) -> None:
        """A run that has begun ends by its own report alone; one that has not, by its upstreams or a cancel."""
        is_its_own = (
            isinstance(self._event, Finished | Skipped | Adopted | Replayed | Found)
            and self._event.id == settled.id
        )
        match settled.name:
            case StateName.UPSTREAM_FAILED:
                is_right = seen.attempts == 0
            case StateName.CANCELLED:
                is_wanted = seen.is_to_be_cancelled or self.is_cancelled or self.has_failed
                is_right = is_wanted or is_its_own or self._expected is StateName.CANCELLED
            case name:
                is_right = is_its_own and name is self._expected
        self._check(is_right, f"run {settled.id} ended {settled.name} by {self._event}")

    def _take_in_flow_changes(self, changes: tuple[Change, ...]) -> None:
        self._check(changes[: len(self.flow_changes)] == self.flow_changes, "the flow run's past was changed")
        self.flow_changes = changes

    # -- what must hold after every event ----------------------------------------------------------

    def _check_outcome(self, event: Event) -> None:
        if self._expected is not None:
            assert isinstance(event, Submitted | Finished | Withdrawn | Skipped | Adopted | Replayed | Found)
            names = [name for name, _, _ in self.engine.changes(event.id)]
            self._check(
                self._expected in names, f"run {event.id} had to come to {self._expected} by {event}: {names}"
            )
        self._check(not self._to_be_interrupted, f"not interrupted: {self._to_be_interrupted}")
        self._check(not self._deadlines_to_be_set, f"without a deadline: {self._deadlines_to_be_set}")
        self._check(not self._is_to_stop, "the flow was not stopped")
        self._check(self._to_be_repeated is None, f"not started again: {self._to_be_repeated}")
        for seen in self._called_back:
            self._check(seen.end is not None, f"run {seen.run.id} was called back, and has not ended")
        for seen in self._to_be_cancelled:
            self._check(
                seen.end is StateName.CANCELLED, f"run {seen.run.id} had to be cancelled, and is {seen.end}"
            )
        match event:
            case CancelRequested(id=int(id)) if id in self.runs:
                self._check(
                    self.runs[id].end is not None or self.runs[id].stage is Stage.ACTIVE,
                    f"run {id} still waits, and was cancelled",
                )
            case Began() if self._is_heard(event.id, event.number):
                name = self.engine.changes(event.id)[-1][0]
                self._check(name in _EXECUTING, f"run {event.id} began, and is {name}")
            case _:
                pass
        self._check_who_is_left(event)

    def _check_who_is_left(self, event: Event) -> None:
        """Whoever is submitted, or has an upstream that starts, starts ahead if it may."""
        for id, seen in self.live.items():
            is_new = isinstance(event, Submitted) and event.id == id
            if seen.stage is Stage.WAITING and (is_new or self._started.intersection(seen.run.upstreams)):
                self._check(not self.may_start_ahead(seen.run), f"run {id} could have started ahead")

    def _check_adoption(self, adopted: Adopted, effects: Sequence[Effect]) -> None:
        """All that is to be done about a run that ended elsewhere is to call its hooks and to settle it."""
        id, names = adopted.id, adopted.names
        has_hooks = _TRIES | {StateName.AWAITING_RETRY}
        expected: list[Effect] = [RunHooks(id, name) for name in names[:-1] if name in has_hooks]
        expected.append(Settle(id, names[-1], adopted.roots))
        self._check(list(effects) == expected, f"about {adopted} is done {effects}, not {expected}")

    def _check_books(self) -> None:
        engine = self.engine
        self._check(engine.live == self.live.keys(), "a run ended unsaid")
        for seen in self.live.values():
            self._check_stage(seen)
        if self.end is None and (self.has_started or self.is_cancelled):
            now = self.flow_changes[-1] if self.flow_changes else (None, 0, None)
            expected = StateName.CANCELLING if self.is_cancelled else StateName.RUNNING
            if self.pauses and not self.is_cancelled:
                expected = StateName.PAUSED
                first = next(iter(self.pauses.values()))
                self._check(now[2] == first, f"the flow run is paused for {now[2]!r}, it must be {first!r}")
            self._check(now[0] is expected, f"the flow run is {now[0]}, it must be {expected}")
        self._check(engine.has_ended == (self.end is not None), "the flow run ended unsaid")
        self._check(self.end is not None or not self.is_due(), "everything has ended but the flow run")
        if self.slots.count is not None:
            truly_free = self.slots.count - self.slots_in_use()
            if engine.free_slots != truly_free:
                raise BrokenInvariantError(f"{engine.free_slots} slots are free, not {truly_free}")

    def _check_stage(self, seen: SeenRun) -> None:
        run, stage = seen.run, self.engine.stage(seen.run.id)
        waits = any(map(self.is_live, run.upstreams)) or any(map(self.is_live, run.tolerated))
        if seen.stage in _NOT_ADMITTED:
            expected = Stage.UNADMITTED if waits else Stage.AT_DESK
        elif waits:
            expected = Stage.AHEAD if seen.stage is Stage.AHEAD else Stage.WAITING
        elif seen.stage is Stage.WAITING:
            expected = Stage.QUEUED
        else:
            expected = seen.stage
        if stage is not expected:
            raise BrokenInvariantError(f"run {run.id} is {stage}, not {expected}")
        if stage is Stage.QUEUED and self.has_free_slot():
            raise BrokenInvariantError(f"run {run.id} waits for a slot that is free")
        if stage is not Stage.AHEAD and seen.early:
            raise BrokenInvariantError(f"early word of run {run.id} was lost: {seen.early}")
        if self.engine.number(run.id) != seen.attempts:
            raise BrokenInvariantError(
                f"run {run.id} counts {self.engine.number(run.id)}, not {seen.attempts}"
            )

    def check_end(self) -> None:
        """All has been reported: nothing is left, and what is told is right."""
        live = [seen.run.id for seen in self.live_runs()]
        self._check(not live, f"runs {live} never ended")
        self._check(self.end is not None, "the flow run never ended")
        assert self.end is not None
        for id, seen in self.runs.items():
            changes = self.engine.changes(id)
            _check_changes(f"run {id}", changes)
            self._check(changes[-1][0] is seen.end, f"run {id} ended {seen.end}, and is {changes[-1]}")
            tries = sum(name in _TRIES for name, _, _ in changes)
            self._check(tries <= seen.attempts, f"run {id} ran {tries} times, started were {seen.attempts}")
            number = self.engine.number(id)
            self._check(number == seen.attempts, f"run {id} counts {number} attempts, not {seen.attempts}")
        _check_changes("the flow run", self.end.changes)

    def _check_end_of_flow(self, end: EndFlow) -> None:
        """Asked at the very event that ended the flow: what was told of unseen failures is right."""
        told = () if self.function is None else self.function.returned
        unseen, returned = self.unseen(), {id for id in told if self.roots_of(id)}
        self._check(set(end.unseen) == unseen, f"unseen are {end.unseen}, they must be {unseen}")
        self._check(set(end.returned) == returned, f"returned: {end.returned}, not {returned}")
        name = end.changes[-1][0]
        expected = self._expected_end(failed=bool(unseen or returned))
        self._check(name is expected, f"the flow run ended {name}, it must be {expected}")

    def _expected_end(self, *, failed: bool) -> StateName:
        ending = None if self.function is None else self.function.ending
        match ending:
            case Ending.CRASHED:
                return StateName.CRASHED
            case _ if self.is_timed_out:
                return StateName.TIMED_OUT
            case Ending.RAISED:
                return StateName.FAILED
            case _ if self.is_cancelled:
                return StateName.CANCELLED
            case _:
                return StateName.FAILED if failed else StateName.COMPLETED

    def _check(self, holds: bool, complaint: str) -> None:
        if not holds:
            raise BrokenInvariantError(complaint)


def _check_changes(whose: str, changes: Iterable[Change]) -> None:
    before: Change | None = None
    for change in changes:
        if before is None:
            if change[0] is not StateName.PENDING:
                raise BrokenInvariantError(f"{whose} began {change[0]}")
        else:
            if change[0] not in TRANSITIONS[before[0]]:
                raise BrokenInvariantError(f"{whose}: {change[0]} followed {before[0]}")
            if change[1] < before[1]:
                raise BrokenInvariantError(f"{whose}: time ran backwards, {before} to {change}")
        before = change
