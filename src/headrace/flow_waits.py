"""What the function of one flow run waits for: sleeps and answers, recorded so that a resume goes on where it was.

A wait is recognised by its kind, its name (the seconds, the prompt) and which of that name it is.
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

from headrace.completion import Completion
from headrace.context import current_scope
from headrace.engine.events import FlowPaused, FlowWentOn
from headrace.history.facts import PAUSE, SLEEP, WaitFact

if TYPE_CHECKING:
    from collections.abc import Callable

    from headrace.driver import Driver
    from headrace.flow_runs import FlowRun
    from headrace.questions import Question

NO_ANSWER: Any = object()


class Place(NamedTuple):
    """Which wait of a flow run one is."""

    kind: str
    name: str
    occurrence: int


class Pause(Completion):
    """A question that is open. It is done when it is answered."""

    __slots__ = ("_callbacks", "answer", "is_done", "number", "place", "question")

    def __init__(self, place: Place, question: Question, number: int) -> None:
        self.place = place
        self.question = question
        self.number = number
        self.answer: Any = NO_ANSWER
        self.is_done = False
        self._callbacks: list[Callable[[], None]] | None = None

    @property
    def is_answered(self) -> bool:
        """Whether there is an answer; a pause that is done without one has timed out."""
        return self.answer is not NO_ANSWER


class FlowWaits:
    """The waits of one flow run in its present epoch."""

    def __init__(self, flow_run: FlowRun) -> None:
        self._flow_run = flow_run
        self.driver: Driver = flow_run.driver
        self._counts: Counter[tuple[str, str]] = Counter()
        self._open: dict[Place, Pause] = {}
        self._lock = threading.Lock()

    # Sleeps.

    def end_of_sleep_us(self, seconds: float) -> tuple[int, bool]:
        """When this sleep is over, and whether it is a new one, which has to be committed before it begins."""
        place = self._next_place(SLEEP, f"{seconds:g}")
        found = self._find(place)
        if found is not None and found.until_us is not None:
            return found.until_us, False
        until_us = self.driver.now_us() + round(seconds * 1e6)
        self.driver.history.record(WaitFact(self._flow_run.flow_run_id, *place, until_us))
        return until_us, True

    # Pauses.

    def ask(self, prompt: str, question: Question) -> Pause:
        """Asks a person. An answer that was given in an earlier epoch, or since, is taken."""
        place = self._next_place(PAUSE, prompt)
        with self._lock:
            pause = self._open[place] = Pause(place, question, sum(self._counts.values()))
        found = self._find(place)  # after it is open: one that is given from now on finds it
        if found is not None and found.answer is not None and self._give(pause, json.loads(found.answer)):
            return pause
        self._record(pause)
        self.driver.post(FlowPaused(pause.number, self.driver.now_us(), prompt))
        return pause

    def close(self, pause: Pause) -> None:
        """Nobody waits for the answer any more: it was given, or the wait was cut short."""
        with self._lock:
            del self._open[pause.place]
        self._record(pause, is_over=True)
        self.driver.post(FlowWentOn(pause.number, self.driver.now_us()))

    def answer(self, value: Any, prompt: str | None = None) -> None:
        """Answers the open question, or the one of that prompt. Raises ``LookupError`` and ``ValueError``."""
        with self._lock:
            open_ = [pause for pause in self._open.values() if not pause.is_answered]
        found = [pause for pause in open_ if prompt in (None, pause.place.name)]
        name = self._flow_run.display_name
        if not found:
            raise LookupError(f"flow run {name!r} does not wait for an answer")
        if len(found) > 1:
            prompts = ", ".join(repr(pause.place.name) for pause in found)
            raise LookupError(
                f"flow run {name!r} waits for several answers: say which prompt is meant: {prompts}"
            )
        self._give(found[0], found[0].question.check(value))

    def note_answer(self, text: str) -> None:
        """Another process has the answer, and has recorded it."""
        told = json.loads(text)
        with self._lock:
            pause = self._open.get(Place(PAUSE, told["name"], told["occurrence"]))
        if pause is not None:
            self._give(pause, told["answer"])

    def _give(self, pause: Pause, value: Any) -> bool:
        """Whether it is an answer: what the program asks for may have changed since one was given."""
        try:
            answer = pause.question.check(value)
        except ValueError:
            return False
        with self._lock:
            if pause.answer is NO_ANSWER:  # the first one counts
                pause.answer = answer
        pause.complete()
        return True

    def _record(self, pause: Pause, *, is_over: bool = False) -> None:
        answer = None if pause.answer is NO_ANSWER else json.dumps(pause.answer)
        fact = WaitFact(
            self._flow_run.flow_run_id, *pause.place, None, pause.question.to_json(), answer, is_over
        )
        self.driver.history.record(fact)

    # Both.

    def _next_place(self, kind: str, name: str) -> Place:
        with self._lock:
            occurrence = self._counts[kind, name]
            self._counts[kind, name] += 1
        return Place(kind, name, occurrence)

    def _find(self, place: Place) -> WaitFact | None:
        """What an earlier epoch has recorded of it."""
        if self._flow_run.epoch == 1:
            return None
        return self.driver.history.find_wait(self._flow_run.flow_run_id, *place)


def waiting_flow_run(who: str) -> FlowRun:
    """The flow run whose function this code belongs to. Raises ``RuntimeError`` in tasks, and outside of flows."""
    scope: Any = current_scope.get()
    if scope is None:
        raise RuntimeError(f"{who}() was called outside a flow")
    if scope.call is not None:
        raise RuntimeError(
            f"{who}() was called in task run {scope.call.display_name!r}: only the function of a flow can wait for a "
            "person. Call it there, and give the answer to the task"
        )
    return scope  # type: ignore[no-any-return]  # the scope of a flow's code is its run
