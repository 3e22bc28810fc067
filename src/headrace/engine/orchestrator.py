"""The orchestrator of one flow run: ``handle(event) -> effects``.

Every change of state of the run and of its task runs is decided here and nowhere else. It knows no
clock, thread or loop: times come with the events, and what user functions answered does too. One
thread at a time may call it; who that is, the mailbox sees to.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, assert_never

from headrace.engine.effects import (
    SETTLE_ITS_RUN,
    START_ITS_ATTEMPT,
    Admit,
    EndFlow,
    Interrupt,
    PostAgain,
    Record,
    RecordFlow,
    RunHooks,
    SetDeadline,
    SetTimer,
    Settle,
    StartAttempt,
    StopFlow,
)
from headrace.engine.events import (
    AdmissionDelayed,
    Admitted,
    AttemptFinished,
    AttemptSkipped,
    AttemptStarted,
    AttemptWithdrawn,
    CancelRequested,
    DeadlinePassed,
    Ending,
    FailureRetrieved,
    FlowGivenUp,
    FlowPaused,
    FlowStarted,
    FlowWentOn,
    FunctionEnded,
    OutsiderEnded,
    OutsiderJoined,
    RunAdopted,
    RunNoticed,
    RunReplayed,
    SlotLent,
    SlotReclaimed,
    TimerFired,
    ValueFound,
)
from headrace.engine.graph import Graph
from headrace.engine.policies import (
    ATTEMPT_GRACE_SECONDS,
    FLOW_GRACE_SECONDS,
    NO_SLOT_LIMIT,
    SlotPolicy,
)
from headrace.engine.states import TRANSITIONS, StateName
from headrace.engine.task_run import IllegalTransitionError, Phase, TaskRun

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Sequence

    from headrace.engine.effects import Effect
    from headrace.engine.events import Event
    from headrace.engine.states import Change

    Handler = Callable[[Any, list[Effect]], Sequence[Effect] | None]
    """Adds to the effects, or gives all of them."""


# Aliases: a module global costs a fifth of an attribute of an enum.
_RUNNING = StateName.RUNNING
_PENDING = StateName.PENDING
_COMPLETED = StateName.COMPLETED
_RETURNED = Ending.RETURNED
_WAITING = Phase.WAITING
_UNADMITTED = Phase.UNADMITTED
_AT_DESK = Phase.AT_DESK
_QUEUED = Phase.QUEUED
_AHEAD = Phase.AHEAD
_ACTIVE = Phase.ACTIVE
_ENDED = Phase.ENDED

_UNLIMITED = 1 << 60

_BEGINS_AS = {StateName.PENDING: StateName.RUNNING, StateName.AWAITING_RETRY: StateName.RETRYING}
_GIVES_VALUE = frozenset({StateName.COMPLETED, StateName.CACHED, StateName.REPLAYED})
_FUNCTION_GOES_ON = "its function could not be stopped and goes on unheard"

_EXECUTING = frozenset({StateName.RUNNING, StateName.RETRYING, StateName.CANCELLING})
_IS_FAILURE = frozenset({StateName.FAILED, StateName.TIMED_OUT, StateName.CRASHED})
_HAS_HOOKS = frozenset({StateName.RUNNING, StateName.RETRYING, StateName.AWAITING_RETRY})
_IS_HANDED_OVER = (_ACTIVE, _AHEAD)  # not a set: these are found by identity, which costs less than a hash
_STATE_AFTER = {
    Ending.RETURNED: StateName.COMPLETED,
    Ending.RAISED: StateName.FAILED,
    Ending.CANCELLED: StateName.CANCELLED,
    Ending.TIMED_OUT: StateName.TIMED_OUT,
    Ending.CRASHED: StateName.CRASHED,
}


class Orchestrator:
    """Decides about one flow run and its task runs.

    >>> orchestrator = Orchestrator(at_us=0)
    >>> run = TaskRun(1, at_us=1)
    >>> orchestrator.handle(run) is START_ITS_ATTEMPT, run.number
    (True, 1)
    """

    __slots__ = (
        "_awaited_outsiders",
        "_closing",
        "_doomed",
        "_early",
        "_flow_changes",
        "_forgiven",
        "_free_slots",
        "_function",
        "_function_goes_on",
        "_graph",
        "_handlers",
        "_has_ended",
        "_is_given_up",
        "_is_timed_out",
        "_kept_for_ready",
        "_lenders",
        "_outsiders",
        "_pauses",
        "_queue",
        "_released",
        "_repeated",
        "_runs",
        "_slots",
        "_timeout_seconds",
        "_unseen",
        "_why_cancelled",
        "effects",
    )

    def __init__(
        self,
        *,
        at_us: int,
        slots: SlotPolicy = NO_SLOT_LIMIT,
        is_retry: bool = False,
        timeout_seconds: float | None = None,
    ) -> None:
        self._slots = slots
        self._timeout_seconds = timeout_seconds
        self._is_timed_out = False
        self._is_given_up = False
        self._function_goes_on = False
        self._free_slots = _UNLIMITED if slots.count is None else slots.count
        self._kept_for_ready = 0 if slots.count is None else (slots.count + 1) // 2
        self._runs: dict[int, TaskRun] = {}
        self._queue: deque[TaskRun] = deque()
        self._early: dict[int, list[AttemptStarted | AttemptFinished]] = {}
        self._repeated: set[int] = set()
        self._graph = Graph()
        self._outsiders: set[int] = set()
        self._awaited_outsiders: set[int] = set()
        self._lenders: dict[int, list[int]] = {}
        self._unseen: dict[int, None] = {}
        self._forgiven: set[int] = set()
        self._pauses: dict[int, str] = {}
        first = StateName.AWAITING_RETRY if is_retry else _PENDING
        self._flow_changes: list[Change] = [(first, at_us, None)]
        self._doomed: deque[tuple[TaskRun, tuple[int, ...]]] = deque()
        self._released: deque[TaskRun] = deque()
        self._function: FunctionEnded | None = None
        self._closing: str | None = None
        self._why_cancelled: dict[int, str] = {}
        self._has_ended = False
        self.effects: list[Effect] = []
        """What was decided about the present event, so far: of use to whom a defect cuts it short."""
        self._handlers: dict[type, Handler] = {
            TaskRun: self._on_submitted,
            RunNoticed: self._on_noticed,
            Admitted: self._on_admitted,
            AdmissionDelayed: self._on_admission_delayed,
            ValueFound: self._on_value_found,
            AttemptStarted: self._on_attempt_started,
            AttemptFinished: self._on_attempt_finished,
            AttemptWithdrawn: self._on_attempt_withdrawn,
            AttemptSkipped: self._on_attempt_skipped,
            DeadlinePassed: self._on_deadline_passed,
            TimerFired: self._on_timer_fired,
            CancelRequested: self._on_cancel_requested,
            FailureRetrieved: self._on_failure_retrieved,
            SlotLent: self._on_slot_lent,
            SlotReclaimed: self._on_slot_reclaimed,
            RunAdopted: self._on_adopted,
            RunReplayed: self._on_replayed,
            OutsiderJoined: self._on_outsider_joined,
            OutsiderEnded: self._on_outsider_ended,
            FlowStarted: self._on_flow_started,
            FlowPaused: self._on_flow_paused,
            FlowWentOn: self._on_flow_went_on,
            FlowGivenUp: self._on_flow_given_up,
            FunctionEnded: self._on_function_ended,
        }

    def handle(self, event: Event) -> Sequence[Effect]:
        """Take in what happened; what is to be done about it, in order.

        ``START_ITS_ATTEMPT`` and ``SETTLE_ITS_RUN`` name no run: the event's own is meant.
        """
        effects: list[Effect] = []
        self.effects = effects
        try:
            handler = self._handlers[type(event)]
        except KeyError:
            handler = self._learn_handler(type(event))
        return handler(event, effects) or effects

    def _learn_handler(self, event_type: type) -> Handler:
        """The handler of the event's base class: the driver extends some of them."""
        handler = next(self._handlers[base] for base in event_type.__mro__ if base in self._handlers)
        self._handlers[event_type] = handler
        return handler

    @property
    def live_runs(self) -> dict[int, TaskRun]:
        """The task runs that have not ended, by id. To read only."""
        return self._runs

    @property
    def has_ended(self) -> bool:
        """Whether the flow run has ended."""
        return self._has_ended

    @property
    def free_slots(self) -> int | None:
        """How many more runs may start now; ``None`` is no limit."""
        return None if self._slots.count is None else self._free_slots

    # -- a task run begins ---------------------------------------------------------------------

    def _on_submitted(self, run: TaskRun, effects: list[Effect]) -> Sequence[Effect] | None:
        self._runs[run.id] = run
        if self._closing is not None:
            self._end(run, StateName.CANCELLED, run.submitted_us, effects, reason=self._closing)
        elif run.upstreams or run.tolerated:
            self._wait_for_upstreams(run, effects)
        elif run.phase is _UNADMITTED:
            self._ask_for_admission(run, effects)
        elif self._activate(run):
            return START_ITS_ATTEMPT
        else:
            self._enqueue(run, run.submitted_us, effects)
        return None

    def _wait_for_upstreams(self, run: TaskRun, effects: list[Effect]) -> None:
        if run.tolerated:
            self._forgive(run.tolerated)
        live: Container[int] = _Live(self._runs, self._outsiders) if self._outsiders else self._runs
        if self._graph.add(run.id, upstreams=run.upstreams + run.tolerated, live=live):
            if self._slots.starts_ahead:
                self._start_ahead((run.id,), effects)
        elif roots := self._graph.roots_of(run.upstreams):
            self._doom(run, roots, run.submitted_us, effects)
        else:
            self._make_ready(run, run.submitted_us, effects)

    def _doom(self, run: TaskRun, roots: tuple[int, ...], at_us: int, effects: list[Effect]) -> None:
        reason = "an upstream did not complete"
        self._call_back(run, effects)
        self._end(run, StateName.UPSTREAM_FAILED, at_us, effects, reason=reason, roots=roots)

    def _make_ready(self, run: TaskRun, at_us: int, effects: list[Effect]) -> None:
        """Nothing keeps the run from starting but, perhaps, the admission desk and a slot."""
        if run.phase is _AHEAD:
            run.phase = _ACTIVE
            effects.extend([PostAgain(event) for event in self._early.pop(run.id, ())])
        elif run.phase is _UNADMITTED or (run.phase is Phase.DELAYED and run.is_readmitted):
            self._ask_for_admission(run, effects)
        elif self._activate(run):
            self._start(run, effects)
        else:
            self._enqueue(run, at_us, effects)

    def _ask_for_admission(self, run: TaskRun, effects: list[Effect]) -> None:
        """It holds no slot as long as it waits there: others can go on, even those that it waits for."""
        run.phase = _AT_DESK
        effects.append(Admit(run))

    def _on_admitted(self, event: Admitted, effects: list[Effect]) -> None:
        run = self._runs.get(event.id)
        if run is not None and run.phase is _AT_DESK:
            run.phase = _WAITING
            self._make_ready(run, event.at_us, effects)

    def _on_admission_delayed(self, event: AdmissionDelayed, effects: list[Effect]) -> None:
        run = self._runs.get(event.id)
        if run is not None and run.phase is _AT_DESK:
            run.is_noticed = True
            run.change(StateName.AWAITING_SLOT, event.at_us, event.reason)
            effects.append(Record(run))

    def _on_value_found(self, event: ValueFound, effects: list[Effect]) -> None:
        run = self._runs.get(event.id)
        if run is not None and run.phase is _AT_DESK:
            self._end(run, event.name, event.at_us, effects, report=event, reason=event.reason)

    def _activate(self, run: TaskRun) -> bool:
        """Count the run's next attempt as begun; ``False`` if it has no slot, and none is free."""
        if run.needs_slot and not run.holds_slot:
            if self._free_slots <= 0:
                return False
            self._free_slots -= 1
            run.holds_slot = True
        run.phase = _ACTIVE
        run.number += 1
        return True

    def _start(self, run: TaskRun, effects: list[Effect]) -> None:
        effects.append(StartAttempt((run,)))
        if self._slots.starts_ahead and run.id in self._graph.dependents:
            self._start_ahead(self._graph.dependents[run.id], effects)

    # -- a run starts ahead: its upstreams have not ended, but are with the task runner ----------

    def _start_ahead(self, ids: Iterable[int], effects: list[Effect]) -> None:
        """Hand over those whose upstreams are all with the task runner, and then who waits for these.

        Half of the slots are kept for runs that wait for nobody: one slow upstream of many shall not hold those up,
        nor wait in vain for one of them. Who finds no other slot starts like any other, when its upstreams have ended.
        """
        pending = deque(ids)
        while pending:
            run = self._runs.get(pending.popleft())
            if run is None or run.phase is not _WAITING:
                continue
            has_slot = not run.needs_slot or self._free_slots > self._kept_for_ready
            if has_slot and self._is_within_reach(run):
                self._activate(run)
                run.phase = _AHEAD
                effects.append(StartAttempt((run,)))
                pending.extend(self._graph.dependents.get(run.id, ()))

    def _is_within_reach(self, run: TaskRun) -> bool:
        """Whether each upstream has completed, or is with the task runner and may yet complete."""
        runs, outsiders = self._runs, self._outsiders
        # The last one is mostly the last to start: a wide fan-in is decided at once.
        for id in reversed(run.upstreams):
            upstream = runs.get(id)
            if upstream is None:
                if id in outsiders:
                    return False
            elif upstream.phase not in _IS_HANDED_OVER or upstream.is_cancelled:
                return False
        if any(id in runs or id in outsiders for id in run.tolerated):
            return False
        return not self._graph.roots_of(run.upstreams)

    def _call_back(self, run: TaskRun, effects: list[Effect]) -> None:
        """It ends without having run: the task runner is not to wait for its upstreams any longer."""
        if run.phase is _AHEAD:
            effects.append(Interrupt(run, run.number, only_withdraw=False))
            run.number -= 1
            self._early.pop(run.id, None)

    def _enqueue(self, run: TaskRun, at_us: int, effects: list[Effect]) -> None:
        """Wait for a slot. That is worth a state of its own only if the run is noticed."""
        run.phase = _QUEUED
        self._queue.append(run)
        if (
            run.is_noticed and run.name is not StateName.AWAITING_SLOT
        ):  # at the desk it may have waited already
            run.change(StateName.AWAITING_SLOT, at_us)
            effects.append(Record(run))

    def _fill_slots(self, effects: list[Effect]) -> None:
        queue = self._queue
        while queue and self._free_slots > 0:
            run = queue.popleft()
            if run.phase is _QUEUED:  # it may have ended in the queue
                self._activate(run)
                self._start(run, effects)

    # -- an attempt goes its way ---------------------------------------------------------------

    def _on_noticed(self, event: RunNoticed, effects: list[Effect]) -> None:
        run = self._runs.get(event.id)
        if run is not None:
            run.is_noticed = True
            if run.phase is _QUEUED and run.name is not StateName.AWAITING_SLOT:
                run.change(StateName.AWAITING_SLOT, event.at_us)
            effects.append(Record(run))

    def _on_attempt_started(self, event: AttemptStarted, effects: list[Effect]) -> None:
        run = self._active_run(event.id, event.number)
        if run is None:
            self._keep_if_early(event)
        elif run.name not in _EXECUTING:
            run.is_noticed = True
            run.change(_RUNNING if run.number == 1 else StateName.RETRYING, event.at_us)
            effects.append(Record(run))
            effects.append(RunHooks(run, run.changes[-1]))
            if run.timeout_seconds is not None:
                effects.append(SetDeadline(run, run.number, run.timeout_seconds, event.at_us))

    def _on_attempt_finished(self, event: AttemptFinished, effects: list[Effect]) -> Sequence[Effect] | None:
        run = self._runs.get(event.id)
        if run is None or run.phase is not _ACTIVE or run.number != event.number:
            self._keep_if_early(event)  # or else it goes on unheard
            return None
        if event.ending is _RETURNED and run.name is _PENDING:
            run.began_us = event.started_us
            run.ended_us = event.ended_us
            run.name = _COMPLETED  # only now: whoever sees that finds the times
            run.report = event
            return self._let_go(run, event.ended_us, effects)
        if run.name not in _EXECUTING:
            run.change(_RUNNING if run.number == 1 else StateName.RETRYING, event.started_us)
        if event.ending is _RETURNED:
            self._end(run, _COMPLETED, event.ended_us, effects, report=event)
        elif self._may_retry(run, event):
            self._retry(run, event, effects)
        else:
            name = _STATE_AFTER[event.ending]
            self._end(run, name, event.ended_us, effects, report=event, reason=self._reason_of_end(event))
        return None

    def _reason_of_end(self, event: AttemptFinished) -> str | None:
        """What was cancelled keeps the reason for that, with what came of it if the report tells more."""
        why = self._why_cancelled.get(event.id) if event.ending is Ending.CANCELLED else None
        if why is None or event.reason == why:
            return event.reason
        return f"{why}; {event.reason}" if event.reason else why

    def _may_retry(self, run: TaskRun, event: AttemptFinished) -> bool:
        return (
            event.retry_delay_seconds is not None
            and run.number <= run.retries
            and not run.is_cancelled
            and event.ending is not Ending.CANCELLED
            and not self._is_cancelled
        )

    def _retry(self, run: TaskRun, event: AttemptFinished, effects: list[Effect]) -> None:
        run.change(StateName.AWAITING_RETRY, event.ended_us, event.reason)
        run.is_noticed = True
        run.is_timed_out = False
        run.phase = Phase.DELAYED
        effects.append(Record(run, event))
        effects.append(RunHooks(run, run.changes[-1]))
        if not self._slots.held_between_attempts:
            self._free_slot_of(run, effects)
        if event.retry_delay_seconds:
            effects.append(SetTimer(run, event.retry_delay_seconds))
        else:
            self._make_ready(run, event.ended_us, effects)

    def _on_timer_fired(self, event: TimerFired, effects: list[Effect]) -> None:
        run = self._runs.get(event.id)
        if run is not None and run.phase is Phase.DELAYED:
            self._make_ready(run, event.at_us, effects)

    def _on_attempt_skipped(self, event: AttemptSkipped, effects: list[Effect]) -> None:
        run = self._runs.get(event.id)
        if run is None or run.number != event.number:
            return
        if run.phase is _AHEAD:  # it waits like any other now
            run.phase = _WAITING
            run.number -= 1
            self._early.pop(run.id, None)
            self._free_slot_of(run, effects)
        elif run.phase is _ACTIVE:
            self._repeat(run, event.at_us, effects)

    def _repeat(self, run: TaskRun, at_us: int, effects: list[Effect]) -> None:
        """Its upstreams have completed since, one by another attempt: hand it over again, unless nothing is to start."""
        if run.is_cancelled or self._closing is not None:
            reason = self._closing or "cancelled before it started"
            self._end(run, StateName.CANCELLED, at_us, effects, reason=reason)
        elif run.id in self._repeated:
            self._end(run, StateName.CRASHED, at_us, effects, reason="the value of an upstream was lost")
        else:
            self._repeated.add(run.id)
            effects.append(StartAttempt((run,)))

    def _keep_if_early(self, event: AttemptStarted | AttemptFinished) -> None:
        """Word of a run that started ahead may overtake word of its upstreams."""
        run = self._runs.get(event.id)
        if run is not None and run.phase is _AHEAD and run.number == event.number:
            self._early.setdefault(run.id, []).append(event)

    def _active_run(self, id: int, number: int) -> TaskRun | None:
        run = self._runs.get(id)
        if run is not None and run.phase is _ACTIVE and run.number == number:
            return run
        return None

    # -- a task run ends -----------------------------------------------------------------------

    def _end(
        self,
        run: TaskRun,
        name: StateName,
        at_us: int,
        effects: list[Effect],
        *,
        report: AttemptFinished | ValueFound | None = None,
        reason: str | None = None,
        roots: tuple[int, ...] = (),
    ) -> None:
        """End the run, and with it, one after another, every run that can no longer start."""
        run.change(name, at_us, reason)
        if name not in _GIVES_VALUE:
            run.roots = self._blame(run, roots)
        run.report = report
        run.phase = _ENDED
        effects.append(Settle((run,)))
        self._free_all_that_waits(run, at_us, effects)

    def _let_go(self, run: TaskRun, at_us: int, effects: list[Effect]) -> Sequence[Effect] | None:
        """The event's own run is in its last state: settle it, and free what it held and who waited for it."""
        id = run.id
        run.phase = _ENDED
        if self._queue or self._lenders or self._function is not None or id in self._graph.dependents:
            effects.append(Settle((run,)))
            self._free_all_that_waits(run, at_us, effects)
            return None
        del self._runs[id]
        if run.holds_slot:
            run.holds_slot = False
            self._free_slots += 1
        return SETTLE_ITS_RUN

    def _free_all_that_waits(self, run: TaskRun, at_us: int, effects: list[Effect]) -> None:
        """For the end of the run, for its slot, for the end of all."""
        id = run.id
        # Only now, with the effect noted down: whom a defect cuts short is in one of the two.
        del self._runs[id]
        if self._lenders:
            self._forget_loans_of(run)
            self._take_back_loans(id)
        if run.holds_slot:
            run.holds_slot = False
            self._free_slots += 1
        is_outermost = not self._doomed
        if id in self._graph.dependents:
            self._release_dependents(id)
        if is_outermost:
            self._go_on(at_us, effects)

    def _release_dependents(self, id: int) -> None:
        for dependent in self._graph.end(id):
            run = self._runs[dependent]
            if roots := self._graph.roots_of(run.upstreams):
                self._doomed.append((run, roots))
            else:
                self._released.append(run)

    def _go_on(self, at_us: int, effects: list[Effect]) -> None:
        """Doom or start who waited. Doomed runs end one by one, not one inside another: chains are long.

        Invariant: all of them have ended before anybody starts, who might start ahead of one of them.
        """
        while self._doomed:
            self._doom(*self._doomed[0], at_us, effects)
            self._doomed.popleft()
        if self._queue:
            self._fill_slots(effects)
        while self._released:
            self._make_ready(self._released.popleft(), at_us, effects)
        if self._function is not None:
            self._end_flow_if_due(at_us, effects)

    def _blame(self, run: TaskRun, roots: tuple[int, ...]) -> tuple[int, ...]:
        """The runs that this one failed for; its failure is unseen unless somebody asked for it."""
        roots = roots or (run.id,)
        self._graph.note_failure(run.id, roots)
        if run.id in self._forgiven or run.is_being_retrieved:
            self._see(roots)
        elif run.name in _IS_FAILURE:
            self._unseen[run.id] = None
        return roots

    def _free_slot_of(self, run: TaskRun, effects: list[Effect]) -> None:
        if run.holds_slot:
            self._forget_loans_of(run)
            run.holds_slot = False
            self._free_slots += 1
            if self._queue:
                self._fill_slots(effects)

    # -- failures, seen and unseen -------------------------------------------------------------

    def _on_failure_retrieved(self, event: FailureRetrieved, _effects: list[Effect]) -> None:
        """Invariant: it counts, too, when who asks sees the end of a run sooner than we do."""
        if event.id in self._runs or event.id in self._outsiders:
            self._forgiven.add(event.id)
        self._see(self._graph.roots_of((event.id,)))

    def _forgive(self, ids: tuple[int, ...]) -> None:
        self._forgiven.update(ids)
        self._see(self._graph.roots_of(ids))

    def _see(self, roots: tuple[int, ...]) -> None:
        for root in roots:
            self._unseen.pop(root, None)

    # -- slots that are lent while their holders block -----------------------------------------

    def _on_slot_lent(self, event: SlotLent, effects: list[Effect]) -> None:
        run = self._runs.get(event.id)
        if run is None or not run.holds_slot:
            return
        if event.awaited > 0 and event.awaited not in self._runs:  # it has ended: nobody will wait
            return
        self._lenders.setdefault(event.awaited, []).append(run.id)
        run.waits += 1
        if run.waits == 1:  # however many of its threads wait, it has but one slot
            self._free_slots += 1
            self._fill_slots(effects)

    def _on_slot_reclaimed(self, event: SlotReclaimed, _effects: list[Effect]) -> None:
        lenders = self._lenders.get(event.awaited, [])
        if event.id in lenders:
            lenders.remove(event.id)
            if not lenders:
                del self._lenders[event.awaited]
            self._take_back_loan(event.id)

    def _take_back_loans(self, awaited: int) -> None:
        """Invariant: a lender has its slot back before another run can take the one that it waited for."""
        for lender in self._lenders.pop(awaited, ()):
            self._take_back_loan(lender)

    def _take_back_loan(self, lender: int) -> None:
        """A lender waits for one run less; with the last one it has its slot back."""
        run = self._runs[lender]
        run.waits -= 1
        if run.waits == 0:
            self._free_slots -= 1

    def _forget_loans_of(self, run: TaskRun) -> None:
        """The lender itself goes: it has its slot back, to give it up for good."""
        if run.waits:
            run.waits = 0
            self._free_slots -= 1
            of_others = {
                awaited: [id for id in ids if id != run.id] for awaited, ids in self._lenders.items()
            }
            self._lenders = {awaited: ids for awaited, ids in of_others.items() if ids}

    # -- cancelling ----------------------------------------------------------------------------

    @property
    def _is_cancelled(self) -> bool:
        return self._flow_changes[-1][0] in (StateName.CANCELLING, StateName.CANCELLED)

    def _on_cancel_requested(self, event: CancelRequested, effects: list[Effect]) -> None:
        if event.id is not None:
            run = self._runs.get(event.id)
            if run is not None:
                self._cancel(run, event.at_us, event.reason, effects)
        elif not self._has_ended and not self._is_cancelled:
            self._on_flow_started(FlowStarted(event.at_us), effects)
            self._change_and_record_flow((StateName.CANCELLING, event.at_us, event.reason), effects)
            effects.append(StopFlow(event.reason, FLOW_GRACE_SECONDS))
            self._close(event.reason, event.at_us, effects, is_cancel=True)

    def _close(self, reason: str, at_us: int, effects: list[Effect], *, is_cancel: bool) -> None:
        """Let nothing more start; a cancel also stops what has started."""
        self._closing = reason
        runs = list(self._runs.values())
        waiting = [
            run
            for run in runs
            if run.phase is not _ACTIVE and (is_cancel or run.number == 0 or run.phase is _AHEAD)
        ]
        for run in waiting:  # all of them leave first: the end of one shall neither start nor doom another
            self._call_back(run, effects)
            self._graph.leave(run.id)
            run.phase = _ENDED
        for run in waiting:
            self._end(run, StateName.CANCELLED, at_us, effects, reason=reason)
        for run in runs:
            if run.phase is _ACTIVE and is_cancel:
                self._cancel(run, at_us, reason, effects)
            elif run.phase is _ACTIVE and run.number == 1 and run.name not in _EXECUTING:
                effects.append(Interrupt(run, run.number, only_withdraw=True))

    def _cancel(self, run: TaskRun, at_us: int, reason: str, effects: list[Effect]) -> None:
        if run.phase is not _ACTIVE:
            self._call_back(run, effects)
            self._graph.leave(run.id)
            self._end(run, StateName.CANCELLED, at_us, effects, reason=reason)
        elif not run.is_cancelled:
            run.is_cancelled = True
            self._why_cancelled[run.id] = reason
            if run.name in _EXECUTING:
                run.change(StateName.CANCELLING, at_us, reason)
                effects.append(Record(run))
            if not run.is_timed_out:
                self._stop(run, effects)

    def _stop(self, run: TaskRun, effects: list[Effect]) -> None:
        effects.append(Interrupt(run, run.number, only_withdraw=False, grace_seconds=ATTEMPT_GRACE_SECONDS))

    def _on_attempt_withdrawn(self, event: AttemptWithdrawn, effects: list[Effect]) -> None:
        run = self._active_run(event.id, event.number)
        if run is not None:
            reason = self._closing or "cancelled before it started"
            self._end(run, StateName.CANCELLED, event.at_us, effects, reason=reason)

    # -- timeouts ------------------------------------------------------------------------------

    def _on_deadline_passed(self, event: DeadlinePassed, effects: list[Effect]) -> None:
        """An attempt that has ended before word of its interrupt came to it ends as it did: nothing is decided yet."""
        if event.id is None:
            self._time_out_flow(event.at_us, effects)
            return
        run = self._active_run(event.id, event.number)
        if run is not None and not run.is_cancelled:
            run.is_timed_out = True
            self._stop(run, effects)

    def _time_out_flow(self, at_us: int, effects: list[Effect]) -> None:
        if self._has_ended or self._is_cancelled:
            return
        self._is_timed_out = True
        reason = f"it did not end within {self._timeout_seconds:g} s"
        self._change_and_record_flow((StateName.CANCELLING, at_us, reason), effects)
        effects.append(StopFlow("the flow run timed out", FLOW_GRACE_SECONDS))
        self._close("the flow run timed out", at_us, effects, is_cancel=True)

    def _on_flow_given_up(self, event: FlowGivenUp, effects: list[Effect]) -> None:
        """Invariant: a flow run that is to stop ends, whatever its function and its subflows do."""
        self._is_given_up = True
        self._awaited_outsiders.clear()
        if self._function is None:
            self._function_goes_on = True
            self._function = FunctionEnded(event.at_us, Ending.CANCELLED)
        self._end_flow_if_due(event.at_us, effects)

    # -- runs of other flows, and of other processes -------------------------------------------

    def _on_adopted(self, event: RunAdopted, effects: list[Effect]) -> None:
        run = event.run
        if run.roots:
            self._graph.note_failure(run.id, run.roots)
            if run.name in _IS_FAILURE and not event.is_seen:
                self._unseen[run.id] = None
        effects.extend([RunHooks(run, change) for change in run.changes if change[0] in _HAS_HOOKS])
        effects.append(Settle((run,)))

    def _on_replayed(self, event: RunReplayed, effects: list[Effect]) -> None:
        """It holds no slot and waits for nobody."""
        run = event.run
        self._runs[run.id] = run
        if self._closing is not None:
            self._end(run, StateName.CANCELLED, run.submitted_us, effects, reason=self._closing)
        else:
            self._end(run, event.name, run.submitted_us, effects, report=run.report, reason=event.reason)

    def _on_outsider_joined(self, event: OutsiderJoined, _effects: list[Effect]) -> None:
        self._outsiders.add(event.id)
        if event.owned and not self._is_given_up:
            self._awaited_outsiders.add(event.id)

    def _on_outsider_ended(self, event: OutsiderEnded, effects: list[Effect]) -> None:
        self._outsiders.discard(event.id)
        is_owned = event.id in self._awaited_outsiders
        self._awaited_outsiders.discard(event.id)
        roots = () if event.completed else (event.id,)
        if roots and is_owned and event.id not in self._forgiven:
            self._unseen[event.id] = None
        if roots:
            self._graph.note_failure(event.id, roots)
        if event.id in self._graph.dependents:
            self._release_dependents(event.id)
        self._go_on(event.at_us, effects)

    # -- the flow run --------------------------------------------------------------------------

    def _on_flow_started(self, event: FlowStarted, effects: list[Effect]) -> None:
        follows = _BEGINS_AS.get(self._flow_changes[-1][0])  # nothing does if a cancel came first
        if follows is not None:
            self._change_and_record_flow((follows, event.at_us, None), effects)
            if self._timeout_seconds is not None:
                effects.append(SetDeadline(None, 0, self._timeout_seconds, event.at_us))

    def _on_flow_paused(self, event: FlowPaused, effects: list[Effect]) -> None:
        if self._function is not None or self._is_cancelled:  # it has more to say than that it waits
            return
        self._pauses[event.id] = event.prompt
        if len(self._pauses) == 1:
            self._change_and_record_flow((StateName.PAUSED, event.at_us, event.prompt), effects)

    def _on_flow_went_on(self, event: FlowWentOn, effects: list[Effect]) -> None:
        """Invariant: the flow run is Paused as long as its function waits for somebody, and says for what."""
        was_open = self._pauses.pop(event.id, None) is not None
        if not was_open or self._function is not None or self._is_cancelled:
            return
        self._change_and_record_flow((_RUNNING, event.at_us, None), effects)
        if self._pauses:
            prompt = next(iter(self._pauses.values()))
            self._change_and_record_flow((StateName.PAUSED, event.at_us, prompt), effects)

    def _leave_pauses(self, at_us: int, effects: list[Effect]) -> None:
        """The function has ended, and does not wait any more."""
        if self._pauses and not self._is_cancelled:
            self._change_and_record_flow((_RUNNING, at_us, None), effects)
        self._pauses.clear()

    def _on_function_ended(self, event: FunctionEnded, effects: list[Effect]) -> None:
        if self._function is not None:  # it was given up
            return
        self._leave_pauses(event.at_us, effects)
        self._function = event
        self._awaited_outsiders.update(self._outsiders.intersection((*event.returned, *event.tolerated)))
        self._forgive(event.tolerated)
        match event.ending:
            case Ending.CANCELLED | Ending.TIMED_OUT:
                self._on_function_cancelled(event.reason or "cancelled", event.at_us, effects)
            case Ending.RAISED | Ending.CRASHED:
                self._close("flow failed", event.at_us, effects, is_cancel=False)
            case Ending.RETURNED:
                pass
            case _:
                assert_never(event.ending)
        self._end_flow_if_due(event.at_us, effects)

    def _on_function_cancelled(self, reason: str, at_us: int, effects: list[Effect]) -> None:
        if self._is_cancelled:  # it ends for that
            return
        self._change_and_record_flow((StateName.CANCELLING, at_us, reason), effects)
        effects.append(StopFlow(reason, FLOW_GRACE_SECONDS))
        self._close(reason, at_us, effects, is_cancel=True)

    def _end_flow_if_due(self, at_us: int, effects: list[Effect]) -> None:
        """Invariant: a flow run ends when its function and all that it started have, and only then."""
        function = self._function
        if function is None or self._runs or self._awaited_outsiders or self._has_ended:
            return
        self._has_ended = True
        self._closing = self._closing or "the flow run has ended"
        self._see(self._graph.roots_of(function.returned))  # who receives the value receives those
        returned = tuple(id for id in function.returned if self._graph.roots_of((id,)))
        unseen = tuple(self._unseen)
        change = self._final_change(function, unseen, returned, max(at_us, function.at_us))
        self._change_flow(change)
        effects.append(EndFlow(tuple(self._flow_changes), unseen, returned))

    def _final_change(
        self, function: FunctionEnded, unseen: tuple[int, ...], returned: tuple[int, ...], at_us: int
    ) -> Change:
        if function.ending is Ending.CRASHED:
            return (StateName.CRASHED, at_us, function.reason)
        if self._is_timed_out:
            return (StateName.TIMED_OUT, at_us, self._reason_to_stop())
        if function.ending is Ending.RAISED:
            return (StateName.FAILED, at_us, function.reason)
        if self._is_cancelled:
            return (StateName.CANCELLED, at_us, self._reason_to_stop())
        failed = len({*unseen, *returned})
        if failed:
            return (StateName.FAILED, at_us, f"{failed} task run{'s' * (failed > 1)} failed")
        return (StateName.COMPLETED, at_us, None)

    def _reason_to_stop(self) -> str | None:
        reason = self._flow_changes[-1][2]
        return f"{reason}; {_FUNCTION_GOES_ON}" if self._function_goes_on else reason

    # -- what is recorded ----------------------------------------------------------------------

    def _change_and_record_flow(self, change: Change, effects: list[Effect]) -> None:
        self._change_flow(change)
        effects.append(RecordFlow(tuple(self._flow_changes)))

    def _change_flow(self, change: Change) -> None:
        name, before_us, _ = self._flow_changes[-1]
        if change[0] not in TRANSITIONS[name]:
            raise IllegalTransitionError(f"flow run: {change[0]} may not follow {name}")
        self._flow_changes.append((change[0], max(change[1], before_us), change[2]))


class _Live:
    """The ids of all that has not ended, of this flow or of another one."""

    __slots__ = ("_outsiders", "_runs")

    def __init__(self, runs: dict[int, TaskRun], outsiders: set[int]) -> None:
        self._runs = runs
        self._outsiders = outsiders

    def __contains__(self, id: object) -> bool:
        return id in self._runs or id in self._outsiders
