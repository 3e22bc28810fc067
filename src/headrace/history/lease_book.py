"""Limits and leases in the database: who holds what, who waits, who goes on next.

What is decided here is decided in one transaction, whichever process does it: so a limit holds across all of them. Nothing
here waits; one caller at a time.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, NamedTuple

from headrace.clock import now_us
from headrace.engine.leases import Claim, Limit, Waiting, grant, why_never
from headrace.history.database import IN_MEMORY, explain, open_database
from headrace.history.rescuer import find_gone, rescue
from headrace.history.statements import statement

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager
    from typing import Any

    from headrace.engine.leases import Demand, Grants
    from headrace.history.database import Database


class LeaseRequest(NamedTuple):
    """Somebody wants a lease; ``holder`` is what a person knows it by."""

    demand: Demand
    holder: str


class Exchange(NamedTuple):
    """What came of one transaction."""

    keys: tuple[int | str, ...]
    """Those of the new leases, in the order of the requests; a text says why one cannot be."""
    held: frozenset[int]
    """All that this process holds now."""
    again_us: int | None
    """When a token will be there that somebody waits for."""


class LimitInUse(NamedTuple):
    """A limit, and how much of it is in use. ``is_set`` is false for one that only a program knows."""

    name: str
    limit: Limit
    is_set: bool
    held: int
    waiting: int


class LeaseBook:
    """The limits and leases of one history, as one process sees them."""

    def __init__(
        self, database: Database, process: int, guard: AbstractContextManager[Any], *, is_own: bool
    ) -> None:
        """``guard`` is held while the connection is used; one that is not the book's own stays open."""
        self._database = database
        self._connection = database.connection
        self._process = process
        self._guard = guard
        self._is_own = is_own
        self._seen_version = self._limits_version = -1
        self._limits: dict[str, Limit] = {}

    def close(self) -> None:
        """Gives the connection back."""
        if self._is_own:
            self._database.close()

    def exchange(self, requests: Sequence[LeaseRequest], ended: Sequence[int]) -> Exchange:
        """Takes leases back, notes new ones, and grants whatever can be granted now, to whichever process."""
        at_us = now_us()
        with self._transaction():
            self._connection.executemany(statement("end_lease"), [(key,) for key in ended])
            limits = read_limits(self._connection)
            keys = [why_never(request.demand, limits) or self._ask(request, at_us) for request in requests]
            again_us = self._grant(at_us)
            return Exchange(tuple(keys), self._held_here(), again_us)

    def has_news(self) -> bool:
        """Whether another connection has written since this was asked last."""
        with self._guard:
            version: int = self._connection.execute("PRAGMA data_version").fetchone()[0]
        is_new = version != self._seen_version
        self._seen_version = version
        return is_new

    def look(self) -> Exchange | None:
        """What this process holds, and when to look again; ``None`` if there is something to grant. Writes nothing."""
        with self._guard:
            grants = self._decide(now_us())
            return None if grants.keys else Exchange((), self._held_here(), grants.again_us)

    def limits(self) -> dict[str, Limit]:
        """The limits that are set, read anew only if somebody has written since."""
        with self._guard:
            version: int = self._connection.execute("PRAGMA data_version").fetchone()[0]
            if version != self._limits_version:
                self._limits = read_limits(self._connection)
                self._limits_version = version
        return self._limits

    def end_those_of_the_dead(self) -> bool:
        """Ends the leases of processes that are gone: whether there were any."""
        with self._guard:
            if not find_gone(self._connection, self._process):
                return False
            rescue(self._database, self._process)
            return True

    def _ask(self, request: LeaseRequest, at_us: int) -> int:
        values = {
            "process": self._process,
            "demand": demand_text(request.demand),
            "holder": request.holder,
            "at_us": at_us,
        }
        key = self._connection.execute(statement("ask_for_lease"), values).lastrowid
        assert key is not None
        return key

    def _grant(self, at_us: int) -> int | None:
        grants = self._decide(at_us)
        self._connection.executemany(statement("grant_lease"), [(at_us, key) for key in grants.keys])
        self._connection.executemany(
            statement("empty_bucket"), [(full_at_ns, name) for name, full_at_ns in grants.full_at_ns.items()]
        )
        return grants.again_us

    def _decide(self, at_us: int) -> Grants:
        demands = self._connection.execute(statement("list_demands_that_wait")).fetchall()
        return grant(
            [self._waiting(text) for (text,) in demands],
            limits=read_limits(self._connection),
            held=total(self._connection.execute(statement("count_leases_held"))),
            now_us=at_us,
        )

    def _waiting(self, text: str) -> Iterator[Waiting]:
        demand = read_demand(text)
        for (key,) in self._connection.execute(statement("list_leases_that_wait"), (text,)):
            yield Waiting(key, demand)

    def _held_here(self) -> frozenset[int]:
        rows = self._connection.execute(statement("list_leases_granted"), (self._process,)).fetchall()
        return frozenset([key for (key,) in rows])

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._guard, self._database.lock or nullcontext():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise


# -- limits, as a person sets them -----------------------------------------------------------------


def list_limits(connection: sqlite3.Connection) -> list[LimitInUse]:
    """Every limit that is set or used, by name."""
    limits = read_limits(connection)
    held = total(connection.execute(statement("count_leases_held")))
    waiting: dict[str, int] = {}
    in_code: dict[str, Limit] = {}
    for counted in ("count_leases_held", "count_leases_that_wait"):
        for text, count in connection.execute(statement(counted)):
            for name, claim in read_demand(text).items():
                in_code.setdefault(name, Limit(slots=claim.most))
                if counted == "count_leases_that_wait":
                    waiting[name] = waiting.get(name, 0) + count
    known = {name: limit for name, limit in in_code.items() if limit.slots is not None} | limits
    return [
        LimitInUse(name, known[name], name in limits, held.get(name, 0), waiting.get(name, 0))
        for name in sorted(known)
    ]


def set_slots(location: str, name: str, slots: int) -> None:
    """From now on at most so many are held at once; 0 lets none begin. Raises ``HistoryError``."""
    _write(location, "set_slots", {"name": name, "slots": slots})


def set_rate(location: str, name: str, rate: int, period_us: int) -> None:
    """From now on at most so many begin in a period. Raises ``HistoryError``."""
    _write(location, "set_rate", {"name": name, "rate": rate, "period_us": period_us})


def clear_limit(location: str, name: str) -> bool:
    """Takes a limit away; whether there was one. Raises ``HistoryError``."""
    return _write(location, "clear_limit", (name,)) > 0


def _write(location: str, name: str, values: Mapping[str, object] | tuple[object, ...]) -> int:
    assert location != IN_MEMORY
    database = open_database(location)
    try:
        assert database.lock is not None
        with database.lock:
            return database.connection.execute(statement(name), values).rowcount
    except sqlite3.Error as error:
        raise explain(error, database.path) from error
    finally:
        database.close()


# -- rows and values -------------------------------------------------------------------------------


def read_limits(connection: sqlite3.Connection) -> dict[str, Limit]:
    """The limits that are set, by name."""
    rows = connection.execute(statement("list_limits")).fetchall()
    return {
        name: Limit(slots, rate, period_us or 0, full_at) for name, slots, rate, period_us, full_at in rows
    }


def demand_text(demand: Demand) -> str:
    """The demand as JSON, equal for equal ones.

    >>> demand_text({"b": Claim(slots=1), "a": Claim(tokens=2)})
    '{"a":[0,null,2],"b":[1,null,0]}'
    """
    return json.dumps({name: demand[name] for name in sorted(demand)}, separators=(",", ":"))


def read_demand(text: str) -> Demand:
    """What ``demand_text`` has written."""
    return {name: Claim(*claim) for name, claim in json.loads(text).items()}


def total(counts: Iterable[tuple[str, int]]) -> dict[str, int]:
    """How many slots of each name that are, by the counts of demands."""
    slots: dict[str, int] = {}
    for text, count in counts:
        for name, claim in read_demand(text).items():
            slots[name] = slots.get(name, 0) + claim.slots * count
    return slots
