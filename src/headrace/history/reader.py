"""Reads a history: runs, their states, edges and log lines, as plain values. Never unpickles a result: who wants one does.

A reader of a file has a connection of its own that cannot write, and sees what was committed when it asks. One of an
in-memory history shares the writer's connection, under its lock.
"""

from __future__ import annotations

import json
import threading
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from headrace.call_keys import row_key
from headrace.engine.replay import PastRun, PastSubflow
from headrace.engine.states import StateName, StateType
from headrace.errors import HistoryUnavailableError, RunNotFoundError
from headrace.history.checksums import seed_of_flow_run, seed_of_task_run, seed_of_text
from headrace.history.database import (
    IN_MEMORY,
    REFUSALS,
    UNREADABLE,
    explain,
    open_for_reading,
    unreadable,
)
from headrace.history.facts import PICKLE
from headrace.history.rescuer import find_gone
from headrace.history.result_store import results_home
from headrace.history.statements import statement
from headrace.history.stored_value import StoredValue

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from typing import Self

    from headrace.engine.leases import Limit

V = TypeVar("V")

_END_OF_TIME_US = 253_402_300_800_000_000
"""The year 10000, which calendars of Python do not have."""


class FailureView(NamedTuple):
    """An exception as text."""

    type: str
    message: str
    traceback: str


class StateView(NamedTuple):
    """One state that a run was in, since when and why."""

    name: str
    at_us: int
    message: str | None


class AttemptView(NamedTuple):
    """One attempt of a task run that failed at least once."""

    number: int
    started_us: int
    ended_us: int
    worker: str
    failure: FailureView | None


class Storage(NamedTuple):
    """How a result is stored: beside the run, or in the file of that ``key``. ``size`` is in bytes."""

    serializer: str
    size: int
    key: str | None


class RunSummary(NamedTuple):
    """A flow run as a list shows it."""

    id: str
    kind: str
    flow: str
    name: str
    state: str
    state_type: str
    created_us: int
    started_us: int | None
    ended_us: int | None
    tags: tuple[str, ...]
    parent: str | None
    task_runs: Mapping[str, int]
    """How many task runs there are of each state type that occurs."""
    reason: str | None = None
    """Why it is in its state, if that is known."""

    @property
    def began_us(self) -> int:
        """When it was first started, whichever epoch it is in; of one that never was, when it was made."""
        return self.created_us if self.started_us is None else self.started_us


class Run(NamedTuple):
    """All that is known of a flow run."""

    key: int
    id: str
    kind: str
    flow: str
    name: str
    version: str | None
    tags: tuple[str, ...]
    state: str
    state_type: str
    states: tuple[StateView, ...]
    created_us: int
    started_us: int | None
    ended_us: int | None
    parent: str | None
    task_runner: str
    parameters: str | None
    result_preview: str | None
    result_note: str | None
    failure: FailureView | None
    provenance: Mapping[str, Any]
    environment: str | None
    epoch: int
    task_runs: Mapping[str, int]
    storage: Storage | None = None
    """``None`` where no result is stored: see the note."""

    @property
    def began_us(self) -> int:
        """When it was first started, whichever epoch it is in; of one that never was, when it was made."""
        return self.created_us if self.started_us is None else self.started_us


class RunName(NamedTuple):
    """Which flow run is meant."""

    key: int
    id: str
    name: str


class TaskRun(NamedTuple):
    """All that is known of a task run, but for its pickled result."""

    id: int
    parent: int | None
    task: str
    task_index: int
    name: str
    tags: tuple[str, ...]
    state: str
    state_type: str
    states: tuple[StateView, ...]
    submitted_us: int
    started_us: int | None
    ended_us: int | None
    attempt_count: int
    attempts: tuple[AttemptView, ...]
    upstreams: tuple[int | str, ...]
    parameters: str | None
    worker: str | None
    result_preview: str | None
    result_note: str | None
    failure: FailureView | None
    storage: Storage | None = None
    """``None`` where no result is stored: see the note."""
    cached_from: str | None = None
    """The task run that gave a Cached one its value, as ``"<flow run id>/<task run id>"``."""


class CachedResult(NamedTuple):
    """What is stored of a value that counts for a key of the cache. ``key`` is that of its row.

    ``source`` is the task run that gave it, as ``"<flow run id>/<task run id>"``.
    """

    key: int
    source: str
    stored: StoredValue
    preview: str | None
    expires_us: int | None


class LogLine(NamedTuple):
    """One log line or print; ``task_run`` is ``None`` for the flow's own. ``key`` grows with every line."""

    key: int
    task_run: int | None
    at_us: int
    level: int
    logger: str
    message: str


class Edge(NamedTuple):
    """``downstream`` took a value of ``upstream``, or waited for it. A text names a task run of another flow run."""

    upstream: int | str
    downstream: int


class TaskGroup(NamedTuple):
    """The runs of one task that are in one state. ``ran_us`` is the sum of their times."""

    task: str
    state: str
    state_type: str
    runs: int
    first_id: int
    submitted_us: int
    started_us: int | None
    ended_us: int | None
    ran_us: int
    retries: int


class ResultGroup(NamedTuple):
    """Results of one task that are stored in the same way, not simply beside their runs. ``size`` is in bytes, of all."""

    task: str
    serializer: str
    is_in_file: bool
    note: str | None
    """Why they are not stored."""
    runs: int
    size: int


class Activity(NamedTuple):
    """How many runs of a task began in one slice of time, and ended in that or a later one."""

    task: str
    began: int
    ended: int
    runs: int


class TaskEdge(NamedTuple):
    """Runs of ``downstream`` waited for runs of ``upstream``: a task, or a run of another flow run by its id.

    ``upstream_id`` is the id of the one run meant, where it was asked for.
    """

    downstream: str
    upstream: str
    upstream_id: int | None
    is_outside: bool


class TaskRunName(NamedTuple):
    """What a task run is called."""

    id: int
    task: str
    name: str


class RowCounts(NamedTuple):
    """How many rows the history has."""

    flow_runs: int
    task_runs: int
    log_lines: int


class OpenQuestion(NamedTuple):
    """What a flow run asks a person: ``question`` says which answers there are, see ``Question.from_json``."""

    prompt: str
    occurrence: int
    question: str


class FlowSize(NamedTuple):
    """How much of the database the runs of a flow take, roughly."""

    flow: str
    runs: int
    stored_bytes: int


class Reader:
    """What has been recorded. Use it in a ``with`` block, or close it."""

    def __init__(
        self,
        location: str,
        connection: sqlite3.Connection,
        lock: threading.Lock | None = None,
    ) -> None:
        """``lock`` guards a connection that is the writer's, too, which the reader then does not close."""
        self.location = location
        self._connection = connection
        self._lock = lock or threading.Lock()
        self._is_shared = lock is not None
        self._limits: Mapping[str, Limit] = {}
        self._limits_version = -1

    @classmethod
    def open(cls, location: str) -> Self:
        """A reader of the database file at a path. Raises ``HistoryError``."""
        if location == IN_MEMORY:
            raise HistoryUnavailableError(
                "An in-memory history can be read only by the process that writes it: History.reader()."
            )
        return cls(location, open_for_reading(location))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Gives the connection back."""
        if not self._is_shared:
            self._connection.close()

    def list_runs(
        self,
        limit: int = 20,
        *,
        state: str | None = None,
        flow: str | None = None,
        text: str | None = None,
        since_us: int | None = None,
        tag: str | None = None,
        roots_only: bool = False,
    ) -> list[RunSummary]:
        """Flow runs, newest first. A ``limit`` of 0 means all.

        ``state`` is a type or a name of a state, in any case; ``text`` is looked for in the names of run and flow;
        ``roots_only`` leaves subflows out.
        """
        rows = self.ask(
            "list_runs",
            {
                "limit": limit or -1,
                "state": state,
                "flow": flow,
                "text": text,
                "since_us": since_us,
                "tag": tag,
                "roots_only": roots_only,
            },
        )
        return self.convert(summary_from, rows)

    def get_run(self, name: str) -> Run:
        """The flow run with that id, beginning of an id, or name (of several of a name the newest).

        Raises ``RunNotFoundError`` when there is none, or several ids begin like that.
        """
        rows = self.ask("find_runs", {"name": name, "after": name + "\U0010ffff"})
        exact = [row for row in rows if row[1] == name]
        named = [row for row in rows if row[4] == name]
        if exact:
            found = exact[0]
        elif named:
            found = named[0]
        elif len(rows) == 1:
            found = rows[0]
        else:
            raise RunNotFoundError(_not_found(name, [(row[1], row[4]) for row in rows], self.location))
        return self.convert(run_from, [found])[0]

    def children(self, run: Run) -> list[RunSummary]:
        """The subflows that this run called, and those that its task runs called, oldest first."""
        rows = self.ask("list_children", {"id": run.id, "first": run.id + "/", "after": run.id + "0"})
        return self.convert(summary_from, rows)

    def task_runs(self, run: Run, *, state: str | None = None, task: str | None = None) -> Iterator[TaskRun]:
        """Its task runs in the order of their submission: all, or those in a state, or of a task."""
        last = 0
        while True:
            rows = self.ask(
                "list_task_runs",
                {"flow_run": run.key, "after": last, "state": state, "task": task, "limit": 1000},
            )
            yield from self.convert(task_run_from, rows)
            if len(rows) < 1000:
                return
            last = rows[-1][0]

    def get_task_run(self, run: Run, number: int) -> TaskRun:
        """One of its task runs. Raises ``RunNotFoundError``."""
        rows = self.ask(
            "list_task_runs",
            {"flow_run": run.key, "after": number - 1, "state": None, "task": None, "limit": 1},
        )
        if not rows or rows[0][0] != number:
            raise RunNotFoundError(f"Flow run {run.name} ({run.id}) has no task run {number}.")
        return self.convert(task_run_from, rows)[0]

    def run_names(self) -> list[RunName]:
        """Every flow run, the first recorded first."""
        return [RunName(*row) for row in self.ask("list_run_names", {})]

    def result(self, run: Run | RunName) -> StoredValue | None:
        """What is stored of the value that the flow run gave."""
        [(content, key, serializer, size)] = self.ask("get_flow_run_result", {"flow_run": run.key})
        if size is None:
            return None
        owner = f"flow run {run.name} ({run.id})"
        return StoredValue(
            owner, serializer or PICKLE, content, seed_of_text(run.id), key, size, self.results_home
        )

    def results(self, run: Run | RunName, ids: Iterable[int] | None = None) -> dict[int, StoredValue]:
        """What is stored of the values that its task runs gave, by their ids: of all, or of those. Nothing is unpickled."""
        wanted = None if ids is None else json.dumps(list(ids))
        rows = self.ask("list_results", {"flow_run": run.key, "ids": wanted})
        seed, suffix, home = (
            seed_of_flow_run(run.key),
            f" of flow run {run.name} ({run.id})",
            self.results_home,
        )
        return {
            id: StoredValue(
                f"task run {name}{suffix}", serializer or PICKLE, content, _seed(seed, id, index, *known_by), key,
                size, home,
            )
            for id, index, name, content, key, serializer, size, *known_by in rows
        }  # fmt: skip

    @cached_property
    def identity(self) -> str:
        """What the history calls its folder among others in the same place."""
        return str(self.ask("get_identity", {})[0][0])

    @property
    def results_home(self) -> str:
        """Where the history keeps files of results, if no other place is set."""
        return results_home(self.location, self.identity)

    def cached_results(self, key: str, now_us: int) -> list[CachedResult]:
        """What is stored of the values that count for a key of the cache, the latest first."""
        rows = self.ask("find_cached_results", {"key": key, "now_us": now_us})
        home = self.results_home if rows else ""
        return [
            CachedResult(
                row_key,
                f"{flow_run}/{id}",
                StoredValue(
                    f"task run {flow_run}/{id}", serializer or PICKLE, content,
                    _seed(seed_of_flow_run(flow_run_key), id, index, *known_by), file, size, home,
                ),
                preview,
                expires_us,
            )
            for row_key, id, index, flow_run_key, flow_run, content, file, serializer, size, preview, expires_us, *known_by
            in rows
        ]  # fmt: skip

    def clearings_of_cache(self) -> int:
        """How often the cache was cleared."""
        count: int = self.ask("get_cache_clearings", {})[0][0]
        return count

    def data_version(self) -> int:
        """Another number as soon as others have written."""
        with self._lock:
            version: int = self._connection.execute("PRAGMA data_version").fetchone()[0]
        return version

    def arguments(self, run: Run | RunName) -> StoredValue | None:
        """What is stored of the arguments that the flow was called with."""
        [(content, key)] = self.ask("get_arguments", {"flow_run": run.key})
        if content is None and key is None:
            return None
        owner = f"the arguments of flow run {run.name} ({run.id})"
        size = 0 if content is None else len(content)
        return StoredValue(owner, PICKLE, content, seed_of_text(run.id), key, size, self.results_home)

    def past_runs(self, run: Run) -> list[PastRun]:
        """Its task runs in all epochs, as a resume looks at them; without their values."""
        return self.convert(_past_run, self.ask("list_past_runs", {"flow_run": run.key}))

    def task_codes(self, run: Run) -> dict[str, frozenset[str]]:
        """By which digests the code of each of its tasks was known."""
        codes: dict[str, frozenset[str]] = {}
        for task, digest in self.ask("list_task_codes", {"flow_run": run.key}):
            codes[task] = codes.get(task, frozenset()) | {digest}
        return codes

    def past_subflows(self, run_id: str) -> list[PastSubflow]:
        """The subflows that a flow run called, in all epochs, as a resume looks at them."""
        rows = self.ask("list_past_subflows", {"id": run_id, "first": run_id + "/", "after": run_id + "0"})
        return [PastSubflow._make([*row[:-1], row[-1] == StateType.COMPLETED]) for row in rows]

    def logs(
        self,
        run: Run,
        *,
        task_run: int | None = None,
        min_level: int = 0,
        after_key: int = 0,
        limit: int = 0,
    ) -> list[LogLine]:
        """Log lines in their order of arrival, of one task run or of all and the flow itself.

        ``after_key`` gives only what came after that line: so one follows a run.
        """
        rows = self.ask(
            "list_logs",
            {
                "flow_run": run.key,
                "task_run": task_run,
                "min_level": min_level,
                "after_key": after_key,
                "limit": limit or -1,
            },
        )
        return self.convert(_log_line, rows)

    def edges(self, run: Run) -> list[Edge]:
        """Who waited for whom."""
        return [Edge(*row) for row in self.ask("list_edges", {"flow_run": run.key})]

    def task_groups(self, run: Run) -> list[TaskGroup]:
        """Its task runs counted by task and state, in the order of their first submission."""
        return [TaskGroup(*row) for row in self.ask("list_task_groups", {"flow_run": run.key})]

    def result_groups(self, run: Run) -> list[ResultGroup]:
        """Results of its task runs that are in files, by another serializer or not stored, in the order of their calls."""
        rows = self.ask("list_result_groups", {"flow_run": run.key})
        return [
            ResultGroup(task, serializer, bool(in_file), *rest) for task, serializer, in_file, *rest in rows
        ]

    def task_activity(self, run: Run, *, origin_us: int, step_us: int, now_us: int) -> list[Activity]:
        """When the runs of each task ran, counted in slices of ``step_us`` from ``origin_us`` on."""
        values = {"flow_run": run.key, "origin": origin_us, "step": step_us, "now": now_us}
        return [Activity(*row) for row in self.ask("list_task_activity", values)]

    def task_edges(self, run: Run, *, alone: Iterable[str] = ()) -> list[TaskEdge]:
        """Which task waited for which, each pair once; upstreams of the tasks ``alone`` run by run."""
        rows = self.ask("list_task_edges", {"flow_run": run.key, "alone": json.dumps(list(alone))})
        return [TaskEdge(task, str(upstream), id_, bool(outside)) for task, upstream, id_, outside in rows]

    def names_in_logs(self, run: Run) -> dict[int, TaskRunName]:
        """The task runs that wrote log lines, by their ids."""
        rows = self.ask("list_task_run_names", {"flow_run": run.key})
        return {row[0]: TaskRunName(*row) for row in rows}

    def has_abandoned_runs(self) -> bool:
        """Whether something is recorded as under way whose process is gone: see ``rescuer``.

        Raises ``HistoryUnavailableError``.
        """
        try:
            with self._lock:
                return bool(find_gone(self._connection))
        except REFUSALS as error:
            raise explain(error, self.location) from error

    def limits(self) -> Mapping[str, Limit]:
        """The limits that are set, read anew only if somebody has written since."""
        from headrace.history.lease_book import read_limits  # few readers ask for them

        try:
            with self._lock:
                version: int = self._connection.execute("PRAGMA data_version").fetchone()[0]
                if version != self._limits_version or self._is_shared:  # one's own writing changes no version
                    self._limits = read_limits(self._connection)
                    self._limits_version = version
        except REFUSALS as error:
            raise explain(error, self.location) from error
        return self._limits

    def open_questions(self, run: Run) -> list[OpenQuestion]:
        """What it waits for a person to answer, also if its process is gone."""
        return [OpenQuestion(*row) for row in self.ask("list_questions", {"flow_run": run.key})]

    def count_rows(self) -> RowCounts:
        """How much there is."""
        return RowCounts(*self.ask("count_rows", {})[0])

    def biggest_flows(self, limit: int = 3) -> list[FlowSize]:
        """The flows whose runs take most of the database."""
        return [FlowSize(*row) for row in self.ask("measure_flows", {"limit": limit})]

    def damages(self) -> list[str]:
        """What is wrong with the file: nothing, in a sound one. Reads all of it."""
        from headrace.history.soundness import find_damage  # few readers doubt

        with self._lock:
            return find_damage(self._connection)

    def schema_version(self) -> int:
        """The version of the database's schema."""
        with self._lock:
            version: int = self._connection.execute("PRAGMA user_version").fetchone()[0]
        return version

    def packages(self, run: Run) -> Mapping[str, str]:
        """The packages that were installed where it ran, with their versions."""
        rows = self.ask("get_environment", {"digest": run.environment})
        packages: dict[str, str] = json.loads(rows[0][0]) if rows else {}
        return packages

    def ask(self, name: str, values: Mapping[str, object]) -> list[tuple[Any, ...]]:
        """The rows that a statement of ``sql/`` gives. Raises ``HistoryUnavailableError``."""
        try:
            with self._lock:
                return self._connection.execute(statement(name), values).fetchall()
        except REFUSALS as error:
            raise explain(error, self.location) from error

    def convert(self, convert: Callable[[tuple[Any, ...]], V], rows: Iterable[tuple[Any, ...]]) -> list[V]:
        """The rows as values. One that nobody can have written is a damage, and is told as such."""
        try:
            return [convert(row) for row in rows]
        except UNREADABLE as error:
            raise unreadable(error, self.location) from error


def _not_found(name: str, candidates: Sequence[tuple[str, str]], location: str) -> str:
    if not candidates:
        return (
            f"The history {location} has no flow run whose id begins with {name!r} or that has this name. "
            "`headrace runs list` shows those it has."
        )
    shown = ", ".join(f"{id_} ({run_name})" for id_, run_name in candidates[:5])
    return f"The ids of several flow runs begin with {name!r}: {shown}. Give more of the id."


def summary_from(row: tuple[Any, ...]) -> RunSummary:
    """A row of ``list_runs`` as a value."""
    (id_, kind, flow, name, state, state_type, created_us, started_us, ended_us, tags, parent, counts,
     reason) = row  # fmt: skip
    return RunSummary(id_, kind, flow, name, _known(state), state_type, _moment(created_us), _moment(started_us), _moment(ended_us), _texts(tags),
                      parent, _counts(counts), reason)  # fmt: skip


def run_from(row: tuple[Any, ...]) -> Run:
    """A row of ``find_runs`` as a value."""
    (key, id_, kind, flow, name, version, tags, state, state_type, states, created_us, started_us, ended_us, parent,
     task_runner, parameters, preview, note, failure, provenance, environment, epoch, counts, *storage) = row  # fmt: skip
    return Run(
        key, id_, kind, flow, name, version, _texts(tags), _known(state), state_type, _states(states),
        _moment(created_us), _moment(started_us), _moment(ended_us), parent, task_runner, parameters, preview, note, _failure(failure),
        json.loads(provenance) if provenance else {}, environment, epoch, _counts(counts),
        _storage(*storage),
    )  # fmt: skip


def task_run_from(row: tuple[Any, ...]) -> TaskRun:
    """A row of ``list_task_runs`` as a value."""
    (id_, parent, task, index, name, tags, state, state_type, states, submitted_us, started_us, ended_us,
     attempt_count, attempts, upstreams, parameters, worker, preview, note, failure, *storage, cached_from) = row  # fmt: skip
    return TaskRun(
        id_, parent, task, index, name or f"{task}-{index}", _texts(tags), _known(state), state_type, _states(states),
        _moment(submitted_us), _moment(started_us), _moment(ended_us), attempt_count,
        tuple([_attempt(attempt) for attempt in json.loads(attempts)]) if attempts else (),
        tuple(json.loads(upstreams)) if upstreams else (), parameters, worker, preview, note, _failure(failure),
        _storage(*storage), cached_from,
    )  # fmt: skip


def _seed(seed: int, id: int, index: object, *known_by: object) -> int:
    """Where the checksum of a task run's result starts; of a row that is damaged, elsewhere."""
    number = index if isinstance(index, int) else -1
    return seed_of_task_run(seed, id, number, "".join([str(part) for part in known_by if part is not None]))


def _storage(serializer: str | None, key: str | None, size: int | None) -> Storage | None:
    return None if size is None else Storage(serializer or PICKLE, size, key)


def _past_run(row: tuple[Any, ...]) -> PastRun:
    id_, task, index, parent, state_name, upstreams, parameters, call_key, note = row
    waited_for = tuple(json.loads(upstreams)) if upstreams else ()
    state = StateName(state_name)
    # What was recorded when it had just begun does not tell its arguments: nobody had looked at them yet.
    tells_its_arguments = state.type is StateType.COMPLETED or parameters is not None
    key = call_key or (row_key(parameters, waited_for) if tells_its_arguments else None)
    return PastRun(id_, task, index, parent, key, state, waited_for, None, note)


def _attempt(attempt: dict[str, Any]) -> AttemptView:
    failure = attempt["failure"]
    return AttemptView(
        attempt["number"],
        _moment(attempt["started_us"]),
        _moment(attempt["ended_us"]),
        attempt["worker"],
        FailureView(**failure) if failure else None,
    )


def _log_line(row: tuple[Any, ...]) -> LogLine:
    line = LogLine(*row)
    _moment(line.at_us)
    return line


def _moment(time_us: Any) -> Any:
    """The time, which a calendar has; ``None`` has not come yet. Raises ``ValueError``."""
    if time_us is not None and not 0 <= time_us < _END_OF_TIME_US:
        raise ValueError(f"no calendar has the time {time_us}")
    return time_us


def _known(state: str) -> str:
    """The name, which is one of ours. Raises ``ValueError``."""
    return StateName(state).value


def _states(text: str) -> tuple[StateView, ...]:
    return tuple(
        [
            StateView(entry[0], _moment(entry[1]), entry[2] if len(entry) > 2 else None)
            for entry in json.loads(text)
        ]
    )


def _failure(text: str | None) -> FailureView | None:
    return FailureView(**json.loads(text)) if text else None


def _texts(text: str | None) -> tuple[str, ...]:
    return tuple(json.loads(text)) if text else ()


def _counts(text: str) -> dict[str, int]:
    counts: dict[str, int] = json.loads(text)
    return {
        state_type.value: counts[state_type.value] for state_type in StateType if state_type.value in counts
    }
