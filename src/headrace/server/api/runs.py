"""What the API tells of flow runs: the list and its filters, one run, its subflows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import headrace
from headrace.clock import now_us
from headrace.history import browsing
from headrace.history.browsing import RunFilter
from headrace.server.api.endpoint import Endpoint
from headrace.server.api.limit_waits import waits_of
from headrace.server.api.paging import cursor_of, fitting, keys_of
from headrace.server.api.parameters import CURSOR, FILTERS, MAX_TEXT, RUN_ID, Parameter, limit
from headrace.server.api.run_rows import counts_of, cut, row_of, run_of
from headrace.server.api.views import Histogram, Info, Names, Run, RunList, RunPage

if TYPE_CHECKING:
    from typing import Any

    from headrace.history.reader import Reader


_MAX_NAMES = 1000
_MAX_SUBFLOWS = 1000


def get_info(reader: Reader) -> Info:
    """What answers."""
    return Info(headrace.__version__, reader.location, now_us())


def list_runs(reader: Reader, *, cursor: str | None, limit: int, **filters: Any) -> RunPage:
    """A page of flow runs, the newest first."""
    before = None if cursor is None else keys_of(cursor, 2)
    found = browsing.list_runs(reader, RunFilter(**filters), before=before, limit=limit + 1)
    rows = fitting([row_of(run) for _, run in found[:limit]])
    if len(rows) == len(found):
        return RunPage(rows, None)
    key, last = found[len(rows) - 1]
    return RunPage(rows, cursor_of(last.created_us, key))


def get_run(reader: Reader, *, id: str) -> Run:
    """One flow run. Raises ``RunNotFoundError``."""
    run = browsing.get_run(reader, id)
    return run_of(
        run,
        upstream_failed=browsing.count_upstream_failed(reader, run),
        subflows=browsing.count_subflows(reader, id),
        questions=reader.open_questions(run),
        waits=waits_of(reader, run),
    )


def list_subflows(reader: Reader, *, id: str) -> RunList:
    """The flow runs that it called, oldest first; of very many the first."""
    browsing.get_run_key(reader, id)
    subflows = browsing.list_subflows(reader, id, limit=_MAX_SUBFLOWS)
    return RunList(fitting([row_of(run) for run in subflows]))


def get_histogram(reader: Reader, *, buckets: int, **filters: Any) -> Histogram:
    """Flow runs over time."""
    slices = browsing.slice_runs(reader, RunFilter(**filters), buckets)
    return Histogram(slices.from_us, slices.step_us, [counts_of(counts) for counts in slices.counts])


def list_flow_names(reader: Reader) -> Names:
    """What the filter by flow can be set to."""
    return Names(fitting([cut(name, MAX_TEXT) for name in browsing.list_flow_names(reader, _MAX_NAMES)]))


def list_tags(reader: Reader) -> Names:
    """What the filter by tag can be set to."""
    return Names(fitting([cut(tag, MAX_TEXT) for tag in browsing.list_tags(reader, _MAX_NAMES)]))


ENDPOINTS = (
    Endpoint(path="/api/info", handler=get_info, summary="What answers", answer=Info),
    Endpoint(
        path="/api/runs",
        handler=list_runs,
        summary="Flow runs, newest first",
        answer=RunPage,
        parameters=(*FILTERS, CURSOR, limit(50, 200)),
    ),
    Endpoint(
        path="/api/runs/histogram",
        handler=get_histogram,
        summary="How many flow runs were created when, by the type of their state",
        answer=Histogram,
        parameters=(
            *FILTERS,
            Parameter(
                name="buckets", about="how many slices of time", kind="integer", default=60, least=1, most=500
            ),
        ),
    ),
    Endpoint(path="/api/flow-names", handler=list_flow_names, summary="The names of all flows", answer=Names),
    Endpoint(path="/api/tags", handler=list_tags, summary="The tags of all flow runs", answer=Names),
    Endpoint(path="/api/runs/{id}", handler=get_run, summary="A flow run", answer=Run, parameters=(RUN_ID,)),
    Endpoint(
        path="/api/runs/{id}/subflows",
        handler=list_subflows,
        summary="The flow runs that a flow run called, oldest first",
        answer=RunList,
        parameters=(RUN_ID,),
    ),
)
