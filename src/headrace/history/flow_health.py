"""How flows do: their last runs, how often they complete and how long that takes; and how long the tasks of one run took."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from headrace.history.reader import Reader


class FlowHealth(NamedTuple):
    """A flow by all its runs. Durations are those of the runs that completed; ``None`` where there are none.

    ``trend`` is the median of the last ten over that of the ten before.
    """

    flow: str
    runs: int
    success_rate: float | None
    median_us: int | None
    p95_us: int | None
    trend: float | None


class LastRun(NamedTuple):
    """One of the last runs of a flow."""

    flow: str
    id: str
    name: str
    state: str
    state_type: str
    created_us: int
    duration_us: int | None


class TaskSum(NamedTuple):
    """The runs of a task together: counts by types of states, how long they ran in all, and the median."""

    counts: dict[str, int]
    ran_us: int
    median_us: int | None


def flows(reader: Reader, limit: int) -> list[FlowHealth]:
    """Every flow, those that ran last first."""
    return [FlowHealth._make(row) for row in reader.ask("measure_flow_health", {"limit": limit})]


def last_runs(reader: Reader, limit: int) -> dict[str, list[LastRun]]:
    """The last runs of each flow, the oldest of them first."""
    runs: dict[str, list[LastRun]] = {}
    for row in reader.ask("list_last_runs_of_flows", {"limit": limit}):
        runs.setdefault(row[0], []).append(LastRun._make(row))
    return runs


def task_sums(reader: Reader, run: int) -> dict[str, TaskSum]:
    """The tasks of a flow run, in the order of their first runs.

    Added up here: SQLite's window functions take four times as long.
    """
    counts: dict[str, dict[str, int]] = {}
    durations: dict[str, list[int]] = {}
    for task, state_type, took_us in reader.ask("list_task_durations", {"flow_run": run}):
        if task not in counts:
            counts[task] = {}
            durations[task] = []
        of_task = counts[task]
        of_task[state_type] = of_task.get(state_type, 0) + 1
        if took_us is not None:
            durations[task].append(took_us)
    return {
        task: TaskSum(
            of_task, sum(durations[task]), int(median(durations[task])) if durations[task] else None
        )
        for task, of_task in counts.items()
    }
