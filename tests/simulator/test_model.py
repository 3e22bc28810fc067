"""An engine that decides wrongly is caught by the model: a model that finds nothing wrong would prove nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from headrace.engine.events import Ending
from tests.engine.story import (
    Adopted,
    CancelRequested,
    DeadlinePassed,
    EndFlow,
    Engine,
    Finished,
    FlowGivenUp,
    FlowPaused,
    FlowWentOn,
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
    Start,
    StopFlow,
    Submitted,
    TimerFired,
    new_engine,
)
from tests.simulator.model import BrokenInvariantError
from tests.simulator.world import play

if TYPE_CHECKING:
    from collections.abc import Callable

    from headrace.engine.policies import SlotPolicy
    from tests.engine.story import Effect, Event

    MakeEngine = Callable[[SlotPolicy, float | None], Engine]
    Hear = Callable[[Event], Event | None]
    Say = Callable[[Effect], list[Effect]]


class LyingEngine(Engine):
    """Hears something else than it is told, or says something else than it has decided."""

    def __init__(self, honest: Engine, hear: Hear, say: Say) -> None:
        super().__init__(honest.orchestrator)
        self._hear_wrongly = hear
        self._say_wrongly = say

    def tell(self, event: Event) -> list[Effect]:
        heard = self._hear_wrongly(event)
        decided = super().tell(heard) if heard is not None else []
        return [said for effect in decided for said in self._say_wrongly(effect)]


def deaf_for(*kinds: type[Event]) -> Hear:
    return lambda event: None if isinstance(event, kinds) else event


def silent_about(*kinds: type[Effect]) -> Say:
    return lambda effect: [] if isinstance(effect, kinds) else [effect]


def twice(kind: type[Effect]) -> Say:
    return lambda effect: [effect, effect] if isinstance(effect, kind) else [effect]


def hears_all(event: Event) -> Event:
    return event


def says_all(effect: Effect) -> list[Effect]:
    return [effect]


def changing(kind: type[Event], **fields: Any) -> Hear:
    def hear(event: Any) -> Any:
        return event._replace(**fields) if isinstance(event, kind) else event

    return hear


def hear_one_upstream_less(event: Event) -> Event:
    return event._replace(upstreams=event.upstreams[1:]) if isinstance(event, Submitted) else event


def hear_upstreams_as_tolerated(event: Event) -> Event:
    if isinstance(event, Submitted):
        return event._replace(upstreams=(), tolerated=(*event.upstreams, *event.tolerated))
    return event


def hear_one_retry_more(event: Event) -> Event:
    return event._replace(retries=event.retries + 1) if isinstance(event, Submitted) else event


def hear_another_delay(event: Event) -> Event:
    if isinstance(event, Finished) and event.retry_after:
        return event._replace(retry_after=event.retry_after + 1)
    return event


def deaf_for_cancels_of(*, flow: bool) -> Hear:
    return lambda event: None if isinstance(event, CancelRequested) and (event.id is None) is flow else event


def say_no_unseen_failure(effect: Effect) -> list[Effect]:
    return [effect._replace(unseen=()) if isinstance(effect, EndFlow) else effect]


def say_an_unseen_failure_more(effect: Effect) -> list[Effect]:
    return [effect._replace(unseen=(*effect.unseen, 1)) if isinstance(effect, EndFlow) else effect]


def say_no_roots(effect: Effect) -> list[Effect]:
    return [effect._replace(roots=()) if isinstance(effect, Settle) else effect]


def say_it_only_withdraws(effect: Effect) -> list[Effect]:
    return [effect._replace(only_withdraw=True) if isinstance(effect, Interrupt) else effect]


def say_the_roots_backwards(effect: Effect) -> list[Effect]:
    return [effect._replace(roots=effect.roots[::-1]) if isinstance(effect, Settle) else effect]


LIARS: dict[str, tuple[Hear, Say]] = {
    "forgets to start": (hears_all, silent_about(Start)),
    "forgets to settle": (hears_all, silent_about(Settle)),
    "forgets to set timers": (hears_all, silent_about(SetTimer)),
    "forgets to interrupt": (hears_all, silent_about(Interrupt)),
    "forgets that an attempt has ended": (hears_all, silent_about(Record)),
    "never ends the flow run": (hears_all, silent_about(EndFlow)),
    "starts twice": (hears_all, twice(Start)),
    "settles twice": (hears_all, twice(Settle)),
    "interrupts twice": (hears_all, twice(Interrupt)),
    "does not record the flow run": (hears_all, silent_about(RecordFlow)),
    "ends the flow run twice": (hears_all, twice(EndFlow)),
    "is deaf for reports": (deaf_for(Finished), says_all),
    "is deaf for timers": (deaf_for(TimerFired), says_all),
    "is deaf for retrievals": (deaf_for(Retrieved), says_all),
    "is deaf for loans": (deaf_for(Lent), says_all),
    "is deaf for the end of loans": (deaf_for(Reclaimed), says_all),
    "is deaf for other flows": (deaf_for(OutsiderEnded), says_all),
    "is deaf for the end of the function": (deaf_for(FunctionEnded), says_all),
    "is deaf for cancels of runs": (deaf_for_cancels_of(flow=False), says_all),
    "is deaf for cancels of the flow": (deaf_for_cancels_of(flow=True), says_all),
    "takes every ending for a return": (changing(Finished, ending=Ending.RETURNED), says_all),
    "takes every ending for a failure": (changing(Finished, ending=Ending.RAISED), says_all),
    "takes no slot": (changing(Submitted, needs_slot=False), says_all),
    "takes a slot for all": (changing(Submitted, needs_slot=True), says_all),
    "never tries again": (changing(Submitted, retries=0), says_all),
    "tries once more": (hear_one_retry_more, says_all),
    "waits too long": (hear_another_delay, says_all),
    "overlooks an upstream": (hear_one_upstream_less, says_all),
    "overlooks upstreams that may fail": (changing(Submitted, tolerated=()), says_all),
    "lets every upstream fail": (hear_upstreams_as_tolerated, says_all),
    "owns no subflow": (changing(Joined, is_owned=False), says_all),
    "is deaf for pauses": (deaf_for(FlowPaused), says_all),
    "is deaf for the end of pauses": (deaf_for(FlowWentOn), says_all),
    "forgets what the function returned": (changing(FunctionEnded, returned=()), says_all),
    "says nothing of unseen failures": (hears_all, say_no_unseen_failure),
    "says more failures were unseen": (hears_all, say_an_unseen_failure_more),
    "blames nobody": (hears_all, say_no_roots),
    "blames in another order": (hears_all, say_the_roots_backwards),
    "forgets word that came too early": (hears_all, silent_about(PostAgain)),
    "tells early word twice": (hears_all, twice(PostAgain)),
    "is deaf for skips": (deaf_for(Skipped), says_all),
    "takes a skip for another attempt's": (changing(Skipped, number=7), says_all),
    "is deaf for runs that ended elsewhere": (deaf_for(Adopted), says_all),
    "is deaf for runs of earlier epochs": (deaf_for(Replayed), says_all),
    "takes every failure elsewhere for a seen one": (changing(Adopted, is_seen=True), says_all),
    "takes every failure elsewhere for an unseen one": (changing(Adopted, is_seen=False), says_all),
    "calls no hooks": (hears_all, silent_about(RunHooks)),
    "is deaf for deadlines": (deaf_for(DeadlinePassed), says_all),
    "sets no deadline": (hears_all, silent_about(SetDeadline)),
    "does not stop the flow": (hears_all, silent_about(StopFlow)),
    "waits for ever for a function": (deaf_for(FlowGivenUp), says_all),
    "interrupts half-heartedly": (hears_all, say_it_only_withdraws),
}  # fmt: skip


def starting_nobody_ahead(slots: SlotPolicy, timeout: float | None) -> Engine:
    return new_engine(slots._replace(starts_ahead=False), timeout)


def keeping_slots(kept: int) -> MakeEngine:
    """One that starts runs ahead only while more than that many slots are free."""

    def make_engine(slots: SlotPolicy, timeout: float | None) -> Engine:
        engine = new_engine(slots, timeout)
        engine.orchestrator._kept_for_ready = kept
        return engine

    return make_engine


MISTAKEN: dict[str, MakeEngine] = {
    "starts nobody ahead": starting_nobody_ahead,
    "keeps no slot for who is ready": keeping_slots(0),
    "keeps too many slots for who is ready": keeping_slots(7),
}


def broken_by(make_engine: MakeEngine, seeds: range) -> int | None:
    """The first seed by which it comes out that the engine is wrong."""
    for seed in seeds:
        try:
            play(seed, make_engine)
        except BrokenInvariantError:
            return seed
    return None


def lying(hear: Hear, say: Say) -> MakeEngine:
    return lambda slots, timeout: LyingEngine(new_engine(slots, timeout), hear, say)


@pytest.mark.parametrize("liar", LIARS)
def test_the_model_catches_an_engine_that(liar: str) -> None:
    assert broken_by(lying(*LIARS[liar]), range(300)) is not None


@pytest.mark.parametrize("mistaken", MISTAKEN)
def test_the_model_catches_an_engine_that_by_mistake(mistaken: str) -> None:
    assert broken_by(MISTAKEN[mistaken], range(300)) is not None


def test_the_model_believes_an_honest_engine() -> None:
    assert broken_by(lying(hears_all, says_all), range(300)) is None
