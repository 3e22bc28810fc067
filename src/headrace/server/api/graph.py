"""What the API tells of a flow run as a graph."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from headrace.engine.states import StateType
from headrace.history import browsing, run_graph
from headrace.server.api.endpoint import Endpoint
from headrace.server.api.memory import Memory
from headrace.server.api.paging import fitting
from headrace.server.api.parameters import RUN_ID, Parameter
from headrace.server.api.run_rows import counts_of, cut
from headrace.server.api.views import Graph, GraphNode

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping, Sequence

    from headrace.history.reader import Reader, RunSummary
    from headrace.history.run_graph import Edge, Shown, SingleRun, TaskPart
    from headrace.history.watching import Standing

_EXPANDED_RUNS = 500
_MAX_NODES = 3_000
_MAX_EDGES = 15_000
_NODES_BYTES = 550_000
_EDGES_BYTES = 400_000
_LABEL = 100


@dataclass(frozen=True, slots=True)
class TaskGraph:
    """What a graph shows of the task runs. ``from_outside`` are edges from other flow runs."""

    shown: Shown
    nodes: list[GraphNode]
    edges: list[tuple[str, str]]
    from_outside: list[Edge]
    is_cut: bool


def get_graph(reader: Reader, *, id: str, expand: tuple[str, ...]) -> Graph:
    """Who waited for whom, in a size that can be drawn."""
    run, standing = browsing.get_standing(reader, id)
    inside = _task_graph(reader, run, standing, frozenset(expand))
    subflows = browsing.list_subflows(reader, id, limit=_MAX_NODES)

    nodes = [
        *inside.nodes,
        *[_node_of_subflow(subflow) for subflow in subflows],
        *_outside(inside.from_outside, {subflow.id for subflow in subflows}),
    ]
    chosen = fitting(nodes[:_MAX_NODES], _NODES_BYTES)
    ids = {node.id for node in chosen}
    pairs = list(inside.edges)
    pairs += [(_outside_id(str(edge.from_node), ids), _node_id(edge.to_node)) for edge in inside.from_outside]
    pairs += _calls(reader, run, subflows, inside.shown)
    visible = [pair for pair in pairs if pair[0] in ids and pair[1] in ids]
    drawn = fitting(visible, _EDGES_BYTES)
    is_whole = len(chosen) == len(nodes) and len(drawn) == len(visible)
    return Graph(chosen, drawn, inside.is_cut or len(subflows) == _MAX_NODES or not is_whole)


def _task_graph(reader: Reader, run: int, standing: Standing, expand: frozenset[str]) -> TaskGraph:
    """What the graph shows of its task runs; of a flow run that has ended it is remembered."""

    def make() -> TaskGraph:
        return _make_task_graph(reader, run, expand)

    if standing.ended_us is None:
        return make()
    return _OF_ENDED_RUNS.get((reader.location, run, standing, expand), make)


def _make_task_graph(reader: Reader, run: int, expand: Container[str]) -> TaskGraph:
    tasks = run_graph.task_parts(reader, run)
    shown = run_graph.choose_shown(reader, run, tasks, expand, most=_EXPANDED_RUNS)
    singles = run_graph.single_runs(reader, run, shown, limit=_MAX_NODES)
    edges = run_graph.edges(reader, run, singles, limit=_MAX_EDGES)
    return TaskGraph(
        shown,
        [*[_node_of_run(single) for single in singles], *_groups(tasks, shown, singles)],
        [(_node_id(edge.from_node), _node_id(edge.to_node)) for edge in edges.inside],
        edges.from_outside,
        edges.is_cut or len(singles) == _MAX_NODES,
    )


def _groups(
    tasks: Mapping[str, Sequence[TaskPart]], shown: Shown, singles: Iterable[SingleRun]
) -> list[GraphNode]:
    """A node for the runs of each task that are not shown by themselves.

    Of a flow run under way these may have changed since they were counted: what is left is all runs less those.
    """
    apart: dict[str, dict[str, int]] = {}
    for single in singles:
        counts = apart.setdefault(single.task, {})
        counts[single.state_type] = counts.get(single.state_type, 0) + 1
    nodes = []
    for task in shown:
        rest: dict[str, int] = {}
        for part in tasks[task]:
            rest[part.state_type] = rest.get(part.state_type, 0) + part.runs
        for state_type, count in apart.get(task, {}).items():
            rest[state_type] = rest.get(state_type, 0) - count
        if sum(rest.values()) > 0:
            left = {state_type: count for state_type, count in rest.items() if count > 0}
            nodes.append(_node_of_group(task, left, tasks[task]))
    return nodes


def _node_of_group(task: str, counts: Mapping[str, int], parts: Sequence[TaskPart]) -> GraphNode:
    has_ended = all(StateType(state_type).is_terminal for state_type in counts)
    return GraphNode(
        id=_group_id(task),
        kind="group",
        label=cut(task, _LABEL),
        task=task,
        task_run=None,
        run=None,
        counts=counts_of(counts),
        state=None,
        state_type=None,
        started_us=min([part.started_us for part in parts if part.started_us is not None], default=None),
        ended_us=max([part.ended_us for part in parts if part.ended_us is not None], default=None)
        if has_ended
        else None,
        runs=sum(counts.values()),
    )


def _node_of_run(single: SingleRun) -> GraphNode:
    return GraphNode(
        id=f"r:{single.id}",
        kind="task_run",
        label=cut(single.name, _LABEL),
        task=cut(single.task, _LABEL),
        task_run=single.id,
        run=None,
        counts={},
        state=single.state,
        state_type=StateType(single.state_type).value,
        started_us=single.started_us,
        ended_us=single.ended_us,
        runs=1,
    )


def _node_of_subflow(subflow: RunSummary) -> GraphNode:
    return GraphNode(
        id=f"f:{subflow.id}",
        kind="subflow",
        label=cut(f"{subflow.flow} {subflow.name}", _LABEL),
        task=None,
        task_run=None,
        run=subflow.id,
        counts=counts_of(subflow.task_runs),
        state=subflow.state,
        state_type=StateType(subflow.state_type).value,
        started_us=subflow.started_us,
        ended_us=subflow.ended_us,
        runs=sum(subflow.task_runs.values()),
    )


def _outside(edges: Iterable[Edge], subflows: set[str]) -> list[GraphNode]:
    """A node for each flow run, no subflow of this one, whose task runs were waited for."""
    others = dict.fromkeys(str(edge.from_node) for edge in edges)
    return [
        GraphNode(
            id=f"o:{cut(other, _LABEL)}",
            kind="outside",
            label=cut(other, _LABEL),
            task=None,
            task_run=None,
            run=cut(other, _LABEL),
            counts={},
            state=None,
            state_type=None,
            started_us=None,
            ended_us=None,
            runs=1,
        )
        for other in others
        if other not in subflows
    ]


def _outside_id(flow_run: str, ids: Container[str]) -> str:
    """The id of the node of another flow run, which may be a subflow of this one."""
    subflow = f"f:{flow_run}"
    return subflow if subflow in ids else f"o:{cut(flow_run, _LABEL)}"


def _node_id(node: int | str) -> str:
    return f"r:{node}" if isinstance(node, int) else _group_id(node)


def _calls(reader: Reader, run: int, subflows: Iterable[RunSummary], shown: Shown) -> list[tuple[str, str]]:
    """An edge to each subflow from the task run that called it, if one did."""
    callers = {subflow.id: _caller_of(subflow) for subflow in subflows}
    tasks = run_graph.tasks_of(reader, run, {caller for caller in callers.values() if caller})
    return [
        (_node_id(caller if _is_shown(shown, tasks[caller], caller) else tasks[caller]), f"f:{subflow}")
        for subflow, caller in callers.items()
        if caller in tasks
    ]


def _is_shown(shown: Shown, task: str, id: int) -> bool:
    """Whether that run of the task is shown by itself. A task that began since they were chosen has none."""
    return task in shown and id <= shown[task].last


def _caller_of(subflow: RunSummary) -> int:
    """The id of the task run that called it; 0 if the flow itself did."""
    number = (subflow.parent or "").partition("/")[2]
    return int(number) if number.isascii() and number.isdigit() and len(number) < 12 else 0


def _group_id(task: str) -> str:
    return f"t:{cut(task, 1000)}"


_OF_ENDED_RUNS: Memory[tuple[str, int, Standing, frozenset[str]], TaskGraph] = Memory(8)
"""By history, flow run, where that stands, and what is opened: of an ended flow run no task run changes until it is resumed,
and then it stands elsewhere. Subflows can be deleted apart from it, so they are read anew."""

ENDPOINTS = (
    Endpoint(
        path="/api/runs/{id}/graph",
        handler=get_graph,
        summary="A flow run as a graph: who waited for whom; many runs of a task are one node",
        answer=Graph,
        parameters=(
            RUN_ID,
            Parameter(
                name="expand",
                about="a task whose first runs are shown one by one, although it has many",
                is_repeatable=True,
            ),
        ),
    ),
)
