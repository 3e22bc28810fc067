"""What the API tells of the task runs of a flow run as a whole: columns of all, and who waited for whom."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.clock import now_us
from headrace.history import browsing, timelines
from headrace.server.api.encoding import MAX_ANSWER_BYTES
from headrace.server.api.endpoint import Endpoint, Json
from headrace.server.api.parameters import RUN_ID, Parameter, limit
from headrace.server.api.views import Columns

if TYPE_CHECKING:
    from headrace.history.reader import Reader

_QUICK_PAGE = 15_000
"""More rarely fit into a megabyte."""

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
    limit = min(limit, _QUICK_PAGE)
    while True:
        text = timelines.columns(
            reader, run, after=after, changed_since_us=changed_since_us, limit=limit, now_us=now_us()
        )
        if len(text) <= MAX_ANSWER_BYTES // 4 or len(text.encode()) <= MAX_ANSWER_BYTES:
            return Json(text)
        limit //= 2


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
)
