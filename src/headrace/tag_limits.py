"""The step of the admission desk that keeps task runs to the limits of their tags.

A run asks for one slot, and one token, of each of its tags that has a limit. It holds the slots while an attempt of it is with
the task runner, and gives them back between two attempts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.engine.events import AdmissionDelayed
from headrace.engine.leases import Claim, is_limited
from headrace.errors import HistoryError
from headrace.logging import log_defect

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from headrace.engine.leases import Demand, Limit
    from headrace.history import History, Reader
    from headrace.history.lease_desk import Lease
    from headrace.task_runners.call import Call, FoundValue

_ONE = Claim(slots=1, tokens=1)


class TagLimits:
    """Asks the lease desk, on which nobody waits here. ``put`` has something done by the admission desk's thread."""

    def __init__(self, history: History, put: Callable[[Callable[[], None]], None]) -> None:
        self._history = history
        self._put = put
        self._leases: dict[Call, Lease] = {}
        self._reader: Reader | None = None

    def concerns(self, call: Call) -> bool:
        """Whether it has tags."""
        return bool(call.tags)

    def receive(self, call: Call, go_on: Callable[[], None]) -> None:
        """Have the run go on when there is room in all of its limits."""
        demand = self._demand_of(call)
        if not is_limited(demand, self._limits()):
            go_on()
            return
        is_new = call not in self._leases
        lease = self._history.lease_desk.ask(
            demand,
            f"{call.flow_run_id}/{call.id}",
            when_waiting=lambda names: self._tell(call, names),
        )
        self._leases[call] = lease
        if is_new:
            call.add_done_callback(lambda: self._put(lambda: self._forget(call)))
        lease.add_done_callback(lambda: self._put(lambda: self._pass(call, lease, go_on)))

    def glance(self, call: Call) -> FoundValue | None:
        """A limit gives no value."""

    def take_back(self, call: Call) -> None:
        """An attempt of the run has ended: its slots go to others."""
        lease = self._leases.get(call)
        if lease is not None:
            self._history.lease_desk.end(lease)

    def tend(self) -> float | None:
        """The lease desk sees to those who wait."""
        return None

    def leases_of(self, call: Call) -> list[Lease]:
        """What the run and its callers hold at present. Any thread may ask."""
        leases = [self._leases.get(run) for run in (call, *call.driver.callers_of(call))]
        return [lease for lease in leases if lease is not None and not lease.is_ended]

    def close(self) -> None:
        """Give the connection back by which limits are looked up."""
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def _limits(self) -> Mapping[str, Limit]:
        if self._reader is None:
            self._reader = self._history.reader()
        return self._reader.limits()

    def _demand_of(self, call: Call) -> Demand:
        """What a caller holds its children need not ask for: it waits for them."""
        held: set[str] = set()
        for caller in call.driver.callers_of(call):
            lease = self._leases.get(caller)
            if lease is not None:
                held.update(lease.demand)
        return {tag: _ONE for tag in call.tags if tag not in held}

    def _tell(self, call: Call, names: list[str]) -> None:
        reason = f"waits for limit {', '.join(names)}"
        call.driver.post(AdmissionDelayed(call.id, call.driver.now_us(), reason))

    def _pass(self, call: Call, lease: Lease, go_on: Callable[[], None]) -> None:
        if isinstance(lease.error, HistoryError):  # as for everything else: runs go on without it
            log_defect(f"{call.display_name}: its limits cannot be kept, so it goes on without", lease.error)
        if call.is_done:
            self._history.lease_desk.end(lease)
        else:
            go_on()

    def _forget(self, call: Call) -> None:
        lease = self._leases.pop(call, None)
        if lease is not None:
            self._history.lease_desk.end(lease)
