"""What the API tells of the task runs of a flow run as a whole: columns of all, and who waited for whom."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.clock import now_us
from headrace.engine.states import StateName
from headrace.history import browsing, timelines
from headrace.server.api.encoding import MAX_ANSWER_BYTES
from headrace.server.api.endpoint import Endpoint, Json
from headrace.server.api.paging import cursor_of, fitting, keys_of
from headrace.server.api.parameters import CURSOR, RUN_ID, Parameter, limit
from headrace.server.api.run_rows import NAME, cut, cut_or_none
from headrace.server.api.views import Columns, CriticalPath, Edges, StateChange, StateChanges

if TYPE_CHECKING:
    from collections.abc import Callable

    from headrace.history.reader import Reader
    from headrace.history.timelines import Change

_LONGEST_PATH = 50_000
_QUICK_EDGES = 15_000
_QUICK_PAGE = 10_000
"""More rarely fit into a megabyte, or take longer than a person should notice."""

AFTER = Parameter(
    name="after",
    about="only task runs of a greater id: next_after of the page before this one",
    kind="integer",
    default=0,
    most=2**32 - 1,
)


def get_timeline(reader: Reader, *, id: str, after: int, changed_since_us: int | None, limit: int) -> Json:
    """Columns of its task runs, made by SQLite and passed on as they are."""
    run = browsing.get_run(reader, id)

    def columns(count: int) -> str:
        return timelines.columns(
            reader, run, after=after, changed_since_us=changed_since_us, limit=count, now_us=now_us()
        )

    return _within_bounds(columns, min(limit, _QUICK_PAGE))


def list_edges(reader: Reader, *, id: str, after: int, limit: int) -> Json:
    """Who waited for whom, as columns."""
    run = browsing.get_run_key(reader, id)
    return _within_bounds(
        lambda count: timelines.edges(reader, run, after=after, limit=count), min(limit, _QUICK_EDGES)
    )


def list_states(reader: Reader, *, id: str, cursor: str | None, limit: int) -> StateChanges:
    """A page of what happened to a flow run and its task runs, in the order of time."""
    run = browsing.get_run(reader, id)
    after = timelines.START if cursor is None else keys_of(cursor, 3)
    found = timelines.state_changes(reader, run.key, after=after, limit=limit + 1)
    items = fitting([_change_of(change, run.name) for change in found[:limit]])
    if len(items) == len(found):
        return StateChanges(items, None)
    last = found[len(items) - 1]
    return StateChanges(items, cursor_of(last.at_us, last.task_run, last.position))


def get_critical_path(reader: Reader, *, id: str) -> CriticalPath:
    """The task runs that made a flow run last as long as it did."""
    run = browsing.get_run_key(reader, id)
    return CriticalPath(timelines.critical_path(reader, run, now_us=now_us(), limit=_LONGEST_PATH))


def _within_bounds(text_of: Callable[[int], str], limit: int) -> Json:
    """The text for the greatest count of rows up to the limit, halved until an answer takes it."""
    while True:
        text = text_of(limit)
        if len(text) <= MAX_ANSWER_BYTES // 4 or len(text.encode()) <= MAX_ANSWER_BYTES or limit == 1:
            return Json(text)
        limit //= 2


def _change_of(change: Change, flow_run_name: str) -> StateChange:
    state = StateName(change.state)
    return StateChange(
        change.at_us,
        change.task_run or None,
        cut(change.name or flow_run_name, NAME),
        state.value,
        state.type.value,
        cut_or_none(change.reason, NAME),
        change.epoch,
    )


ENDPOINTS = (
    Endpoint(
        path="/api/runs/{id}/timeline",
        handler=get_timeline,
        summary="The task runs of a flow run, as columns in the order of their ids",
        answer=Columns,
        parameters=(
            RUN_ID,
            AFTER,
            Parameter(
                name="changed_since_us",
                about="only those that have not ended, or to which something happened since",
                kind="integer",
            ),
            limit(20_000, 20_000),
        ),
    ),
    Endpoint(
        path="/api/runs/{id}/edges",
        handler=list_edges,
        summary="Who waited for whom in a flow run, as columns in the order of the downstreams",
        answer=Edges,
        parameters=(
            RUN_ID,
            Parameter(
                name="after", about="next_after of the page before this one", kind="integer", default=0
            ),
            limit(50_000, 50_000),
        ),
    ),
    Endpoint(
        path="/api/runs/{id}/states",
        handler=list_states,
        summary="Every change of state of a flow run and its task runs, in the order of time",
        answer=StateChanges,
        parameters=(RUN_ID, CURSOR, limit(500, 2000)),
    ),
    Endpoint(
        path="/api/runs/{id}/critical-path",
        handler=get_critical_path,
        summary="The task runs that made a flow run last: from the last that ended back over what it waited for longest",
        answer=CriticalPath,
        parameters=(RUN_ID,),
    ),
)
