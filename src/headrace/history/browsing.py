"""What a person who browses a history sees first: pages of flow runs by filters, one flow run by its whole id.

Functions of a ``Reader``; each is a statement or two, and aggregates are SQLite's work.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from headrace.engine.states import StateType
from headrace.errors import RunNotFoundError
from headrace.history.reader import run_from, summary_from
from headrace.history.watching import Standing

if TYPE_CHECKING:
    from headrace.history.reader import Reader, Run, RunSummary

_END_OF_TIME = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFilter:
    """Which flow runs are meant: all conditions hold. ``state`` is a type or a name; ``text`` is looked for in names."""

    state: str | None = None
    flow: str | None = None
    tag: str | None = None
    text: str | None = None
    since_us: int | None = None
    until_us: int | None = None
    roots_only: bool = True

    def values(self) -> dict[str, object]:
        """For a statement."""
        return {
            "state": self.state,
            "flow": self.flow,
            "tag": self.tag,
            "text": self.text,
            "since_us": 0 if self.since_us is None else self.since_us,
            "until_us": _END_OF_TIME if self.until_us is None else self.until_us,
            "roots_only": self.roots_only,
        }


def list_runs(
    reader: Reader, filter_: RunFilter, *, before: tuple[int, ...] | None = None, limit: int
) -> list[tuple[int, RunSummary]]:
    """Flow runs, newest first, each with its key. ``before`` is the creation time and the key of the one before these."""
    before_us, before_key = before or (_END_OF_TIME, _END_OF_TIME)
    values = filter_.values() | {"before_us": before_us, "before_key": before_key, "limit": limit}
    rows = reader.ask("browse_runs", values)
    return reader.convert(lambda row: (row[0], summary_from(row[1:])), rows)


def get_run(reader: Reader, id: str) -> Run:
    """The flow run of that whole id. Raises ``RunNotFoundError``."""
    rows = reader.ask("get_flow_run", {"id": id})
    if not rows:
        raise _not_found(reader, id)
    return reader.convert(run_from, rows)[0]


def get_run_key(reader: Reader, id: str) -> int:
    """What its task runs and log lines know it by. Raises ``RunNotFoundError``."""
    rows = reader.ask("get_flow_run_key", {"id": id})
    if not rows:
        raise _not_found(reader, id)
    key: int = rows[0][0]
    return key


def get_standing(reader: Reader, id: str) -> tuple[int, Standing]:
    """Its key, and where it stands. Raises ``RunNotFoundError``."""
    rows = reader.ask("get_standing", {"id": id})
    if not rows:
        raise _not_found(reader, id)
    key, *rest = rows[0]
    return key, Standing._make(rest)


def list_subflows(reader: Reader, id: str, *, limit: int) -> list[RunSummary]:
    """The flow runs that it called, itself or by its task runs, oldest first."""
    rows = reader.ask("browse_subflows", {"id": id, "first": id + "/", "after": id + "0", "limit": limit})
    return reader.convert(summary_from, rows)


def count_subflows(reader: Reader, id: str) -> int:
    """How many flow runs it called, itself or by its task runs."""
    count: int = reader.ask("count_subflows", {"id": id, "first": id + "/", "after": id + "0"})[0][0]
    return count


def count_upstream_failed(reader: Reader, run: Run) -> int:
    """How many of its task runs did not start, for an upstream did not complete; they are among those that are FAILED."""
    if not run.task_runs.get(StateType.FAILED.value):
        return 0
    count: int = reader.ask("count_upstream_failed", {"flow_run": run.key})[0][0]
    return count


def has_run(reader: Reader, id: str) -> bool:
    """Whether there is a flow run of that whole id."""
    return bool(reader.ask("get_flow_run", {"id": id}))


def failed_task_runs(reader: Reader, run: Run, limit: int = 1000) -> list[str]:
    """Its task runs that failed themselves, by the names under which a resume runs them again."""
    return [name for (name,) in reader.ask("list_failed_task_runs", {"flow_run": run.key, "limit": limit})]


def run_of_process(reader: Reader, process: tuple[int, str], flow: str, *, since_us: int) -> str | None:
    """The id of the first run of a flow that the process of that number and host has begun since then."""
    pid, host = process
    rows = reader.ask("find_run_of_process", {"pid": pid, "host": host, "since_us": since_us, "flow": flow})
    return rows[0][0] if rows else None


def list_flow_names(reader: Reader, limit: int) -> list[str]:
    """The names of the flows that ran, in their order."""
    return [name for (name,) in reader.ask("list_flow_names", {"limit": limit})]


def list_tags(reader: Reader, limit: int) -> list[str]:
    """The tags that flow runs have, in their order."""
    return [tag for (tag,) in reader.ask("list_tags", {"limit": limit})]


class Slices(NamedTuple):
    """Flow runs by the time of their creation: of each slice of ``step_us`` from ``from_us`` on, counts by types of states."""

    from_us: int
    step_us: int
    counts: list[dict[str, int]]


def slice_runs(reader: Reader, filter_: RunFilter, buckets: int) -> Slices:
    """So many slices from the first of the runs to the last, or between the times of the filter."""
    values = filter_.values()
    first_us, last_us = reader.ask("find_span_of_runs", values)[0]
    if first_us is None:
        return Slices(filter_.since_us or 0, 1, [])
    from_us = first_us if filter_.since_us is None else filter_.since_us
    end_us = last_us + 1 if filter_.until_us is None else filter_.until_us
    step_us = max(-(-(end_us - from_us) // buckets), 1)
    counts: list[dict[str, int]] = [{} for _ in range(buckets)]
    for place, state_type, count in reader.ask(
        "count_runs_by_time", values | {"from_us": from_us, "step_us": step_us}
    ):
        counts[place][state_type] = count
    return Slices(from_us, step_us, counts)


def _not_found(reader: Reader, id: str) -> RunNotFoundError:
    return RunNotFoundError(f"The history {reader.location} has no flow run with the id {id!r}.")
