"""1,000 calls of a cached task whose value is known, each collected at once: in the process that computed it.

Baseline: the same calls of a dict lookup by the digest of a pickle, as one would write a cache by hand, without a history.
It has no target: it is the price of working out a key at all.
"""

from __future__ import annotations

import pickle
from hashlib import blake2b
from typing import Any

from benchmarks.measuring import Clock, Row, Session, fresh_history
from headrace import INPUTS, flow, task


@task(cache_policy=INPUTS)
def square(number: int) -> int:
    return number * number


@flow
def hit(count: int) -> float:
    square(7).result()
    with Clock() as clock:
        for _ in range(count):
            square(7).result()
    return clock.seconds / count * 1e6


def measure(session: Session) -> list[Row]:
    count = session.size(1000, 5)

    def ours() -> dict[str, float]:
        with fresh_history():
            return {"hit": hit(count)}

    def baseline() -> dict[str, float]:
        known: dict[bytes, bytes] = {}

        def lookup(arguments: dict[str, Any]) -> Any:
            key = blake2b(pickle.dumps(arguments), digest_size=16).digest()
            if key not in known:
                known[key] = pickle.dumps(arguments["number"] ** 2)
            return pickle.loads(known[key])

        with Clock() as clock:
            for _ in range(count):
                lookup({"number": 7})
        return {"lookup": clock.seconds / count * 1e6}

    samples = session.take_turns(ours, baseline, rounds=9)
    return [
        Row(
            what=f"a cache hit, {count:,} in a row",
            unit="µs",
            ours=samples["hit"],
            baseline=samples["lookup"],
            baseline_is="a dict of pickles",
            ours_allowed=50.0,
        )
    ]
