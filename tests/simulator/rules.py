"""What must come of a flow, worked out from its plan by the rules that users are told, without running anything."""

from __future__ import annotations

from enum import Enum
from typing import Any, NamedTuple


class Look(Enum):
    """How the function of a flow looks at a call: whether it retrieves a failure."""

    AWAIT = "await future"
    WAIT = "await wait([future])"


class PlannedTask(NamedTuple):
    """A call of a task. It fails as often as ``fails`` says, and then returns, if it is tried that often."""

    number: int
    upstreams: tuple[int, ...] = ()
    tolerated: tuple[int, ...] = ()
    after: tuple[int, ...] = ()
    fails: int = 0
    retries: int = 0
    pauses: tuple[float, ...] = ()
    children: tuple[PlannedTask, ...] = ()
    awaited: tuple[int, ...] = ()
    mapped: tuple[int, ...] = ()


class PlannedFlow(NamedTuple):
    """A call of a flow: awaited where it is called, or submitted."""

    number: int
    calls: tuple[PlannedTask | PlannedFlow, ...]
    slots: int | None
    looks: dict[int, Look]
    cancelled: dict[int, float]
    returned: tuple[int, ...]
    fails: bool
    is_awaited: bool


class Result(NamedTuple):
    """How a call ended, and its value or what it raises: the number of who raised that, or several."""

    state: str
    outcome: Any


def expected_results(plan: PlannedFlow, cancelled: set[int]) -> dict[int, Result]:
    """How each call of the flow must end, and the flow itself, given who was cancelled in time."""
    return _Rules(cancelled).of_flow(plan)


class _Rules:
    def __init__(self, cancelled: set[int]) -> None:
        self._cancelled = cancelled
        self.results: dict[int, Result] = {}
        self._roots: dict[int, frozenset[int]] = {}

    def of_flow(self, plan: PlannedFlow) -> dict[int, Result]:
        """The results of a flow and all that it calls."""
        held: set[int] = set()  # whose futures the function holds
        seen: set[int] = set()
        for call in plan.calls:
            if isinstance(call, PlannedFlow):
                self.results |= _Rules(self._cancelled).of_flow(call)
                is_well = self.results[call.number].state == "Completed"
                self._roots[call.number] = frozenset() if is_well else frozenset({call.number})
                if call.is_awaited:
                    seen.add(call.number)
                else:
                    held.add(call.number)
            else:
                seen |= self._of_task(call, held)
                if (
                    not call.mapped or call.number == call.mapped[-1]
                ):  # a mapped list is held when it is whole
                    held |= {call.number, *call.mapped}
        looked_at = {n for n, look in plan.looks.items() if look is Look.AWAIT and n in held}
        seen = seen.union(*(self._roots[number] for number in looked_at))
        self.results[plan.number] = self._end_of(plan, held, seen)
        return self.results

    def _of_task(self, call: PlannedTask, held: set[int]) -> set[int]:
        """The result of a task, and those of the tasks that it calls; which failures are seen by that."""
        seen: set[int] = set()
        for upstream in call.tolerated:
            if upstream in held:
                seen |= self._roots[upstream]
        upstreams = [n for n in (*call.upstreams, *call.after) if n in held]
        roots = frozenset[int]().union(*(self._roots[number] for number in upstreams))
        if call.number in self._cancelled:
            self._set(call, Result("Cancelled", "cancelled"), frozenset({call.number}))
        elif roots:
            self._set(call, Result("UpstreamFailed", "upstream failed"), roots)
        else:
            for child in call.children:
                seen |= self._of_task(child, set())
            seen = seen.union(*(self._roots[number] for number in call.awaited))
            if call.fails > call.retries:
                self._set(call, Result("Failed", call.number), frozenset({call.number}))
            else:
                self._set(call, Result("Completed", ("value of", call.number)), frozenset())
        return seen

    def _set(self, call: PlannedTask, result: Result, roots: frozenset[int]) -> None:
        self.results[call.number] = result
        self._roots[call.number] = roots

    def _end_of(self, plan: PlannedFlow, held: set[int], seen: set[int]) -> Result:
        if plan.fails:
            return Result("Failed", plan.number)
        returned = [number for number in plan.returned if number in held]
        bad = [number for number in returned if self._roots[number]]
        told = seen.union(*(self._roots[number] for number in bad))
        failed = {n for n, roots in self._roots.items() if n in roots and self.results[n].state == "Failed"}
        ids = {*(failed - told), *bad}
        if not ids:
            return Result("Completed", [self.results[number].outcome for number in returned])
        if len(ids) == 1 and bad:
            return Result("Failed", self.results[bad[0]].outcome)
        return Result("Failed", frozenset(self.results[number].outcome for number in ids))
