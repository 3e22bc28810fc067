"""Who may go on: leases on limits, granted in the order of asking. Pure values and one decision.

A *limit* says how many slots of a name may be held at once, or how many tokens of it may be taken in a period. A *lease*
demands slots or tokens of one limit or of several, and gets all of them at once or waits.
"""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_NS_PER_US = 1000


class Claim(NamedTuple):
    """What a lease demands of one limit.

    ``most`` is how many slots there are where nobody has set a limit of that name; ``None`` is any number.
    """

    slots: int = 0
    most: int | None = None
    tokens: int = 0


class Limit(NamedTuple):
    """What was set for a name; ``None`` is any number.

    A bucket of ``rate`` tokens fills up again in ``period_us``, each token after as long as any other. All that is kept
    of it is when it will be full: taking tokens moves that on, and it may never lie more than a period ahead.
    """

    slots: int | None = None
    rate: int | None = None
    period_us: int = 0
    full_at_ns: int = 0

    def slots_for(self, claim: Claim) -> int | None:
        """How many slots there are, as it was set, or else as the claim says; ``None`` is any number."""
        return claim.most if self.slots is None else self.slots

    def lacks_slots(self, claim: Claim, held: int) -> bool:
        """Whether there are too few slots for the claim beside those that are held."""
        most = self.slots_for(claim)
        return bool(claim.slots) and most is not None and held + claim.slots > most

    @property
    def token_ns(self) -> int:
        """How long it takes for a token to come back, rounded up: never are there more than was set."""
        assert self.rate is not None
        return -(-self.period_us * _NS_PER_US // self.rate)

    def full_at_after(self, tokens: int, now_us: int) -> int:
        """When the bucket will be full, if so many tokens are taken now."""
        return max(self.full_at_ns, now_us * _NS_PER_US) + tokens * self.token_ns

    def allowed_at_us(self, tokens: int, now_us: int) -> int:
        """From when on there are so many tokens in the bucket, if nobody else takes any; 0 if there are now."""
        if self.rate is None or tokens == 0:
            return 0
        room_ns = self.rate * self.token_ns
        allowed_ns = self.full_at_after(tokens, now_us) - room_ns
        return 0 if allowed_ns <= now_us * _NS_PER_US else -(-allowed_ns // _NS_PER_US)


NO_LIMIT = Limit()

Demand = dict[str, Claim]


class Waiting(NamedTuple):
    """A lease that waits. Keys grow in the order of asking."""

    key: int
    demand: Demand


def is_limited(demand: Demand, limits: Mapping[str, Limit]) -> bool:
    """Whether anything that is demanded has a limit at all.

    >>> is_limited({"db": Claim(slots=1)}, {}), is_limited({"db": Claim(slots=1, most=3)}, {})
    (False, True)
    """
    return any(name in limits or claim.most is not None for name, claim in demand.items())


def why_never(demand: Demand, limits: Mapping[str, Limit]) -> str | None:
    """Why there will never be room for the demand, unless somebody raises a limit; ``None`` if there may be.

    A limit of 0 slots is a pause, and not the place to refuse anybody.

    >>> why_never({"db": Claim(slots=3)}, {"db": Limit(slots=2)})
    "3 slots of limit 'db' are asked for, and there are 2"
    """
    for name, claim in demand.items():
        limit = limits.get(name, NO_LIMIT)
        if limit.slots and claim.slots > limit.slots:
            return f"{claim.slots} slots of limit {name!r} are asked for, and there are {limit.slots}"
        if limit.rate is not None and claim.tokens > limit.rate:
            return f"{claim.tokens} tokens of limit {name!r} are asked for, and its bucket holds {limit.rate}"
    return None


def why_not_for(own: Mapping[str, int], demand: Demand, limits: Mapping[str, Limit]) -> str | None:
    """Why who holds so many slots of its ``own`` would wait for itself if it asked for these; ``None`` if it would not.

    >>> two = {"db": Limit(slots=2)}
    >>> [why_not_for({"db": held}, {"db": Claim(slots=1)}, two) is None for held in (0, 1, 2)]
    [True, True, False]
    """
    for name, claim in demand.items():
        limit, held = limits.get(name, NO_LIMIT), own.get(name, 0)
        most = limit.slots_for(claim)
        if held and most and limit.lacks_slots(claim, held):
            return (
                f"Limit {name}: code that holds {held} of {most} slots, by a block round it or a tag of its task, "
                f"asks for {claim.slots} more: it would wait for itself for ever. Ask in one place only."
            )
    return None


class Grants(NamedTuple):
    """What was decided: which leases go on, how full the buckets are then, and when to decide again at the latest."""

    keys: tuple[int, ...]
    full_at_ns: Mapping[str, int]
    again_us: int | None
    """``None``: not before somebody asks, gives back, or sets a limit."""


def grant(
    queues: Iterable[Iterable[Waiting]],
    *,
    limits: Mapping[str, Limit],
    held: Mapping[str, int],
    now_us: int,
) -> Grants:
    """Which of those that wait may go on now. In a queue are leases of the same demand, in the order of asking.

    Invariant: a lease never waits for one that asked later. The first one that waits for a limit has what else it
    demands kept for it; others behind it may have what it does not demand. Of a queue no more is read than can go on.

    >>> a, b = (Waiting(key, {"db": Claim(slots=1)}) for key in (1, 2))
    >>> grant([[a, b]], limits={"db": Limit(slots=1)}, held={}, now_us=0).keys
    (1,)
    """
    ledger = _Ledger(limits, held, now_us)
    for lease, rest, heads in _in_order_of_asking(queues):
        if ledger.take(lease):
            _push(heads, rest)
    return Grants(tuple(ledger.granted), ledger.full_at_ns, ledger.again_us)


_Heads = list[tuple[int, Waiting, "Iterator[Waiting]"]]


def _in_order_of_asking(
    queues: Iterable[Iterable[Waiting]],
) -> Iterator[tuple[Waiting, Iterator[Waiting], _Heads]]:
    """The first of each queue, in order; who takes one pushes the rest of its queue for the next."""
    heads: _Heads = []
    for queue in queues:
        _push(heads, iter(queue))
    while heads:
        _, lease, rest = heapq.heappop(heads)
        yield lease, rest, heads


def _push(heads: _Heads, queue: Iterator[Waiting]) -> None:
    lease = next(queue, None)
    if lease is not None:
        heapq.heappush(heads, (lease.key, lease, queue))


class _Ledger:
    """What is left of the limits while it is decided."""

    def __init__(self, limits: Mapping[str, Limit], held: Mapping[str, int], now_us: int) -> None:
        self._limits = dict(limits)
        self._held = dict(held)
        self._now_us = now_us
        self._awaited: set[str] = set()
        self.granted: list[int] = []
        self.full_at_ns: dict[str, int] = {}
        self.again_us: int | None = None

    def take(self, lease: Waiting) -> bool:
        """Whether the lease goes on; the first one that waits for a limit has the rest of its demand kept."""
        lacking = {name for name, claim in lease.demand.items() if self._is_lacking(name, claim)}
        if not lacking:
            self._hold(lease.demand)
            self._take_tokens(lease.demand)
            self.granted.append(lease.key)
            return True
        if not lacking <= self._awaited:
            self._awaited |= lacking
            self._hold({name: claim for name, claim in lease.demand.items() if name not in lacking})
        return False

    def _is_lacking(self, name: str, claim: Claim) -> bool:
        if name in self._awaited:
            return True
        limit = self._limits.get(name, NO_LIMIT)
        if limit.lacks_slots(claim, self._held.get(name, 0)):
            return True
        allowed_us = limit.allowed_at_us(claim.tokens, self._now_us)
        if allowed_us:
            self.again_us = allowed_us if self.again_us is None else min(self.again_us, allowed_us)
        return bool(allowed_us)

    def _hold(self, demand: Demand) -> None:
        for name, claim in demand.items():
            self._held[name] = self._held.get(name, 0) + claim.slots

    def _take_tokens(self, demand: Demand) -> None:
        for name, claim in demand.items():
            limit = self._limits.get(name, NO_LIMIT)
            if claim.tokens and limit.rate is not None:
                full_at_ns = limit.full_at_after(claim.tokens, self._now_us)
                self.full_at_ns[name] = full_at_ns
                self._limits[name] = limit._replace(full_at_ns=full_at_ns)
