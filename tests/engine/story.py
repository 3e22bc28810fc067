"""Tells an orchestrator what happened, and gives what it decided in short words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.engine.effects import (
    EndFlow,
    Interrupt,
    Record,
    RecordFlow,
    RunHooks,
    SetTimer,
    Settle,
    StartAttempt,
)
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

if TYPE_CHECKING:
    from headrace.engine.effects import Effect
    from headrace.engine.events import Event
    from headrace.engine.states import StateName


class Story:
    """A flow run, a microsecond an event. Each method tells of one event, and gives the effects in words."""

    def __init__(self, *, slots: int | None = None, held: bool = False) -> None:
        self.orchestrator = Orchestrator(at_us=0, slots=SlotPolicy(slots, held_between_attempts=held))
        self.runs: dict[int, TaskRun] = {}
        self.now_us = 0

    def tell(self, event: Event) -> list[str]:
        return [in_words(effect) for effect in self.orchestrator.handle(event)]

    def at(self) -> int:
        self.now_us += 1
        return self.now_us

    def states(self, id: int) -> list[StateName]:
        return [name for name, _, _ in self.runs[id].changes]

    def reason(self, id: int) -> str | None:
        return self.runs[id].changes[-1][2]

    # -- task runs -----------------------------------------------------------------------------

    def submit(self, id: int, *upstreams: int, allow_failure: tuple[int, ...] = (), retries: int = 0,
               needs_slot: bool = True) -> list[str]:  # fmt: skip
        run = TaskRun(
            id,
            self.at(),
            retries=retries,
            upstreams=upstreams,
            tolerated=allow_failure,
            needs_slot=needs_slot,
        )
        self.runs[id] = run
        return self.tell(run)

    def begin(self, id: int, number: int = 1) -> list[str]:
        return self.tell(AttemptStarted(id, number, self.at()))

    def finish(self, id: int, ending: Ending = Ending.RETURNED, *, number: int = 1,
               retry_after: float | None = None) -> list[str]:  # fmt: skip
        reason = None if ending is Ending.RETURNED else f"it {ending.value}"
        return self.tell(AttemptFinished(id, number, self.at(), self.at(), ending, reason, retry_after))

    def fail(self, id: int, *, number: int = 1, retry_after: float | None = None) -> list[str]:
        return self.finish(id, Ending.RAISED, number=number, retry_after=retry_after)

    def withdraw(self, id: int, number: int = 1) -> list[str]:
        return self.tell(AttemptWithdrawn(id, number, self.at()))

    def fail_to_interrupt(self, id: int, number: int = 1) -> list[str]:
        return self.tell(InterruptFailed(id, number, self.at()))

    def fire_timer(self, id: int) -> list[str]:
        return self.tell(TimerFired(id, self.at()))

    def notice(self, id: int) -> list[str]:
        return self.tell(RunNoticed(id, self.at()))

    def cancel(self, id: int | None = None) -> list[str]:
        return self.tell(CancelRequested(id, self.at(), "cancelled on request"))

    def retrieve(self, id: int) -> list[str]:
        return self.tell(FailureRetrieved(id))

    def lend(self, id: int, awaited: int) -> list[str]:
        return self.tell(SlotLent(id, awaited))

    def reclaim(self, id: int, awaited: int) -> list[str]:
        return self.tell(SlotReclaimed(id, awaited))

    # -- the flow run --------------------------------------------------------------------------

    def start_flow(self) -> list[str]:
        return self.tell(FlowStarted(self.at()))

    def end_function(self, ending: Ending = Ending.RETURNED, *, returned: tuple[int, ...] = ()) -> list[str]:
        reason = None if ending is Ending.RETURNED else f"it {ending.value}"
        return self.tell(FunctionEnded(self.at(), ending, reason, returned))

    def join(self, id: int, *, owned: bool = False) -> list[str]:
        return self.tell(OutsiderJoined(id, owned))

    def end_outsider(self, id: int, *, completed: bool = True) -> list[str]:
        return self.tell(OutsiderEnded(id, self.at(), completed))


def in_words(effect: Effect) -> str:
    """The effect, short."""
    match effect:
        case StartAttempt(run=run):
            return f"start {run.id}"
        case Settle(run=run):
            return f"settle {run.id} {run.name}"
        case SetTimer(run, seconds):
            return f"timer {run.id} {seconds}"
        case Interrupt(run, number, only_withdraw):
            return f"{'withdraw' if only_withdraw else 'interrupt'} {run.id}#{number}"
        case Record(run):
            return f"record {run.id} {run.name}"
        case RunHooks(run, change):
            return f"hooks {run.id} {change[0]}"
        case RecordFlow(changes):
            return f"flow {changes[-1][0]}"
        case EndFlow(changes, unseen, returned):
            what = f"end {changes[-1][0]}"
            what += f" unseen={[*unseen]}" if unseen else ""
            return what + (f" returned={[*returned]}" if returned else "")
