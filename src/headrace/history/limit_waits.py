"""Who waits for room in which limits, and who has it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from headrace.clock import now_us
from headrace.engine.leases import NO_LIMIT
from headrace.errors import RunNotFoundError
from headrace.history.lease_book import read_demand

if TYPE_CHECKING:
    from collections.abc import Mapping

    from headrace.engine.leases import Claim, Demand, Limit
    from headrace.history.reader import Reader, Run


class LimitWait(NamedTuple):
    """Somebody who waits, for which limits, and who has the slots of these.

    Each is known by the id of a flow run, by ``<id>/<number>`` if it is a task run, or by ``process <pid>`` outside both.
    """

    who: str
    limits: tuple[str, ...]
    held_by: tuple[str, ...]

    @property
    def flow_run(self) -> str:
        """The id of the flow run that waits, or whose task run does."""
        return self.who.partition("/")[0]


def limit_waits(reader: Reader) -> list[LimitWait]:
    """All who wait, in the order of asking."""
    leases = reader.ask("list_leases", {})
    waiting = [(who, text) for who, text, is_granted in leases if not is_granted]
    if not waiting:
        return []
    demands = {text: read_demand(text) for _, text, _ in leases}
    held: dict[str, int] = {}
    holders: dict[str, list[str]] = {}
    for who, text, is_granted in leases:
        for name, claim in demands[text].items() if is_granted else ():
            held[name] = held.get(name, 0) + claim.slots
            holders.setdefault(name, []).append(who)
    limits = reader.limits()
    lacking = {text: _lacking(demands[text], limits, held) for _, text in waiting}
    held_by = {
        text: tuple(dict.fromkeys([who for name in names for who in holders.get(name, ())]))
        for text, names in lacking.items()
    }
    return [LimitWait(who, lacking[text], held_by[text]) for who, text in waiting]


class WaitOfRun(NamedTuple):
    """Those of one flow run that wait for the same limits, held by the same."""

    who: list[str]
    limits: tuple[str, ...]
    held_by: tuple[str, ...]


def waits_of_run(reader: Reader, run: Run) -> list[WaitOfRun]:
    """Who of the flow run waits, in the order of asking; those that are alike together."""
    alike: dict[tuple[tuple[str, ...], tuple[str, ...]], list[str]] = {}
    for wait in limit_waits(reader):
        if wait.flow_run == run.id:
            alike.setdefault((wait.limits, wait.held_by), []).append(wait.who)
    return [WaitOfRun(who, limits, held_by) for (limits, held_by), who in alike.items()]


def name_of(reader: Reader, run: Run, who: str) -> str:
    """Who waits or holds, as it is called from this flow run: ``query-2``, ``the flow itself``, ``query-1 of brisk-otter``."""
    id_, number = place_of(who)
    if id_ is None:
        return who
    try:
        if id_ == run.id:
            return "the flow itself" if number is None else reader.get_task_run(run, number).name
        other = reader.get_run(id_)
        return other.name if number is None else f"{reader.get_task_run(other, number).name} of {other.name}"
    except RunNotFoundError:  # a run that was just deleted, or a task run that was just called
        return f"task run {number}" if id_ == run.id else who


def place_of(who: str) -> tuple[str | None, int | None]:
    """The id of the flow run and the number of the task run that waits or holds, as far as it is one."""
    id_, _, number = who.partition("/")
    if id_.startswith("process "):
        return None, None
    return id_, int(number) if number else None


def _lacking(demand: Demand, limits: Mapping[str, Limit], held: Mapping[str, int]) -> tuple[str, ...]:
    """The limits that have no room for the demand; all of them where it only stands behind others in the line."""
    limited = [name for name, claim in demand.items() if name in limits or claim.most is not None]
    full = [
        name for name in limited if not _has_room(demand[name], limits.get(name, NO_LIMIT), held.get(name, 0))
    ]
    return tuple(full or limited)


def _has_room(claim: Claim, limit: Limit, held: int) -> bool:
    return not limit.lacks_slots(claim, held) and not limit.allowed_at_us(claim.tokens, now_us())
