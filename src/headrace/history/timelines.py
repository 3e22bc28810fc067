"""The task runs of a flow run by the ten thousand: columns that SQLite makes, as JSON text that nobody decodes on the way.

And in the order of time: what happened to them, and which of them made the flow run last.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from headrace.history.reader import Reader, Run


def columns(
    reader: Reader, run: Run, *, after: int, changed_since_us: int | None, limit: int, now_us: int
) -> str:
    """A page of its task runs as a JSON object of columns, in the order of their ids.

    ``changed_since_us`` leaves out those that had ended before it.
    """
    values = {
        "flow_run": run.key,
        "after": after,
        "base_us": run.created_us,
        "changed_since_us": changed_since_us,
        "limit": limit,
        "now_us": now_us,
    }
    text: str = reader.ask("make_columns", values)[0][0]
    return text


def edges(reader: Reader, run: int, *, after: int, limit: int) -> str:
    """A page of who waited for whom as a JSON object of columns. ``after`` is the ``next_after`` of the page before."""
    text: str = reader.ask("make_edges", {"flow_run": run, "after": after, "limit": limit})[0][0]
    return text


_END_OF_TIME = 2**63 - 1


class Change(NamedTuple):
    """A change of state of a task run, or of the flow run itself: task run 0. ``position`` orders those of one moment."""

    at_us: int
    task_run: int
    position: int
    state: str
    reason: str | None
    epoch: int
    name: str | None


START = (0, -1, 0)
"""Where nothing has happened yet."""


def state_changes(reader: Reader, run: int, *, after: tuple[int, ...], limit: int) -> list[Change]:
    """What happened behind the place ``after``: time, task run and position of a change, or ``START``."""
    after_us, after_task_run, after_position = after
    values = {
        "flow_run": run,
        "after_us": after_us,
        "after_task_run": after_task_run,
        "after_position": after_position,
        "limit": limit,
    }
    ends = reader.ask("find_page_end", {"flow_run": run, "after_us": after_us, "limit": limit})
    values["until_us"] = ends[0][0] if ends else _END_OF_TIME  # the page is full by then
    return reader.convert(Change._make, reader.ask("list_state_changes", values))


def critical_path(reader: Reader, run: int, *, now_us: int, limit: int) -> list[int]:
    """The ids of the task runs that made it last as long as it did, the first first; of a very long way the end."""
    rows = reader.ask("find_critical_path", {"flow_run": run, "now_us": now_us, "limit": limit})
    return [id_ for (id_,) in reversed(rows)]
