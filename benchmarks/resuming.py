"""A flow run of 10,000 finished task runs, resumed: all of them replayed from the file, against the run itself.

The flow calls a task of one number 10,000 times and takes ``result()`` of every future; then it raises, in its first epoch.
Ours: ``flow.resume``, which claims the run, reads what the history has of it, recognises every call, gives its value again,
and ends when the last row is on disk. Baseline: the first call of the same flow, history included.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.measuring import Clock, Row, Session, check_recorded, fresh_history
from headrace import flow, task

if TYPE_CHECKING:
    from headrace.futures import FlowRunFuture


class NotYetError(Exception):
    """Ends the first epoch."""


def measure(session: Session) -> list[Row]:
    count = session.size(10_000, 50)

    def both() -> dict[str, float]:
        first, again = run_twice(count)
        return {"first": first / count * 1e6, "again": again / count * 1e6}

    samples = session.take_turns(both, rounds=5)
    return [
        Row(
            what=f"resume of a run of {count:,} finished tasks",
            unit="µs a task",
            ours=samples["again"],
            baseline=samples["first"],
            baseline_is="the run itself",
            ratio_allowed=2.0,
        )
    ]


def run_twice(count: int) -> tuple[float, float]:
    """Seconds of the first epoch and of the second. Checks that nothing was executed twice."""
    is_first = True
    executed: list[int] = []

    @task
    def step(number: int) -> int:
        executed.append(number)
        return number

    @flow
    def fan_out() -> int:
        total = sum(future.result() for future in [step(number) for number in range(count)])
        if is_first:
            raise NotYetError
        return total

    with fresh_history() as path:
        with Clock() as first:
            future: FlowRunFuture[int] = fan_out.submit()
            future.wait()
        is_first = False
        with Clock() as again:
            fan_out.resume(future.flow_run_id)
        check_recorded(path, count)
    if len(executed) != count:
        raise RuntimeError(f"{len(executed)} attempts were executed, not {count}")
    return first.seconds, again.seconds
