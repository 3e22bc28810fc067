"""What ``headrace runs show`` draws of a run: one row a task run, or one for all the runs of a task where there are many.

Reads the history; knows nothing of lines and columns.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from enum import Enum
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from headrace.engine.states import StateName

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from headrace.history.reader import Reader, Run, RunSummary, TaskGroup, TaskRun

SLICES = 240
"""Into how many slices of time the activity of a group is counted: more than a terminal has columns for it."""

MOST_ROWS = 200
"""How many a drawing has at most: nobody reads more."""

_MOST_ALONE = 20
_MOST_ROWS_ALONE = 50
_MOST_SUBFLOWS_ALONE = 5
_DEEPEST = 6


class Doing(Enum):
    """What a run did for a while."""

    RAN = "ran"
    FAILED = "failed attempt"
    WAITED = "waited to retry"


class Segment(NamedTuple):
    """A while in which a run did one thing."""

    start_us: int
    end_us: int
    doing: Doing


@dataclass(slots=True)
class Row:
    """A line of the timeline."""

    name: str
    at_us: int
    """When it was submitted: rows stand in this order."""
    counts: Counter[str]
    """Its state, or how many of its runs are in which."""
    started_us: int | None = None
    ended_us: int | None = None
    is_subflow: bool = False
    attempts: int = 1
    retries: int = 0
    segments: tuple[Segment, ...] = ()
    activity: list[int] | None = None
    """Of a group: how many runs were under way in each slice of time."""
    children: list[Row] = field(default_factory=list)
    upstreams: list[Row] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)
    """Upstreams in other flow runs."""
    number: int = 0

    @property
    def total(self) -> int:
        """How many runs the row stands for."""
        return self.counts.total()


class Span(NamedTuple):
    """The time that the drawing covers."""

    start_us: int
    end_us: int

    @property
    def slice_us(self) -> int:
        """How long a slice is: they cover the whole."""
        return max(-(-(self.end_us - self.start_us + 1) // SLICES), 1)


class Rows(NamedTuple):
    """The rows of a run, and how many more there would be."""

    rows: list[Row]
    left_out: int = 0


def rows_of(
    reader: Reader, run: Run, span: Span, *, alone: str | None = None, state: str | None = None
) -> Rows:
    """The rows of a run, numbered, subflows and child runs within theirs.

    The runs of task ``alone`` stand one by one; with a ``state`` the task runs in that state, and nothing else.
    """
    gatherer = _Gatherer(reader, span, alone)
    rows = gatherer.gather(run, _DEEPEST) if state is None else gatherer.gather_in_state(run, state)
    for number, row in enumerate(walk(rows), start=1):
        row.number = number
    return Rows(rows, gatherer.left_out)


def walk(rows: Iterable[Row]) -> Iterable[Row]:
    """All rows in the order in which they are drawn."""
    for row in rows:
        yield row
        yield from walk(row.children)


class _Gatherer:
    def __init__(self, reader: Reader, span: Span, alone: str | None) -> None:
        self._reader = reader
        self._span = span
        self._alone = alone
        self.left_out = 0

    def gather(self, run: Run, depth: int) -> list[Row]:
        """The rows of one flow run."""
        by_task = _by_task(self._reader.task_groups(run))
        single = self._standing_alone(by_task)
        groups = {task: _group_row(task, by_task[task]) for task in by_task if task not in single}
        self._count_activity(run, groups)
        task_runs = [
            t for task in by_task if task in single for t in self._first(run, by_task[task], task=task)
        ]
        rows = {task_run.id: _task_run_row(task_run, self._span.end_us) for task_run in task_runs}
        self._link(run, task_runs, rows, groups)
        top = [*groups.values()]
        for task_run in task_runs:
            parent = rows.get(task_run.parent) if task_run.parent is not None else None
            (parent.children if parent is not None else top).append(rows[task_run.id])
        if depth > 0:
            self._add_subflows(run, rows, groups, top, depth)
        for row in rows.values():
            row.children.sort(key=lambda child: child.at_us)
        return sorted(top, key=lambda row: row.at_us)

    def gather_in_state(self, run: Run, state: str) -> list[Row]:
        """The rows of the task runs that are in this state."""
        groups = [
            group
            for group in self._reader.task_groups(run)
            if state.lower() in (group.state.lower(), group.state_type.lower())
            and self._alone in (None, group.task)
        ]
        task_runs = self._first(run, groups, task=self._alone, state=state)
        return [_task_run_row(task_run, self._span.end_us) for task_run in task_runs]

    def _first(self, run: Run, groups: Iterable[TaskGroup], **which: str | None) -> list[TaskRun]:
        """As many of the task runs of these groups as can be drawn."""
        self.left_out += max(sum([group.runs for group in groups]) - MOST_ROWS, 0)
        return list(islice(self._reader.task_runs(run, **which), MOST_ROWS))

    def _standing_alone(self, by_task: dict[str, list[TaskGroup]]) -> set[str]:
        """The tasks whose runs get a row each: those with few, as long as there is room."""
        counts = {task: sum([group.runs for group in groups]) for task, groups in by_task.items()}
        if self._alone is not None:
            return {task for task, count in counts.items() if task == self._alone or count == 1}
        alone: set[str] = set()
        rows = 0
        for task in sorted(counts, key=lambda task: counts[task]):
            rows += counts[task]
            if counts[task] == 1 or (counts[task] <= _MOST_ALONE and rows <= _MOST_ROWS_ALONE):
                alone.add(task)
        return alone

    def _count_activity(self, run: Run, groups: dict[str, Row]) -> None:
        if not groups:
            return
        span = self._span
        steps = {task: [0] * (SLICES + 1) for task in groups}
        for task, began, ended, count in self._reader.task_activity(
            run, origin_us=span.start_us, step_us=span.slice_us, now_us=span.end_us
        ):
            if task in steps:
                steps[task][min(max(began, 0), SLICES - 1)] += count
                steps[task][min(max(ended, began, 0), SLICES - 1) + 1] -= count
        for task, row in groups.items():
            row.activity = _running_sum(steps[task][:SLICES])

    def _link(
        self, run: Run, task_runs: Sequence[TaskRun], rows: dict[int, Row], groups: dict[str, Row]
    ) -> None:
        """Who waited for whom, as far as rows can say it."""
        upstreams: defaultdict[str, list[Row]] = defaultdict(list)
        for edge in self._reader.task_edges(run, alone={task_run.task for task_run in task_runs}):
            if edge.is_outside:
                if edge.downstream in groups:
                    groups[edge.downstream].outside.append(edge.upstream)
            elif edge.upstream in groups:
                upstreams[edge.downstream].append(groups[edge.upstream])
            elif edge.upstream_id in rows:
                upstreams[edge.downstream].append(rows[edge.upstream_id])
        for task, row in groups.items():
            row.upstreams = [other for other in upstreams[task] if other is not row]
        for task_run in task_runs:
            row = rows[task_run.id]
            row.outside = [name for name in task_run.upstreams if isinstance(name, str)]
            inside = [id for id in task_run.upstreams if isinstance(id, int)]
            row.upstreams = [rows[id] for id in inside if id in rows]
            if len(row.upstreams) < len(inside):
                row.upstreams += [other for other in upstreams[task_run.task] if other.activity is not None]

    def _add_subflows(
        self, run: Run, rows: dict[int, Row], groups: dict[str, Row], top: list[Row], depth: int
    ) -> None:
        """The flow runs that this one called, below the task run that called them if one did."""
        places: defaultdict[int, list[RunSummary]] = defaultdict(list)
        owners: dict[int, list[Row]] = {}
        for child in self._reader.children(run):
            owner = self._owner(run, child, rows, groups, top)
            owners[id(owner)] = owner
            places[id(owner)].append(child)
        for key, children in places.items():
            many = Counter([child.flow for child in children])
            for child in children:
                if many[child.flow] <= _MOST_SUBFLOWS_ALONE:
                    owners[key].append(self._subflow_row(child, depth))
            for flow, count in many.items():
                if count > _MOST_SUBFLOWS_ALONE:
                    owners[key].append(self._subflow_group([c for c in children if c.flow == flow]))

    def _owner(
        self, run: Run, child: RunSummary, rows: dict[int, Row], groups: dict[str, Row], top: list[Row]
    ) -> list[Row]:
        _, slash, number = (child.parent or "").partition("/")
        if not slash:
            return top
        caller = int(number)
        if caller in rows:
            return rows[caller].children
        row = groups.get(self._reader.get_task_run(run, caller).task)
        return row.children if row is not None else top

    def _subflow_row(self, child: RunSummary, depth: int) -> Row:
        end_us = child.ended_us or self._span.end_us
        return Row(
            name=f"{child.flow} {child.name}",
            at_us=child.created_us,
            counts=Counter({child.state: 1}),
            started_us=child.started_us,
            ended_us=child.ended_us,
            is_subflow=True,
            segments=(Segment(child.began_us, end_us, Doing.RAN),),
            children=self.gather(self._reader.get_run(child.id), depth - 1),
        )

    def _subflow_group(self, children: Sequence[RunSummary]) -> Row:
        span = self._span
        steps = [0] * (SLICES + 1)
        for child in children:
            first = min(max((child.began_us - span.start_us) // span.slice_us, 0), SLICES - 1)
            last = min(
                max(((child.ended_us or span.end_us) - span.start_us) // span.slice_us, first), SLICES - 1
            )
            steps[first] += 1
            steps[last + 1] -= 1
        return Row(
            name=children[0].flow,
            at_us=children[0].created_us,
            counts=Counter([child.state for child in children]),
            started_us=min([child.began_us for child in children]),
            ended_us=max([child.ended_us or span.end_us for child in children]),
            is_subflow=True,
            activity=_running_sum(steps[:SLICES]),
        )


def _by_task(groups: Sequence[TaskGroup]) -> dict[str, list[TaskGroup]]:
    by_task: dict[str, list[TaskGroup]] = {}
    for group in groups:
        by_task.setdefault(group.task, []).append(group)
    return by_task


def _group_row(task: str, groups: Sequence[TaskGroup]) -> Row:
    started = [group.started_us for group in groups if group.started_us is not None]
    ended = [group.ended_us for group in groups if group.ended_us is not None]
    return Row(
        name=task,
        at_us=min([group.submitted_us for group in groups]),
        counts=_counts(groups),
        started_us=min(started, default=None),
        ended_us=max(ended, default=None),
        retries=sum([group.retries for group in groups]),
    )


def _counts(groups: Sequence[TaskGroup]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for group in groups:
        counts[group.state] += group.runs
    return counts


def _task_run_row(task_run: TaskRun, now_us: int) -> Row:
    return Row(
        name=task_run.name,
        at_us=task_run.submitted_us,
        counts=Counter({task_run.state: 1}),
        started_us=task_run.started_us,
        ended_us=task_run.ended_us,
        attempts=task_run.attempt_count,
        segments=tuple(_segments(task_run, now_us)),
    )


def _segments(task_run: TaskRun, now_us: int) -> Iterable[Segment]:
    """What it did when, from its states: each lasts until the next one."""
    states = task_run.states
    for position, state in enumerate(states):
        name = StateName(state.name)
        following = states[position + 1] if position + 1 < len(states) else None
        end_us = following.at_us if following is not None else now_us
        if name in (StateName.RUNNING, StateName.RETRYING, StateName.CANCELLING):
            has_failed = following is not None and following.name in (
                StateName.AWAITING_RETRY.value,
                StateName.FAILED.value,
                StateName.TIMED_OUT.value,
                StateName.CRASHED.value,
            )
            yield Segment(state.at_us, end_us, Doing.FAILED if has_failed else Doing.RAN)
        elif name is StateName.AWAITING_RETRY:
            yield Segment(state.at_us, end_us, Doing.WAITED)


def _running_sum(steps: Sequence[int]) -> list[int]:
    sums: list[int] = []
    current = 0
    for step in steps:
        current += step
        sums.append(current)
    return sums
