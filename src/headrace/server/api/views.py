"""The answers of the API as frozen dataclasses: their fields are the JSON, and the OpenAPI document is made from them.

Times are integer microseconds since 1970 (UTC), and say so in their names. Annotations are read when the document is made, so
they stand here as values.
"""

from dataclasses import dataclass
from typing import Any, Literal

StateTypeName = Literal[
    "SCHEDULED", "PENDING", "RUNNING", "PAUSED", "CANCELLING", "COMPLETED", "FAILED", "CRASHED", "CANCELLED"
]
Counts = dict[StateTypeName, int]
"""How many task runs there are of each type of state that occurs."""
Action = Literal["cancel", "resume", "delete", "run_again", "answer"]


@dataclass(frozen=True, slots=True)
class Info:
    """What answers."""

    version: str
    history: str
    now_us: int


@dataclass(frozen=True, slots=True)
class RunRow:
    """A flow run as a list shows it. ``parent`` is the flow run that called it, or ``"<flow run id>/<task run id>"``."""

    id: str
    kind: str
    flow: str
    name: str
    state: str
    state_type: StateTypeName
    reason: str | None
    created_us: int
    started_us: int | None
    ended_us: int | None
    tags: list[str]
    parent: str | None
    task_runs: Counts


@dataclass(frozen=True, slots=True)
class RunPage:
    """Flow runs, newest first."""

    items: list[RunRow]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class RunList:
    """Flow runs, all that there are."""

    items: list[RunRow]


@dataclass(frozen=True, slots=True)
class Histogram:
    """How many flow runs were created in each slice of time, by the type of their state now."""

    from_us: int
    step_us: int
    buckets: list[Counts]


@dataclass(frozen=True, slots=True)
class Names:
    """What a filter can be set to."""

    items: list[str]


@dataclass(frozen=True, slots=True)
class Failure:
    """An exception as text."""

    type: str
    message: str
    traceback: str


@dataclass(frozen=True, slots=True)
class State:
    """A state that a run was in, since when and why."""

    name: str
    at_us: int
    message: str | None


@dataclass(frozen=True, slots=True)
class Question:
    """What a flow run waits for a person to answer. ``question`` is a JSON object: a type, or choices."""

    prompt: str
    occurrence: int
    question: str


@dataclass(frozen=True, slots=True)
class Party:
    """Who waits for a limit or holds it: a flow run or a task run of one; neither where a process holds it outside of flows."""

    name: str
    run: str | None
    task_run: int | None


@dataclass(frozen=True, slots=True)
class LimitWait:
    """Some of a flow run wait for limits. Of very many the first are named; the counts are of all."""

    who: list[Party]
    who_count: int
    limits: list[str]
    held_by: list[Party]
    held_by_count: int


@dataclass(frozen=True, slots=True)
class Run:
    """All that is shown of a flow run. ``parameters`` and ``result_preview`` are JSON text, maybe cut short.

    ``upstream_failed`` of the task runs that are FAILED did not start, for an upstream did not complete.
    """

    id: str
    kind: str
    flow: str
    name: str
    state: str
    state_type: StateTypeName
    reason: str | None
    created_us: int
    started_us: int | None
    ended_us: int | None
    tags: list[str]
    parent: str | None
    task_runs: Counts
    upstream_failed: int
    version: str | None
    states: list[State]
    task_runner: str
    parameters: str | None
    result_preview: str | None
    result_note: str | None
    failure: Failure | None
    provenance: dict[str, Any]
    epoch: int
    dashboard_url: str | None
    subflows: int
    questions: list[Question]
    waits: list[LimitWait]
    actions: list[Action]


@dataclass(frozen=True, slots=True)
class Columns:
    """Task runs as columns: a value of each for every task run. Times are µs after ``base_us``.

    ``task``, ``state`` and ``worker`` are places in ``tasks``, ``states`` and ``workers``. ``name`` has those that are not
    ``task-index``; ``retries`` when each attempt of a task run of several began and ended, as far as they have.
    """

    as_of_us: int
    base_us: int
    tasks: list[str]
    states: list[str]
    workers: list[str]
    id: list[int]
    task: list[int]
    index: list[int]
    parent: list[int | None]
    state: list[int]
    submitted: list[int]
    started: list[int | None]
    ended: list[int | None]
    worker: list[int | None]
    attempts: list[int]
    name: dict[str, str]
    retries: dict[str, list[tuple[int, int]]]
    next_after: int | None


@dataclass(frozen=True, slots=True)
class LogLine:
    """A log line or print. ``task_run`` is ``None`` for the flow's own; ``level`` as Python counts: 20 is INFO."""

    key: int
    task_run: int | None
    task_run_name: str | None
    at_us: int
    level: int
    logger: str
    message: str


@dataclass(frozen=True, slots=True)
class LogPage:
    """Log lines in their order of arrival, out of those from ``first_key`` to ``last_key``, which were looked through.

    ``has_more``: in the direction in which they were asked for; a page may be empty and yet have more.
    """

    items: list[LogLine]
    first_key: int | None
    last_key: int | None
    has_more: bool


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt of a task run that failed at least once."""

    number: int
    started_us: int
    ended_us: int
    worker: str
    failure: Failure | None


@dataclass(frozen=True, slots=True)
class TaskRef:
    """A task run that another waited for, or that waited for it. ``id`` is a text where it is one of another flow run.

    That flow run is ``run``, and its state is not told.
    """

    id: int | str
    name: str
    state: str | None
    state_type: StateTypeName | None
    run: str | None


@dataclass(frozen=True, slots=True)
class Storage:
    """How a result is stored. ``size`` is in bytes."""

    serializer: str
    size: int
    is_in_file: bool


@dataclass(frozen=True, slots=True)
class Waited:
    """Where the time of a task run went, in µs: waiting for its upstreams, then for a slot, then running."""

    upstreams_us: int
    slot_us: int
    ran_us: int


@dataclass(frozen=True, slots=True)
class TaskRun:
    """All that is shown of a task run. ``upstreams`` and ``downstreams`` are the first; the counts count them all."""

    id: int
    parent: int | None
    task: str
    index: int
    name: str
    tags: list[str]
    state: str
    state_type: StateTypeName
    states: list[State]
    submitted_us: int
    started_us: int | None
    ended_us: int | None
    attempt_count: int
    attempts: list[Attempt]
    upstreams: list[TaskRef]
    upstream_count: int
    downstreams: list[TaskRef]
    downstream_count: int
    parameters: str | None
    worker: str | None
    result_preview: str | None
    result_note: str | None
    failure: Failure | None
    storage: Storage | None
    cached_from: str | None
    waited: Waited
    subflows: list[RunRow]


@dataclass(frozen=True, slots=True)
class Edges:
    """``downstream[i]`` waited for ``upstream[i]``: a task run of the same flow run, or as text one of another."""

    upstream: list[int | str]
    downstream: list[int]
    next_after: int | None


@dataclass(frozen=True, slots=True)
class StateChange:
    """A change of state of the flow run itself (``task_run`` is ``None``) or of one of its task runs."""

    at_us: int
    task_run: int | None
    name: str
    state: str
    state_type: StateTypeName
    reason: str | None
    epoch: int


@dataclass(frozen=True, slots=True)
class StateChanges:
    """Changes of states in the order of time."""

    items: list[StateChange]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class CriticalPath:
    """The task runs that made the flow run last as long as it did, the first first."""

    task_runs: list[int]


@dataclass(frozen=True, slots=True)
class GraphNode:
    """A task run, all runs of a task, a subflow, or what lies outside the flow run.

    ``id`` is ``"r:<task run>"``, ``"t:<task>"``, ``"f:<flow run>"`` or ``"o:<text>"``.
    """

    id: str
    kind: Literal["group", "task_run", "subflow", "outside"]
    label: str
    task: str | None
    task_run: int | None
    run: str | None
    counts: Counts
    state: str | None
    state_type: StateTypeName | None
    started_us: int | None
    ended_us: int | None
    runs: int


@dataclass(frozen=True, slots=True)
class Graph:
    """Who waited for whom, from upstream to downstream."""

    nodes: list[GraphNode]
    edges: list[tuple[str, str]]
    is_truncated: bool


@dataclass(frozen=True, slots=True)
class LastRun:
    """One of the last runs of a flow."""

    id: str
    name: str
    state: str
    state_type: StateTypeName
    created_us: int
    duration_us: int | None


@dataclass(frozen=True, slots=True)
class FlowRow:
    """A flow by its runs. Durations are those of the runs that completed.

    ``success_rate`` is a part of one, of the runs that completed, failed or crashed; ``trend`` the median duration of the last
    ten over that of the ten before. ``last`` are the last 20 runs, the oldest first.
    """

    flow: str
    runs: int
    last: list[LastRun]
    success_rate: float | None
    median_us: int | None
    p95_us: int | None
    trend: float | None


@dataclass(frozen=True, slots=True)
class FlowList:
    """Flows, those that ran last first."""

    items: list[FlowRow]


@dataclass(frozen=True, slots=True)
class ParameterPair:
    """A parameter of two runs, as JSON text; ``None`` where a run has none of that name."""

    name: str
    a: str | None
    b: str | None
    is_same: bool


@dataclass(frozen=True, slots=True)
class TaskSum:
    """The runs of one task together."""

    runs: int
    counts: Counts
    ran_us: int
    median_us: int | None


@dataclass(frozen=True, slots=True)
class TaskPair:
    """A task in two runs; ``None`` where a run has none of it."""

    task: str
    a: TaskSum | None
    b: TaskSum | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two flow runs side by side."""

    runs: tuple[RunRow, RunRow]
    parameters: list[ParameterPair]
    tasks: list[TaskPair]


HitKind = Literal["run", "task_run", "message", "log"]


@dataclass(frozen=True, slots=True)
class FoundRun:
    """The flow run in which something was found."""

    id: str
    name: str
    flow: str
    state: str
    state_type: StateTypeName


@dataclass(frozen=True, slots=True)
class Hit:
    """Where a text was found: in the name of a run or a task run, in the message of a state or failure, or in a log line."""

    run: FoundRun
    kind: HitKind
    task_run: int | None
    at_us: int
    excerpt: str


@dataclass(frozen=True, slots=True)
class HitPage:
    """Hits. As long as there is a ``next_cursor``, there is more to look through: a page may be empty and yet have one."""

    items: list[Hit]
    next_cursor: str | None
