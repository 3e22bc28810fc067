"""How flows do: their last runs, how often they complete and how long that takes; and how long the tasks of one run took."""

from __future__ import annotations

import json
from collections import defaultdict
from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple

from headrace.engine.states import StateName

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

    Added up here: SQLite sorts all rows to group them, and its window functions take four times as long as that.
    """
    [parts] = reader.convert(_durations_from, reader.ask("make_task_durations", {"flow_run": run}))
    counts: dict[str, dict[str, int]] = {}
    durations: dict[str, list[int]] = {}
    for (task, state_type), took_us in parts.items():
        of_task = counts.setdefault(task, {})
        of_task[state_type] = of_task.get(state_type, 0) + len(took_us)
        durations.setdefault(task, []).extend([time_us for time_us in took_us if time_us is not None])
    return {
        task: TaskSum(
            of_task, sum(durations[task]), int(median(durations[task])) if durations[task] else None
        )
        for task, of_task in counts.items()
    }


def _durations_from(row: tuple[Any, ...]) -> dict[tuple[str, str], list[int | None]]:
    """How long the task runs of each task and type of state ran, in the order of the first of each."""
    parts, durations = row
    took_us: defaultdict[str, list[int | None]] = defaultdict(list)
    for part, time_us in zip(json.loads(parts), json.loads(durations), strict=True):
        took_us[part].append(time_us)
    found: dict[tuple[str, str], list[int | None]] = {}
    for part, times_us in took_us.items():
        task, _, state = part.rpartition(" ")
        found.setdefault((task, StateName(state).type.value), []).extend(times_us)
    return found
