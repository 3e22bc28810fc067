"""The task runs of a flow run by the ten thousand: columns that SQLite makes, as JSON text that nobody decodes on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
