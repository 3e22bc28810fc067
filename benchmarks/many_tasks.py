"""100,000 tasks in one flow run, against 1,000 in one, a task.

Both are ours: no-op tasks on the default runner, history on disk, rows counted afterwards. All futures are held until
the last is collected. The smaller run is done ten times a turn, each with a fresh history, and a turn's sample is their mean.
The whole flow call is a row of its own without a target: it shows whether the history keeps up, but what a run costs once
(the wait for the last commit above all) weighs a hundred times more in the smaller one, which flatters the ratio.
"""

from __future__ import annotations

import statistics

from benchmarks.fan_out import no_op_task, run_recorded
from benchmarks.measuring import Row, Session

SMALL_RUNS = 10


def measure(session: Session) -> list[Row]:
    many, few = session.size(100_000, 100), session.size(1_000, 20)

    def ours() -> dict[str, float]:
        collected, whole = run_recorded(no_op_task, [()] * many)
        return {"many": collected / many * 1e6, "many_whole": whole / many * 1e6}

    def baseline() -> dict[str, float]:
        times = [run_recorded(no_op_task, [()] * few) for _ in range(SMALL_RUNS)]
        collected, whole = (statistics.fmean(column) for column in zip(*times, strict=True))
        return {"few": collected / few * 1e6, "few_whole": whole / few * 1e6}

    samples = session.take_turns(ours, baseline, rounds=3)

    def row(part: str, suffix: str, allowed: float | None) -> Row:
        return Row(
            what=f"{many:,} tasks, {part}",
            unit="µs a task",
            ours=samples["many" + suffix],
            baseline=samples["few" + suffix],
            baseline_is=f"{few:,} tasks",
            ratio_allowed=allowed,
        )

    return [row("futures collected", "", 1.2), row("with the last commit", "_whole", None)]
