"""What tells whoever looks again and again which flow runs have changed. Every question is cheap, whatever the history's size.

Functions of a ``Reader``.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from headrace.history.reader import summary_from

if TYPE_CHECKING:
    from collections.abc import Iterable

    from headrace.history.reader import Reader, RunSummary


class Standing(NamedTuple):
    """Where a flow run stands. If it is the same as before, and the run has ended, nothing has become of it since."""

    id: str
    state: str
    epoch: int
    ended_us: int | None


class LiveRun(NamedTuple):
    """A flow run as a list shows it, with the ids of its last task run and its last log line; 0: there is none.

    ``leases``: 0 while nobody of it waits for a limit; else a number that changes with who holds and who waits.
    """

    summary: RunSummary
    last_task_run: int
    last_log: int
    leases: int


def list_standings(reader: Reader, *, newest: int) -> dict[int, Standing]:
    """By their keys: all flow runs that have not ended, and so many of the newest."""
    return {key: Standing(*rest) for key, *rest in reader.ask("list_standings", {"newest": newest})}


def list_live_runs(reader: Reader, keys: Iterable[int]) -> dict[int, LiveRun]:
    """The flow runs of these keys, if they are there."""
    rows = reader.ask("list_live_runs", {"keys": json.dumps(list(keys))})
    return dict(reader.convert(lambda row: (row[0], LiveRun(summary_from(row[4:]), *row[1:4])), rows))


def count_flow_runs(reader: Reader) -> int:
    """How many there are."""
    count: int = reader.ask("count_flow_runs", {})[0][0]
    return count


def last_log(reader: Reader) -> int:
    """The key of the last log line of all flow runs."""
    key: int = reader.ask("find_last_log", {})[0][0]
    return key


def list_new_logs(reader: Reader, *, after: int) -> dict[int, int]:
    """The flow runs that have written log lines since, by their keys, each with its last one."""
    return dict(reader.ask("list_new_logs", {"after": after}))
