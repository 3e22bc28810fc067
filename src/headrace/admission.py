"""The admission desk: where a run waits for what is more than a slot.

The engine asks about a run whose upstreams have completed; the desk takes it through its steps, one after another: is its
value known already? Then it answers, by an event. A run that waits here holds no slot, blocks nobody, and keeps no worker.

There is one desk for each history of a process. A thread that starts when the first run comes, and goes when none is left,
does all its work: steps need no locks.
"""

from __future__ import annotations

import os
import threading
from functools import partial
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from headrace.engine.events import Admitted
from headrace.single_flight import SingleFlight
from headrace.tag_limits import TagLimits

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from headrace.history import History
    from headrace.history.lease_desk import Lease
    from headrace.task_runners.call import Call, FoundValue

    class Step(Protocol):
        """Something that a run may have to wait for. Its methods are called by the desk's thread alone."""

        def concerns(self, call: Call) -> bool:
            """Whether such a run has to pass it."""

        def receive(self, call: Call, go_on: Callable[[], None]) -> None:
            """A run has come: call ``go_on`` now or later, or post how it ends. A run that has ended needs neither."""

        def glance(self, call: Call) -> FoundValue | None:
            """How it ends, if that can be told at once. This is called by the thread that makes the call."""

        def take_back(self, call: Call) -> None:
            """An attempt of the run has ended: what it held goes to others."""

        def tend(self) -> float | None:
            """See to those who wait. When to do so again, in seconds; ``None`` if nobody waits for what others do."""

        def close(self) -> None:
            """The desk has nothing to do for the time being: give back what it keeps open."""


_LINGERS_SECONDS = 5.0

_desks: WeakKeyDictionary[History, AdmissionDesk] = WeakKeyDictionary()
_opening = threading.Lock()


def desk_of(history: History) -> AdmissionDesk:
    """The desk for runs that are recorded there."""
    desk = _desks.get(history)
    if desk is None:
        with _opening:
            desk = _desks.get(history)
            if desk is None:
                desk = _desks[history] = AdmissionDesk(history)
    return desk


def leases_by_tags(call: Call) -> list[Lease]:
    """What the run and its callers hold for their tags, as long as it executes."""
    desk = _desks.get(call.driver.history)
    return [] if desk is None else desk.tag_limits.leases_of(call)


class AdmissionDesk:
    """Takes runs through ``steps``."""

    def __init__(self, history: History) -> None:
        self.tag_limits = TagLimits(history, self.put)
        self.steps: tuple[Step, ...] = (SingleFlight(history, self.put), self.tag_limits)
        self._chores: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._changing = threading.Lock()
        self._is_at_work = False

    def receive(self, call: Call) -> None:
        """A run has come, or comes again for its next attempt: whose value is known is asked once. Never blocks."""
        first = 1 if call.number else 0
        self.put(lambda: self._take_on(call, first))

    def note_end_of_attempt(self, call: Call) -> None:
        """An attempt has failed, and another one will be made. Never blocks."""
        if call.tags:
            self.put(lambda: self.steps[-1].take_back(call))

    def glance(self, call: Call) -> FoundValue | None:
        """How a call ends whose futures are none, where a step can tell that at once. By the thread that makes the call."""
        return self.steps[0].glance(call) if self.steps[0].concerns(call) else None

    def put(self, chore: Callable[[], None]) -> None:
        """Have this done by the desk's thread, after all that was put before."""
        self._chores.put(chore)
        if not self._is_at_work:
            self._start()

    def _start(self) -> None:
        with self._changing:
            if self._is_at_work:
                return
            self._is_at_work = True
            try:
                threading.Thread(target=self._work, name="headrace-admission", daemon=True).start()
            except RuntimeError:  # the interpreter shuts down
                self._is_at_work = False

    def _take_on(self, call: Call, number: int) -> None:
        """Take a run to the first step from this one on that it has to pass; admit it if there is none."""
        if call.is_done:
            return
        try:
            for step in self.steps[number:]:
                number += 1
                if step.concerns(call):
                    step.receive(call, partial(self._take_on, call, number))
                    return
            call.driver.post(Admitted(call.id, call.driver.now_us()))
        except BaseException as defect:
            call.driver.crash(defect)

    def _work(self) -> None:
        """Invariant: it says that it goes before it looks for chores once more; who puts one looks whether it has gone."""
        while True:
            pauses = [pause for step in self.steps if (pause := step.tend()) is not None]
            try:
                chore = self._chores.get(timeout=min(pauses, default=_LINGERS_SECONDS))
            except Empty:
                if not pauses and self._goes():
                    return
                continue
            chore()
            del chore  # it may hold a run whose values nobody else needs

    def _goes(self) -> bool:
        for step in self.steps:
            step.close()
        with self._changing:
            self._is_at_work = False
            if self._chores.empty():
                return True
            self._is_at_work = True
            return False


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_desks.clear)
