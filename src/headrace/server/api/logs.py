"""What the API tells of log lines: pages forwards and backwards, and the newest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.history import browsing, log_pages
from headrace.history.log_pages import Stretch
from headrace.server.api.endpoint import Endpoint
from headrace.server.api.paging import fitting
from headrace.server.api.parameters import RUN_ID, TASK_RUN, Parameter, limit
from headrace.server.api.problems import refused
from headrace.server.api.run_rows import NAME, cut, cut_or_none
from headrace.server.api.views import LogLine, LogPage

if TYPE_CHECKING:
    from headrace.history.log_pages import NamedLine
    from headrace.history.reader import Reader

_MESSAGE = 50_000


def list_logs(
    reader: Reader,
    *,
    id: str,
    task_run: int | None,
    min_level: int,
    text: str | None,
    after: int | None,
    before: int | None,
    tail: bool,
    limit: int,
) -> LogPage:
    """A page of log lines in their order: those behind ``after``, the last before ``before``, or the last of all.

    It may be empty and yet have more: then one goes on before its ``first_key`` or after its ``last_key``.
    """
    if (after is not None) + (before is not None) + tail > 1:
        raise refused("after, before and tail exclude one another: give one of them.")
    run = browsing.get_run_key(reader, id)
    wanted = log_pages.Wanted(task_run=task_run, min_level=min_level, text=text)
    if before is None and not tail:
        found, stretch = log_pages.after(reader, run, wanted, key=after or 0, limit=limit + 1)
        lines = fitting([_line_of(line) for line in found[:limit]])
        if len(lines) < len(found):
            stretch = Stretch(stretch.first_key, lines[-1].key, has_more=True)
    else:
        found, stretch = log_pages.before(reader, run, wanted, key=before, limit=limit + 1)
        lines = fitting([_line_of(line) for line in found[:limit]])[::-1]
        if len(lines) < len(found):
            stretch = Stretch(lines[0].key, stretch.last_key, has_more=True)
    return LogPage(lines, stretch.first_key, stretch.last_key, stretch.has_more)


def _line_of(line: NamedLine) -> LogLine:
    return LogLine(
        line.key,
        line.task_run,
        cut_or_none(line.task_run_name, NAME),
        line.at_us,
        line.level,
        cut(line.logger, NAME),
        cut(line.message, _MESSAGE),
    )


def _key(name: str, about: str) -> Parameter:
    return Parameter(name=name, about=about, kind="integer")


ENDPOINTS = (
    Endpoint(
        path="/api/runs/{id}/logs",
        handler=list_logs,
        summary="Log lines of a flow run, in their order of arrival. A page may be empty and yet have more",
        answer=LogPage,
        parameters=(
            RUN_ID,
            TASK_RUN,
            Parameter(
                name="min_level",
                about="of that level at least, as Python counts them: 20 is INFO",
                kind="integer",
                default=0,
                most=1000,
            ),
            Parameter(name="text", about="looked for in the messages, in any case"),
            _key("after", "only lines that came after the one of this key"),
            _key("before", "the last lines that came before the one of this key"),
            Parameter(name="tail", about="the last lines of all", kind="boolean", default=False),
            limit(500, 2000),
        ),
    ),
)
