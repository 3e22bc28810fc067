"""A flow run as a graph: task runs one by one where a task has few, all runs of a task as one where it has many."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from headrace.engine.states import StateName, StateType

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping

    from headrace.history.reader import Reader

FEW = 20
"""How many runs a task may have whose runs are shown one by one."""

_ALL = 2**32 - 1


class TaskPart(NamedTuple):
    """The runs of one task that are in one state."""

    task: str
    state_type: StateType
    runs: int
    started_us: int | None
    ended_us: int | None


class SingleRun(NamedTuple):
    """A task run that is shown by itself."""

    id: int
    task: str
    name: str
    state: str
    state_type: str
    started_us: int | None
    ended_us: int | None


class Edge(NamedTuple):
    """From upstream to downstream: a task run that is shown by itself as its id, any other as its task."""

    from_node: int | str
    to_node: int | str


class Edges(NamedTuple):
    """``from_outside`` come from other flow runs, whose ids stand as upstreams. ``is_cut``: there may be more."""

    inside: list[Edge]
    from_outside: list[Edge]
    is_cut: bool


Shown = dict[str, int]
"""The tasks of a flow run in the order of their first runs, each with the greatest id that is shown by itself, or 0."""


def task_parts(reader: Reader, run: int) -> list[TaskPart]:
    """Its task runs, counted by task and state, in the order of the first of each."""
    rows = reader.ask("summarise_tasks", {"flow_run": run})
    return reader.convert(_part_from, rows)


def choose_shown(
    reader: Reader, run: int, runs: Mapping[str, int], expanded: Container[str], *, most: int
) -> Shown:
    """Which task runs are shown by themselves: all of a task that has few, and the first ``most`` of one that is expanded."""
    shown: Shown = {}
    for task, count in runs.items():
        if count <= FEW:
            shown[task] = _ALL
        elif task in expanded:
            values = {"flow_run": run, "task": task, "limit": most}
            shown[task] = reader.ask("find_last_shown", values)[0][0]
        else:
            shown[task] = 0
    return shown


def single_runs(reader: Reader, run: int, shown: Shown, *, limit: int) -> list[SingleRun]:
    """The task runs that are shown by themselves."""
    last_ids = {task: last_id for task, last_id in shown.items() if last_id}
    if not last_ids:
        return []
    values = {
        "flow_run": run,
        "shown": json.dumps(last_ids),
        "last_id": max(last_ids.values()),
        "limit": limit,
    }
    return reader.convert(SingleRun._make, reader.ask("list_single_task_runs", values))


def edges(reader: Reader, run: int, singles: Iterable[SingleRun], *, limit: int) -> Edges:
    """Who waited for whom, each pair once; ``limit`` is for all together."""
    values = {"flow_run": run, "singles": json.dumps([single.id for single in singles]), "limit": limit}
    rows = reader.ask("list_graph_edges", values)
    inside = [
        Edge(upstream_id or upstream, downstream_id or downstream)
        for upstream, downstream, upstream_id, downstream_id, other in rows
        if other is None and (upstream != downstream or upstream_id != downstream_id)
    ]
    from_outside = [
        Edge(other, downstream_id or downstream)
        for _, downstream, _, downstream_id, other in rows
        if other is not None
    ]
    return Edges(inside, from_outside, is_cut=len(rows) == limit)


def tasks_of(reader: Reader, run: int, ids: Iterable[int]) -> dict[int, str]:
    """Which tasks these task runs are runs of."""
    rows = reader.ask("list_tasks_of_task_runs", {"flow_run": run, "ids": json.dumps(list(ids))})
    return dict(rows)


def _part_from(row: tuple[Any, ...]) -> TaskPart:
    task, state, runs, _, started_us, ended_us = row
    return TaskPart(task, StateName(state).type, runs, started_us, ended_us)
