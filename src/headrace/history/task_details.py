"""One task run among the others: whom it waited for, who waited for it, what it called."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from headrace.errors import RunNotFoundError
from headrace.history.reader import summary_from, task_run_from

if TYPE_CHECKING:
    from collections.abc import Iterable

    from headrace.history.reader import Reader, RunSummary, TaskRun


class Neighbour(NamedTuple):
    """A task run of the same flow run, or another flow run, and how it stands."""

    id: int | str
    name: str
    state: str
    state_type: str
    ended_us: int | None


def get_task_run(reader: Reader, run: int, number: int) -> TaskRun:
    """The task run of that number in the flow run of that key. Raises ``RunNotFoundError``."""
    rows = reader.ask(
        "list_task_runs", {"flow_run": run, "after": number - 1, "state": None, "task": None, "limit": 1}
    )
    if not rows or rows[0][0] != number:
        raise RunNotFoundError(f"The flow run has no task run {number}.")
    return reader.convert(task_run_from, rows)[0]


def neighbours(reader: Reader, run: int, ids: Iterable[int]) -> dict[int | str, Neighbour]:
    """Those task runs by their ids."""
    rows = reader.ask("list_task_refs", {"flow_run": run, "ids": json.dumps(list(ids))})
    return {row[0]: Neighbour._make(row) for row in rows}


def other_runs(reader: Reader, ids: Iterable[str]) -> dict[int | str, Neighbour]:
    """Those flow runs by their ids, as far as they are there."""
    rows = reader.ask("list_run_refs", {"ids": json.dumps(list(ids))})
    return {row[0]: Neighbour._make(row) for row in rows}


def downstreams(reader: Reader, run: int, number: int, limit: int) -> tuple[list[Neighbour], int]:
    """The first task runs that waited for this one, and how many there are."""
    rows = reader.ask("list_downstreams", {"flow_run": run, "id": number, "limit": limit})
    return [Neighbour._make(row[:-1]) for row in rows], rows[0][-1] if rows else 0


def subflows(reader: Reader, run_id: str, number: int, limit: int) -> list[RunSummary]:
    """The flow runs that it called, oldest first."""
    rows = reader.ask("list_subflows_of_task_run", {"parent": f"{run_id}/{number}", "limit": limit})
    return reader.convert(summary_from, rows)
