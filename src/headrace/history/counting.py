"""How much of what there is, for whoever watches from outside: counts that indexes give."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from headrace.history.reader import Reader


class FlowRunCount(NamedTuple):
    """The runs of one flow whose states are of one type, and when the last of them was created, and the last ended."""

    flow: str
    state_type: str
    runs: int
    created_us: int
    ended_us: int | None


def flow_run_counts(reader: Reader, limit: int) -> list[FlowRunCount]:
    """Flow runs by flow and type of state."""
    return [FlowRunCount._make(row) for row in reader.ask("count_flow_runs_by_state", {"limit": limit})]


def task_runs_under_way(reader: Reader) -> dict[str, int]:
    """How many task runs have not ended, by type of state."""
    return dict(reader.ask("count_task_runs_under_way", {}))
