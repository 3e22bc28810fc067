"""10,000 tasks one after another, each taking the last one's future, against the same number side by side.

Both are ours: the same task of one number, in a flow on the default runner with its history on disk. The chain hands
each future to the next call and takes ``result()`` of the last; the fan-out hands over numbers and takes ``result()`` of
each. The figure is the time until then, inside the flow; the whole flow calls are in the raw samples.
"""

from __future__ import annotations

from typing import Any

from benchmarks.fan_out import give_back_task, run_recorded
from benchmarks.measuring import Clock, Row, Session, check_recorded, fresh_history
from headrace import flow


def measure(session: Session) -> list[Row]:
    count = session.size(10_000, 50)
    numbers = [(number,) for number in range(count)]

    def ours() -> dict[str, float]:
        collected, whole = run_chain(count)
        return {"chain": collected / count * 1e6, "chain_whole": whole / count * 1e6}

    def baseline() -> dict[str, float]:
        collected, whole = run_recorded(give_back_task, numbers)
        return {"fan_out": collected / count * 1e6, "fan_out_whole": whole / count * 1e6}

    samples = session.take_turns(ours, baseline, rounds=7)
    return [
        Row(
            what=f"chain of {count:,} tasks",
            unit="µs a task",
            ours=samples["chain"],
            baseline=samples["fan_out"],
            baseline_is="our fan-out",
            ratio_allowed=1.5,
            others={name: samples[name] for name in ("chain_whole", "fan_out_whole")},
        )
    ]


def run_chain(count: int) -> tuple[float, float]:
    """Seconds until the last future was collected, and until the flow call ended. Checks the rows on disk."""
    collected = Clock()

    @flow
    def chain() -> None:
        with collected:
            last: Any = 0
            for _ in range(count):
                last = give_back_task(last)
            last.result()

    with fresh_history() as path:
        with Clock() as whole:
            chain()
        check_recorded(path, count)
    return collected.seconds, whole.seconds
