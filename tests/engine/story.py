"""The words in which tests speak of the engine, and a flow run told in them, event by event.

Only this file makes the engine's events and looks into its effects and records: how those are represented may
change, and nothing but this file has to follow.
"""

from __future__ import annotations

from collections import deque
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple, assert_never

from headrace.engine import effects, events
from headrace.engine.events import Ending
from headrace.engine.orchestrator import Orchestrator
from headrace.engine.policies import SlotPolicy
from headrace.engine.states import StateName
from headrace.engine.task_run import Phase, TaskRun

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from headrace.engine.states import Change


# -- what happened ---------------------------------------------------------------------------------------


class Submitted(NamedTuple):
    id: int
    at_us: int
    upstreams: tuple[int, ...] = ()
    tolerated: tuple[int, ...] = ()
    retries: int = 0
    needs_slot: bool = True
    timeout: float | None = None
    needs_admission: bool = False
    is_readmitted: bool = False


class Admitted(NamedTuple):
    id: int
    at_us: int


class Delayed(NamedTuple):
    """The run has to wait at the desk."""

    id: int
    at_us: int
    reason: str


class Found(NamedTuple):
    """What the run would give is known: it ends in this state."""

    id: int
    at_us: int
    name: StateName
    reason: str | None = None


class Noticed(NamedTuple):
    id: int
    at_us: int


class Began(NamedTuple):
    id: int
    number: int
    at_us: int


class Finished(NamedTuple):
    """An attempt ended; ``retry_after`` is ``None`` when it shall not be tried again."""

    id: int
    number: int
    began_us: int
    at_us: int
    ending: Ending
    reason: str | None = None
    retry_after: float | None = None


class Withdrawn(NamedTuple):
    id: int
    number: int
    at_us: int


class Skipped(NamedTuple):
    """An attempt was not executed: the value of an upstream was not to be had."""

    id: int
    number: int
    at_us: int


class DeadlinePassed(NamedTuple):
    """An attempt has executed for too long; ``id`` is ``None`` for the flow run."""

    id: int | None
    number: int
    at_us: int


class TimerFired(NamedTuple):
    id: int
    at_us: int


class CancelRequested(NamedTuple):
    """``id`` is ``None`` for the whole flow run."""

    id: int | None
    at_us: int
    reason: str = "cancelled on request"


class Retrieved(NamedTuple):
    id: int


class Lent(NamedTuple):
    id: int
    awaited: int


class Reclaimed(NamedTuple):
    id: int
    awaited: int


class Adopted(NamedTuple):
    """A child run came to its end elsewhere, by way of these states; its failure was seen there, or not."""

    id: int
    at_us: int
    names: tuple[StateName, ...]
    roots: tuple[int, ...] = ()
    is_seen: bool = False


class Replayed(NamedTuple):
    """A call was recognised as one that completed in an earlier epoch."""

    id: int
    at_us: int


class Joined(NamedTuple):
    """A run of another flow takes part."""

    id: int
    is_owned: bool


class OutsiderEnded(NamedTuple):
    id: int
    at_us: int
    completed: bool


class FlowStarted(NamedTuple):
    at_us: int


class FlowPaused(NamedTuple):
    """The function waits for a person, who sees the prompt."""

    id: int
    at_us: int
    prompt: str


class FlowWentOn(NamedTuple):
    """The function waits for that person no longer."""

    id: int
    at_us: int


class FlowGivenUp(NamedTuple):
    at_us: int


class FunctionEnded(NamedTuple):
    """``returned`` are the runs whose futures are in its value; those in ``tolerated``, too, and may have failed."""

    at_us: int
    ending: Ending
    reason: str | None = None
    returned: tuple[int, ...] = ()
    tolerated: tuple[int, ...] = ()


Event = (
    Submitted
    | Admitted
    | Delayed
    | Found
    | Noticed
    | Began
    | Finished
    | Withdrawn
    | Skipped
    | DeadlinePassed
    | TimerFired
    | CancelRequested
    | Retrieved
    | Lent
    | Reclaimed
    | Adopted
    | Replayed
    | Joined
    | OutsiderEnded
    | FlowStarted
    | FlowPaused
    | FlowWentOn
    | FlowGivenUp
    | FunctionEnded
)


# -- what is to be done about it -------------------------------------------------------------------------


class Start(NamedTuple):
    id: int
    number: int


class Settle(NamedTuple):
    """The run has ended, in this state and for these roots."""

    id: int
    name: StateName
    roots: tuple[int, ...]


class Admit(NamedTuple):
    """The admission desk is asked."""

    id: int


class SetTimer(NamedTuple):
    id: int
    seconds: float


class SetDeadline(NamedTuple):
    """``id`` is ``None`` for the flow run."""

    id: int | None
    number: int
    seconds: float
    since_us: int


class Interrupt(NamedTuple):
    id: int
    number: int
    only_withdraw: bool
    grace: float | None = None


class StopFlow(NamedTuple):
    reason: str
    grace: float


class Record(NamedTuple):
    """``ends_attempt`` if it comes with the report of an attempt."""

    id: int
    name: StateName
    ends_attempt: bool


class PostAgain(NamedTuple):
    """Word of an attempt came too early: now is its time."""

    event: Began | Finished


class RunHooks(NamedTuple):
    id: int
    name: StateName


class RecordFlow(NamedTuple):
    changes: tuple[Change, ...]


class EndFlow(NamedTuple):
    changes: tuple[Change, ...]
    unseen: tuple[int, ...]
    returned: tuple[int, ...]


RunEffect = Start | Settle | Admit | SetTimer | Interrupt | Record | RunHooks
Effect = RunEffect | SetDeadline | PostAgain | RecordFlow | StopFlow | EndFlow


class Stage(Enum):
    """What a task run waits for."""

    WAITING = Phase.WAITING
    UNADMITTED = Phase.UNADMITTED
    AT_DESK = Phase.AT_DESK
    QUEUED = Phase.QUEUED
    AHEAD = Phase.AHEAD
    ACTIVE = Phase.ACTIVE
    DELAYED = Phase.DELAYED
    ENDED = Phase.ENDED


# -- to the engine and back ------------------------------------------------------------------------------


class _AwaitedTaskRun(TaskRun):
    """A task run for which somebody may wait, and each attempt of which may have to be admitted."""

    is_being_retrieved = False
    is_readmitted = False


def _ended_elsewhere(adopted: Adopted) -> TaskRun:
    """A task run whose record is complete."""
    id, at_us, names, roots, _ = adopted
    run = _AwaitedTaskRun(id, at_us)
    for name in names:
        run.change(name, at_us)
    run.roots = roots
    run.number = sum(name in (StateName.RUNNING, StateName.RETRYING) for name in names)
    run.phase = Phase.ENDED
    return run


_MADE_OF: dict[type[Event], Callable[..., events.Event]] = {
    Admitted: events.Admitted,
    Delayed: events.AdmissionDelayed,
    Found: events.ValueFound,
    Noticed: events.RunNoticed,
    Began: events.AttemptStarted,
    Finished: events.AttemptFinished,
    Withdrawn: events.AttemptWithdrawn,
    Skipped: events.AttemptSkipped,
    DeadlinePassed: events.DeadlinePassed,
    TimerFired: events.TimerFired,
    CancelRequested: events.CancelRequested,
    Retrieved: events.FailureRetrieved,
    Lent: events.SlotLent,
    Reclaimed: events.SlotReclaimed,
    Joined: events.OutsiderJoined,
    OutsiderEnded: events.OutsiderEnded,
    FlowStarted: events.FlowStarted,
    FlowPaused: events.FlowPaused,
    FlowWentOn: events.FlowWentOn,
    FlowGivenUp: events.FlowGivenUp,
    FunctionEnded: events.FunctionEnded,
}
_READ_AS: dict[object, Callable[..., Event]] = {made: told for told, made in _MADE_OF.items()}


def to_engine(event: Event) -> events.Event:
    """The event as the engine takes it."""
    if isinstance(event, Submitted):
        (id, at_us, upstreams, tolerated, retries, needs_slot, timeout, needs_admission,
         is_readmitted) = event  # fmt: skip
        run = _AwaitedTaskRun(
            id,
            at_us,
            retries=retries,
            upstreams=upstreams,
            tolerated=tolerated,
            needs_slot=needs_slot,
            timeout_seconds=timeout,
            needs_admission=needs_admission,
        )
        run.is_readmitted = is_readmitted
        return run
    if isinstance(event, Adopted):
        return events.RunAdopted(_ended_elsewhere(event), event.is_seen)
    if isinstance(event, Replayed):
        return events.RunReplayed(_AwaitedTaskRun(event.id, event.at_us, needs_slot=False))
    return _MADE_OF[type(event)](*event)


def read_event(event: events.Event) -> Event:
    """What an event of the engine says; those that the driver extends, too."""
    if isinstance(event, TaskRun):
        return Submitted(
            event.id,
            event.submitted_us,
            event.upstreams,
            event.tolerated,
            event.retries,
            event.needs_slot,
            event.timeout_seconds,
            event.phase in (Phase.UNADMITTED, Phase.AT_DESK),
        )
    if isinstance(event, events.ValueFound):
        return Found(event.id, event.at_us, event.name, event.reason)
    if isinstance(event, events.AttemptFinished):
        times = (event.started_us, event.ended_us)
        return Finished(event.id, event.number, *times, event.ending, event.reason, event.retry_delay_seconds)
    if isinstance(event, events.RunAdopted):
        run, is_seen = event
        names = tuple(name for name, _, _ in run.changes[1:])
        return Adopted(run.id, run.submitted_us, names, run.roots, is_seen)
    if isinstance(event, events.RunReplayed):
        return Replayed(event.run.id, event.run.submitted_us)
    return _READ_AS[type(event)](*event)


def read_effect(effect: effects.Effect) -> Effect:  # noqa: PLR0912 - a case for each kind
    """What an effect of the engine asks for."""
    match effect:
        case effects.StartAttempt(run=run):
            return Start(run.id, run.number)
        case effects.Settle(run=run):
            return Settle(run.id, run.name, run.roots)
        case effects.Admit(run):
            return Admit(run.id)
        case effects.SetTimer(run, seconds):
            return SetTimer(run.id, seconds)
        case effects.SetDeadline(run, number, seconds, since_us):
            return SetDeadline(None if run is None else run.id, number, seconds, since_us)
        case effects.Interrupt(run, number, only_withdraw, grace):
            return Interrupt(run.id, number, only_withdraw, grace)
        case effects.Record(run, report):
            return Record(run.id, run.name, report is not None)
        case effects.PostAgain(event):
            again = read_event(event)
            assert isinstance(again, Began | Finished)
            return PostAgain(again)
        case effects.RunHooks(run, change):
            return RunHooks(run.id, change[0])
        case effects.RecordFlow():
            return RecordFlow(*effect)
        case effects.StopFlow():
            return StopFlow(*effect)
        case effects.EndFlow():
            return EndFlow(*effect)
        case _:
            assert_never(effect)


def in_words(effect: Effect) -> str:  # noqa: PLR0912 - as above
    """The effect, short."""
    match effect:
        case Start(id):
            return f"start {id}"
        case Settle(id, name):
            return f"settle {id} {name}"
        case Admit(id):
            return f"admit {id}?"
        case SetTimer(id, seconds):
            return f"timer {id} {seconds}"
        case SetDeadline(id, number, seconds):
            return f"deadline {'of the flow' if id is None else f'{id}#{number}'} {seconds:g}"
        case Interrupt(id, number, only_withdraw):
            return f"{'withdraw' if only_withdraw else 'interrupt'} {id}#{number}"
        case Record(id, name):
            return f"record {id} {name}"
        case RunHooks(id, name):
            return f"hooks {id} {name}"
        case PostAgain(event):
            return f"again {type(event).__name__.lower()} {event.id}#{event.number}"
        case RecordFlow(changes):
            return f"flow {changes[-1][0]}"
        case StopFlow():
            return "stop the flow"
        case EndFlow(changes, unseen, returned):
            what = f"end {changes[-1][0]}"
            what += f" unseen={[*unseen]}" if unseen else ""
            return what + (f" returned={[*returned]}" if returned else "")
        case _:
            assert_never(effect)


class Engine:
    """An orchestrator, spoken to in these words."""

    def __init__(self, orchestrator: Orchestrator) -> None:
        self.orchestrator = orchestrator
        self._runs: dict[int, TaskRun] = {}

    def tell(self, event: Event) -> list[Effect]:
        """Have it handle the event; what it wants done about that."""
        taken = to_engine(event)
        return self.hear(taken, self.orchestrator.handle(taken))[1]

    def hear(self, event: events.Event, decided: Sequence[effects.Effect]) -> tuple[Event, list[Effect]]:
        """What it was told by somebody else, and what it made of that."""
        return read_event(event), [read_effect(effect) for effect in self.spell_out(event, decided)]

    def spell_out(self, event: events.Event, decided: Sequence[effects.Effect]) -> Sequence[effects.Effect]:
        """The effects, also where the answer is one of the two constants that name no run."""
        if isinstance(event, TaskRun | events.RunAdopted | events.RunReplayed):
            run = event if isinstance(event, TaskRun) else event.run
            self._runs[run.id] = run
        if decided is effects.START_ITS_ATTEMPT:
            assert isinstance(event, TaskRun)
            return [effects.StartAttempt((event,))]
        if decided is effects.SETTLE_ITS_RUN:
            assert isinstance(event, events.AttemptFinished)
            return [effects.Settle((self._runs[event.id],))]
        return decided

    def stage(self, id: int) -> Stage:
        """What the task run waits for."""
        return Stage(self._runs[id].phase)

    def changes(self, id: int) -> list[Change]:
        """The states of the task run, in order."""
        return self._runs[id].changes

    def roots(self, id: int) -> tuple[int, ...]:
        """The runs that the task run failed for."""
        return self._runs[id].roots

    def number(self, id: int) -> int:
        """How many attempts the task run has had."""
        return self._runs[id].number

    def is_being_retrieved(self, id: int) -> bool:
        """Whether somebody waits for the task run who will look at how it failed."""
        return self._runs[id].is_being_retrieved

    def be_waited_for(self, id: int) -> None:
        """Somebody begins to wait for the task run."""
        run = self._runs[id]
        assert isinstance(run, _AwaitedTaskRun)
        run.is_being_retrieved = True

    def change(self, id: int, name: StateName, at_us: int) -> None:
        """Have the task run come into a state."""
        self._runs[id].change(name, at_us)

    @property
    def live(self) -> set[int]:
        """The ids of the task runs that have not ended."""
        return set(self.orchestrator.live_runs)

    @property
    def free_slots(self) -> int | None:
        """How many more runs may start; ``None`` is no limit."""
        return self.orchestrator.free_slots

    @property
    def has_ended(self) -> bool:
        """Whether the flow run has."""
        return self.orchestrator.has_ended


def new_engine(slots: SlotPolicy, timeout: float | None = None, *, is_retry: bool = False) -> Engine:
    """An engine at the beginning of a flow run, or of its next attempt."""
    return Engine(Orchestrator(at_us=0, slots=slots, is_retry=is_retry, timeout_seconds=timeout))


# -- a story ---------------------------------------------------------------------------------------------


class Story:
    """A flow run, a microsecond an event. Each method tells of one event, and gives the effects in words."""

    def __init__(
        self,
        *,
        slots: int | None = None,
        held: bool = False,
        starts_ahead: bool = False,
        timeout: float | None = None,
        is_retry: bool = False,
    ) -> None:
        self.engine = new_engine(SlotPolicy(slots, held, starts_ahead), timeout, is_retry=is_retry)
        self.now_us = 0
        self._posted: deque[Event] = deque()

    def tell(self, event: Event) -> list[str]:
        decided = self.engine.tell(event)
        self._posted.extend(effect.event for effect in decided if isinstance(effect, PostAgain))
        return [in_words(effect) for effect in decided]

    def tell_again(self) -> list[str]:
        """Tell the first of the events that were posted again."""
        return self.tell(self._posted.popleft())

    def at(self) -> int:
        self.now_us += 1
        return self.now_us

    def states(self, id: int) -> list[StateName]:
        return [name for name, _, _ in self.engine.changes(id)]

    def reason(self, id: int) -> str | None:
        return self.engine.changes(id)[-1][2]

    def stage(self, id: int) -> Stage:
        return self.engine.stage(id)

    def number(self, id: int) -> int:
        return self.engine.number(id)

    def roots(self, id: int) -> tuple[int, ...]:
        return self.engine.roots(id)

    @property
    def free_slots(self) -> int | None:
        return self.engine.free_slots

    # -- task runs -----------------------------------------------------------------------------

    def submit(self, id: int, *upstreams: int, allow_failure: tuple[int, ...] = (), retries: int = 0,
               needs_slot: bool = True, timeout: float | None = None,
               needs_admission: bool = False, is_readmitted: bool = False) -> list[str]:  # fmt: skip
        return self.tell(
            Submitted(
                id,
                self.at(),
                upstreams,
                allow_failure,
                retries,
                needs_slot,
                timeout,
                needs_admission,
                is_readmitted,
            )
        )

    def admit(self, id: int) -> list[str]:
        return self.tell(Admitted(id, self.at()))

    def delay(self, id: int, reason: str = "waits for limit db") -> list[str]:
        return self.tell(Delayed(id, self.at(), reason))

    def find(self, id: int, name: StateName = StateName.CACHED) -> list[str]:
        return self.tell(Found(id, self.at(), name, "as before"))

    def begin(self, id: int, number: int = 1) -> list[str]:
        return self.tell(Began(id, number, self.at()))

    def finish(self, id: int, ending: Ending = Ending.RETURNED, *, number: int = 1,
               retry_after: float | None = None) -> list[str]:  # fmt: skip
        reason = None if ending is Ending.RETURNED else f"it {ending.value}"
        return self.tell(Finished(id, number, self.at(), self.at(), ending, reason, retry_after))

    def fail(self, id: int, *, number: int = 1, retry_after: float | None = None) -> list[str]:
        return self.finish(id, Ending.RAISED, number=number, retry_after=retry_after)

    def withdraw(self, id: int, number: int = 1) -> list[str]:
        return self.tell(Withdrawn(id, number, self.at()))

    def skip(self, id: int, number: int = 1) -> list[str]:
        return self.tell(Skipped(id, number, self.at()))

    def give_up(self, id: int, number: int = 1) -> list[str]:
        """An attempt that was cancelled has not stopped within its grace."""
        return self.stop(id, "it goes on unheard", number=number)

    def stop(self, id: int, reason: str | None, *, number: int = 1) -> list[str]:
        """An attempt ends since it was to stop, or since its own code says so; the report may tell more of that."""
        return self.tell(Finished(id, number, self.at(), self.at(), Ending.CANCELLED, reason))

    def pass_deadline(self, id: int | None = None, number: int = 1) -> list[str]:
        return self.tell(DeadlinePassed(id, number, self.at()))

    def time_out(self, id: int, *, number: int = 1, retry_after: float | None = None) -> list[str]:
        """An attempt ends since it has passed its deadline."""
        return self.finish(id, Ending.TIMED_OUT, number=number, retry_after=retry_after)

    def fire_timer(self, id: int) -> list[str]:
        return self.tell(TimerFired(id, self.at()))

    def notice(self, id: int) -> list[str]:
        return self.tell(Noticed(id, self.at()))

    def cancel(self, id: int | None = None) -> list[str]:
        return self.tell(CancelRequested(id, self.at()))

    def retrieve(self, id: int) -> list[str]:
        return self.tell(Retrieved(id))

    def lend(self, id: int, awaited: int) -> list[str]:
        return self.tell(Lent(id, awaited))

    def reclaim(self, id: int, awaited: int) -> list[str]:
        return self.tell(Reclaimed(id, awaited))

    def adopt(
        self, id: int, *names: StateName, roots: tuple[int, ...] = (), is_seen: bool = False
    ) -> list[str]:
        return self.tell(Adopted(id, self.at(), names, roots, is_seen))

    def replay(self, id: int) -> list[str]:
        return self.tell(Replayed(id, self.at()))

    # -- the flow run --------------------------------------------------------------------------

    def start_flow(self) -> list[str]:
        return self.tell(FlowStarted(self.at()))

    def pause(self, id: int = 1, prompt: str = "Go on?") -> list[str]:
        return self.tell(FlowPaused(id, self.at(), prompt))

    def go_on(self, id: int = 1) -> list[str]:
        return self.tell(FlowWentOn(id, self.at()))

    def give_up_flow(self) -> list[str]:
        return self.tell(FlowGivenUp(self.at()))

    def end_function(self, ending: Ending = Ending.RETURNED, *, returned: tuple[int, ...] = (),
                     allow_failure: tuple[int, ...] = ()) -> list[str]:  # fmt: skip
        reason = None if ending is Ending.RETURNED else f"it {ending.value}"
        return self.tell(FunctionEnded(self.at(), ending, reason, returned, allow_failure))

    def join(self, id: int, *, owned: bool = False) -> list[str]:
        return self.tell(Joined(id, owned))

    def end_outsider(self, id: int, *, completed: bool = True) -> list[str]:
        return self.tell(OutsiderEnded(id, self.at(), completed))
