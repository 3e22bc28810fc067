"""What the API tells of one task run: all of it, and what stands round it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.clock import now_us
from headrace.engine.states import StateName, StateType
from headrace.history import browsing, task_details
from headrace.server.api.endpoint import Endpoint
from headrace.server.api.paging import fitting
from headrace.server.api.parameters import RUN_ID, TASK_RUN_NUMBER
from headrace.server.api.run_rows import (
    NAME,
    TEXT,
    cut,
    cut_or_none,
    failure_of,
    row_of,
    states_of,
    tags_of,
)
from headrace.server.api.views import Attempt, Storage, TaskRef, TaskRun, Waited

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from headrace.history.reader import AttemptView, Reader, TaskRun as RecordedTaskRun
    from headrace.history.task_details import Neighbour

_MAX_NEIGHBOURS = 100
_MAX_UPSTREAMS = 1000
_MAX_SUBFLOWS = 50
_ATTEMPTS_BYTES = 200_000


def get_task_run(reader: Reader, *, id: str, n: int) -> TaskRun:
    """One task run. Raises ``RunNotFoundError``."""
    run = browsing.get_run_key(reader, id)
    found = task_details.get_task_run(reader, run, n)
    upstreams = task_details.neighbours(reader, run, [key for key in found.upstreams if isinstance(key, int)])
    outsiders = [key.partition("/")[0] for key in found.upstreams if isinstance(key, str)]
    upstreams |= task_details.other_runs(reader, dict.fromkeys(outsiders)) if outsiders else {}
    downstreams, downstream_count = task_details.downstreams(reader, run, n, _MAX_NEIGHBOURS)
    subflows = task_details.subflows(reader, id, n, _MAX_SUBFLOWS)
    storage = found.storage
    return TaskRun(
        id=found.id,
        parent=found.parent,
        task=cut(found.task, NAME),
        index=found.task_index,
        name=cut(found.name, NAME),
        tags=tags_of(found.tags),
        state=found.state,
        state_type=StateType(found.state_type).value,
        states=states_of(found.states),
        submitted_us=found.submitted_us,
        started_us=found.started_us,
        ended_us=found.ended_us,
        attempt_count=found.attempt_count,
        attempts=fitting([_attempt_of(attempt) for attempt in found.attempts], _ATTEMPTS_BYTES),
        upstreams=[_upstream_of(key, upstreams) for key in found.upstreams[:_MAX_UPSTREAMS]],
        upstream_count=len(found.upstreams),
        downstreams=[_ref_of(neighbour) for neighbour in downstreams],
        downstream_count=downstream_count,
        parameters=cut_or_none(found.parameters, TEXT),
        worker=cut_or_none(found.worker, NAME),
        result_preview=cut_or_none(found.result_preview, TEXT),
        result_note=cut_or_none(found.result_note, NAME),
        failure=failure_of(found.failure),
        storage=None
        if storage is None
        else Storage(storage.serializer, storage.size, storage.key is not None),
        cached_from=cut_or_none(found.cached_from, NAME),
        waited=waited_of(found, [upstreams[key] for key in found.upstreams if key in upstreams], now_us()),
        subflows=fitting([row_of(subflow) for subflow in subflows], 100_000),
    )


def waited_of(run: RecordedTaskRun, upstreams: Iterable[Neighbour], now: int) -> Waited:
    """Where its time went: until the last upstream had ended, until it began, and while an attempt ran."""
    end = run.ended_us or now
    first_start = min([attempt.started_us for attempt in run.attempts] + [run.started_us or end])
    begin = min(max(first_start, run.submitted_us), max(end, run.submitted_us))
    last_upstream = max([upstream.ended_us or begin for upstream in upstreams], default=run.submitted_us)
    ready = min(max(last_upstream, run.submitted_us), begin)
    if run.state == StateName.UPSTREAM_FAILED.value:
        ready = begin  # it never was to have a slot
    if run.attempts:
        ran = sum([attempt.ended_us - attempt.started_us for attempt in run.attempts])
        is_at_another = not StateType(run.state_type).is_terminal and run.started_us is not None
        if is_at_another and run.started_us is not None and run.started_us > run.attempts[-1].started_us:
            ran += now - run.started_us
    else:
        ran = 0 if run.started_us is None else end - run.started_us
    return Waited(ready - run.submitted_us, begin - ready, max(ran, 0))


def _attempt_of(attempt: AttemptView) -> Attempt:
    return Attempt(
        attempt.number,
        attempt.started_us,
        attempt.ended_us,
        cut(attempt.worker, NAME),
        failure_of(attempt.failure),
    )


def _upstream_of(key: int | str, known: Mapping[int | str, Neighbour]) -> TaskRef:
    """How an upstream is shown; of a task run of another flow run no more is known here than whose it is."""
    if key in known:
        return _ref_of(known[key], key if isinstance(key, str) else None)
    id_ = key if isinstance(key, int) else cut(key, NAME)
    run, _, number = cut(str(key), NAME).partition("/")
    other = known.get(run)
    name = str(id_) if other is None else f"{cut(other.name, 200)}, task run {number}"
    return TaskRef(id_, name, None, None, run)


def _ref_of(neighbour: Neighbour, run: str | None = None) -> TaskRef:
    return TaskRef(
        neighbour.id, cut(neighbour.name, 200), neighbour.state, StateType(neighbour.state_type).value, run
    )


ENDPOINTS = (
    Endpoint(
        path="/api/runs/{id}/task-runs/{n}",
        handler=get_task_run,
        summary="A task run of a flow run",
        answer=TaskRun,
        parameters=(RUN_ID, TASK_RUN_NUMBER),
    ),
)
