"""Leases are granted in the order of asking, never more than there is, and nobody waits without need."""

from __future__ import annotations

from collections import defaultdict

import pytest
from hypothesis import given, strategies as st

from headrace.engine.leases import (
    Claim,
    Demand,
    Grants,
    Limit,
    Waiting,
    grant,
    is_limited,
    why_never,
    why_not_for,
)

ONE = Claim(slots=1)
SECOND_US = 1_000_000


def decide(
    demands: list[Demand], limits: dict[str, Limit], held: dict[str, int] | None = None, now_us: int = 0
) -> Grants:
    queues: dict[str, list[Waiting]] = defaultdict(list)
    for key, demand in enumerate(demands, start=1):
        queues[repr(sorted(demand.items()))].append(Waiting(key, demand))
    return grant(queues.values(), limits=limits, held=held or {}, now_us=now_us)


def test_as_many_go_on_as_there_are_free_slots_the_first_ones_first() -> None:
    assert decide([{"db": ONE}] * 5, {"db": Limit(slots=3)}, held={"db": 1}).keys == (1, 2)


def test_without_a_limit_everybody_goes_on() -> None:
    assert decide([{"db": ONE}] * 3, {}).keys == (1, 2, 3)


def test_where_no_limit_is_set_the_program_says_how_many_slots_there_are() -> None:
    assert decide([{"db": Claim(slots=1, most=2)}] * 3, {}).keys == (1, 2)


def test_a_limit_that_is_set_wins_over_what_the_program_says() -> None:
    assert decide([{"db": Claim(slots=1, most=2)}] * 9, {"db": Limit(slots=5)}).keys == (1, 2, 3, 4, 5)


def test_a_limit_of_0_lets_nobody_go_on() -> None:
    assert decide([{"db": ONE}], {"db": Limit(slots=0)}).keys == ()


def test_who_wants_more_than_is_free_is_not_overtaken_by_one_that_wants_less() -> None:
    demands: list[Demand] = [{"db": Claim(slots=3)}, {"db": ONE}]

    assert decide(demands, {"db": Limit(slots=3)}, held={"db": 1}).keys == ()
    assert decide(demands, {"db": Limit(slots=3)}).keys == (1,)


def test_who_wants_two_limits_gets_both_or_waits_and_holds_up_nobody_who_wants_another() -> None:
    demands: list[Demand] = [{"db": ONE, "api": ONE}, {"api": ONE}, {"api": ONE}]
    limits = {"db": Limit(slots=1), "api": Limit(slots=2)}

    assert decide(demands, limits).keys == (1, 2)
    assert decide(demands, limits, held={"db": 1}).keys == (
        2,
    )  # the other slot of `api` is kept for the first


def test_only_the_first_of_those_that_wait_for_a_limit_keeps_others_for_itself() -> None:
    both: Demand = {"db": ONE, "api": ONE}
    demands: list[Demand] = [both, both, both, {"api": ONE}, {"api": ONE}]

    assert decide(demands, {"db": Limit(slots=1), "api": Limit(slots=3)}, held={"db": 1}).keys == (4, 5)


def test_of_a_queue_no_more_is_read_than_can_go_on() -> None:
    read = []

    def queue() -> object:
        for key in range(1, 10_000):
            read.append(key)
            yield Waiting(key, {"db": ONE})

    grants = grant([queue()], limits={"db": Limit(slots=2)}, held={}, now_us=0)  # type: ignore[list-item]

    assert grants.keys == (1, 2)
    assert read == [1, 2, 3]


# Tokens


def tokens(count: int = 1) -> Demand:
    return {"mails": Claim(tokens=count)}


def test_a_full_bucket_lets_as_many_begin_as_it_holds_and_then_one_after_another() -> None:
    limit = Limit(rate=4, period_us=SECOND_US)
    first = decide([tokens()] * 6, {"mails": limit}, now_us=10 * SECOND_US)

    assert first.keys == (1, 2, 3, 4)
    assert first.again_us == 10 * SECOND_US + SECOND_US // 4
    limit = limit._replace(full_at_ns=first.full_at_ns["mails"])
    assert decide([tokens()] * 2, {"mails": limit}, now_us=first.again_us - 1).keys == ()
    assert decide([tokens()] * 2, {"mails": limit}, now_us=first.again_us).keys == (1,)


def test_several_tokens_are_taken_at_once() -> None:
    limit = Limit(rate=10, period_us=SECOND_US)

    assert decide([tokens(6), tokens(6), tokens()], {"mails": limit}, now_us=SECOND_US).keys == (1,)


def test_a_limit_may_have_slots_and_a_rate() -> None:
    limits = {"api": Limit(slots=2, rate=3, period_us=SECOND_US)}
    demands: list[Demand] = [{"api": Claim(slots=1, tokens=1)}] * 4

    assert decide(demands, limits, now_us=SECOND_US).keys == (1, 2)
    assert decide(demands, limits, held={"api": 2}, now_us=SECOND_US).again_us is None


def test_the_next_look_is_when_the_first_token_comes() -> None:
    limits = {
        "slow": Limit(rate=1, period_us=3600 * SECOND_US),
        "fast": Limit(rate=1, period_us=SECOND_US),
        "slowest": Limit(rate=1, period_us=7200 * SECOND_US),
    }
    demands: list[Demand] = [
        {name: Claim(tokens=1)} for name in ("slow", "fast", "slowest") for _ in range(2)
    ]

    assert decide(demands, limits, now_us=SECOND_US).again_us == 2 * SECOND_US


@given(
    rate=st.integers(1, 50),
    period_us=st.sampled_from([SECOND_US, 60 * SECOND_US]),
    pauses=st.lists(st.integers(0, 300_000), min_size=1, max_size=60),
)
def test_of_a_rate_never_more_begin_than_the_bucket_held_and_what_came_in_since(
    rate: int, period_us: int, pauses: list[int]
) -> None:
    limit = Limit(rate=rate, period_us=period_us)
    now_us = 1_700_000_000 * SECOND_US
    begun: list[int] = []
    for pause in pauses:
        now_us += pause
        while (grants := decide([tokens()], {"mails": limit}, now_us=now_us)).keys:
            limit = limit._replace(full_at_ns=grants.full_at_ns["mails"])
            begun.append(now_us)
    for first, earlier_us in enumerate(begun):
        for last in range(first, len(begun)):
            span_us = begun[last] - earlier_us
            assert last - first + 1 <= rate + span_us * rate / period_us + 1e-6


NAMES = st.sampled_from(["a", "b", "c"])


@given(
    demands=st.lists(st.dictionaries(NAMES, st.integers(1, 2).map(Claim), min_size=1), max_size=12),
    limits=st.dictionaries(NAMES, st.integers(0, 4).map(Limit)),
    held=st.dictionaries(NAMES, st.integers(0, 3)),
)
def test_no_limit_is_broken_and_the_first_who_waits_lacks_something(
    demands: list[Demand], limits: dict[str, Limit], held: dict[str, int]
) -> None:
    granted = decide(demands, limits, held).keys
    in_use = dict(held)
    for key in granted:
        for name, claim in demands[key - 1].items():
            in_use[name] = in_use.get(name, 0) + claim.slots
    for key in granted:
        for name in demands[key - 1]:
            slots = limits.get(name, Limit()).slots
            assert slots is None or in_use[name] <= slots
    waiting = [key for key in range(1, len(demands) + 1) if key not in granted]
    if waiting:
        first = demands[waiting[0] - 1]
        before = dict(held)
        for key in granted:
            if key < waiting[0]:
                for name, claim in demands[key - 1].items():
                    before[name] = before.get(name, 0) + claim.slots
        lacking = [
            name
            for name, claim in first.items()
            if (slots := limits.get(name, Limit()).slots) is not None
            and before.get(name, 0) + claim.slots > slots
        ]
        assert lacking


@pytest.mark.parametrize(
    ("demand", "limits", "expected"),
    [
        ({"db": Claim(slots=3)}, {"db": Limit(slots=3)}, None),
        ({"db": Claim(slots=3)}, {}, None),
        ({"db": ONE}, {"db": Limit(slots=0)}, None),
        (
            {"db": Claim(slots=4)},
            {"db": Limit(slots=3)},
            "4 slots of limit 'db' are asked for, and there are 3",
        ),
        (
            tokens(5),
            {"mails": Limit(rate=4)},
            "5 tokens of limit 'mails' are asked for, and its bucket holds 4",
        ),
    ],
)
def test_what_there_will_never_be_room_for_is_said_at_once(
    demand: Demand, limits: dict[str, Limit], expected: str | None
) -> None:
    assert why_never(demand, limits) == expected


def test_what_nobody_has_limited_keeps_nobody_waiting() -> None:
    assert not is_limited({"db": ONE}, {"api": Limit(slots=1)})
    assert is_limited({"db": ONE, "api": ONE}, {"api": Limit(slots=1)})
    assert is_limited({"db": Claim(slots=1, most=2)}, {})


@pytest.mark.parametrize(
    ("own", "limits", "waits_for_itself"),
    [
        ({}, {"db": Limit(slots=1)}, False),
        ({"db": 1}, {}, False),
        ({"db": 1}, {"db": Limit(slots=2)}, False),
        ({"db": 1}, {"db": Limit(slots=1)}, True),
        ({"mails": 1}, {"db": Limit(slots=1)}, False),
        ({"db": 1}, {"db": Limit(slots=0)}, False),  # a pause, which ends
    ],
)
def test_who_holds_all_that_there_is_would_wait_for_itself(
    own: dict[str, int], limits: dict[str, Limit], waits_for_itself: bool
) -> None:
    why = why_not_for(own, {"db": Claim(slots=1)}, limits)

    assert (why is not None) is waits_for_itself


def test_who_asks_for_no_slots_does_not_wait_for_itself() -> None:
    assert why_not_for({"db": 1}, {"db": Claim(tokens=1)}, {"db": Limit(slots=1)}) is None
