"""A flow run as a graph: task runs one by one where a task has few, all runs of a task as one where it has many."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from headrace.engine.states import StateName, StateType

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping, Sequence

    from headrace.history.reader import Reader

FEW = 20
"""How many runs a task may have whose runs are shown one by one."""


class Stretch(NamedTuple):
    """The task runs of a flow run with these ids and those between them."""

    first: int
    last: int

    def of(self, run: int) -> dict[str, int]:
        """The keys of these task runs in the flow run of that key."""
        return {"first": (run << 32) + self.first, "last": (run << 32) + self.last}


class TaskPart(NamedTuple):
    """The runs of one task that are in one state: ``ids`` says between which they lie."""

    task: str
    state_type: StateType
    runs: int
    ids: Stretch
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


Shown = dict[str, Stretch]
"""The tasks of a flow run in the order of their first runs, each with where those lie that are shown by themselves. If none is,
that ends before it begins."""


def task_parts(reader: Reader, run: int) -> dict[str, list[TaskPart]]:
    """Its task runs, counted by task and state, the tasks in the order of their first runs."""
    tasks: dict[str, list[TaskPart]] = {}
    for part in reader.convert(_part_from, reader.ask("summarise_tasks", {"flow_run": run})):
        tasks.setdefault(part.task, []).append(part)
    return tasks


def choose_shown(
    reader: Reader, run: int, tasks: Mapping[str, Sequence[TaskPart]], expanded: Container[str], *, most: int
) -> Shown:
    """Which task runs are shown by themselves: all of a task that has few, and the first ``most`` of one that is expanded."""
    shown: Shown = {}
    for task, parts in tasks.items():
        first = min([part.ids.first for part in parts])
        if sum([part.runs for part in parts]) <= FEW:
            last = max([part.ids.last for part in parts])
        elif task in expanded:
            last = reader.ask("find_last_shown", {"flow_run": run, "task": task, "limit": most})[0][0]
        else:
            last = 0
        shown[task] = Stretch(first, last)
    return shown


def single_runs(reader: Reader, run: int, shown: Shown, *, limit: int) -> list[SingleRun]:
    """The task runs that are shown by themselves."""
    stretches = {task: stretch for task, stretch in shown.items() if stretch.last}
    if not stretches:
        return []
    values = {
        "shown": json.dumps({task: stretch.last for task, stretch in stretches.items()}),
        "stretches": json.dumps([stretch.of(run) for stretch in merged(stretches.values())]),
        "limit": limit,
    }
    return reader.convert(SingleRun._make, reader.ask("list_single_task_runs", values))


def merged(stretches: Iterable[Stretch]) -> list[Stretch]:
    """The same task runs in stretches that have none in common, in their order: each is looked at once."""
    result: list[Stretch] = []
    for stretch in sorted(stretches):
        if result and stretch.first <= result[-1].last:
            result[-1] = Stretch(result[-1].first, max(result[-1].last, stretch.last))
        else:
            result.append(stretch)
    return result


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
    task, state, runs, first_id, last_id, started_us, ended_us = row
    return TaskPart(task, StateName(state).type, runs, Stretch(first_id, last_id), started_us, ended_us)
