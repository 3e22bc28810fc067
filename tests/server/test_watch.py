"""What a watch sees: each change of a flow run, once, whoever made it and whatever became of the file meanwhile."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from headrace.engine.states import StateName
from headrace.history import History
from headrace.history.backups import back_up, restore
from headrace.history.deletion import delete_runs
from headrace.history.giving_way import COUNTS_FOR_SECONDS, asking_to_give_way
from headrace.server.source import Source
from headrace.server.watch import NEWEST, TOTAL, Change, Watch
from tests.facts import Facts

if TYPE_CHECKING:
    from collections.abc import Iterator

RUNNING = (StateName.PENDING, StateName.RUNNING)
COMPLETED = (*RUNNING, StateName.COMPLETED)


@pytest.fixture
def watch(history: History) -> Iterator[Watch]:
    watch = Watch(Source(history.location))
    yield watch
    watch.rest()


def record(history: History, *facts: object) -> None:
    for fact in facts:
        history.record(fact)  # type: ignore[arg-type]  # of any kind
    history.flush()


def seen(change: Change | None) -> list[tuple[str, str, int, int]]:
    """Id, state, number of task runs and last task run of each."""
    assert change is not None
    assert not change.is_total
    return [
        (run.summary.id, run.summary.state, sum(run.summary.task_runs.values()), run.last_task_run)
        for run in change.runs
    ]


def test_the_first_look_tells_nothing_and_so_does_one_without_a_change(
    history: History, facts: Facts, watch: Watch
) -> None:
    record(history, facts.flow())

    assert watch.look() is None
    assert watch.look() is None


def test_a_run_is_told_when_it_begins_goes_on_and_ends(history: History, facts: Facts, watch: Watch) -> None:
    watch.look()

    record(history, facts.flow())
    assert seen(watch.look()) == [("run-1", "Running", 0, 0)]
    record(history, facts.task(1, *RUNNING))
    assert seen(watch.look()) == [("run-1", "Running", 1, 1)]
    record(history, facts.task(1, *COMPLETED), facts.flow(*COMPLETED))
    assert seen(watch.look()) == [("run-1", "Completed", 1, 1)]
    assert watch.look() is None


def test_a_run_that_began_and_ended_between_two_looks_is_told(
    history: History, facts: Facts, watch: Watch
) -> None:
    watch.look()
    record(history, facts.flow(*COMPLETED))

    assert seen(watch.look()) == [("run-1", "Completed", 0, 0)]


def test_log_lines_are_told_also_of_a_run_that_has_ended(
    history: History, facts: Facts, watch: Watch
) -> None:
    record(history, facts.flow(*COMPLETED))
    watch.look()
    record(history, facts.log("a late word"))

    change = watch.look()

    assert change is not None
    assert [(run.summary.id, run.last_log) for run in change.runs] == [("run-1", 1)]


def test_only_what_has_changed_is_told(history: History, watch: Watch) -> None:
    still, busy = Facts("still"), Facts("busy")
    record(history, still.flow(), busy.flow())
    watch.look()
    record(history, busy.task(1, *RUNNING))

    assert [id for id, *_ in seen(watch.look())] == ["busy"]


def test_a_run_that_ended_long_ago_is_told_when_it_is_resumed(history: History, watch: Watch) -> None:
    old = Facts("old")
    record(history, old.flow(*RUNNING, StateName.FAILED))
    record(history, *(Facts(f"later-{n}").flow(*COMPLETED) for n in range(NEWEST)))
    watch.look()
    execute(
        history.location,
        "UPDATE flow_runs SET state = 'Running', ended_us = NULL, epoch = 2 WHERE id = 'old'",
    )
    assert seen(watch.look()) == [("old", "Running", 0, 0)]

    execute(history.location, "UPDATE flow_runs SET state = 'Completed', ended_us = 1 WHERE id = 'old'")
    assert seen(watch.look()) == [("old", "Completed", 0, 0)]


def test_a_resume_that_ends_between_two_looks_is_told(history: History, facts: Facts, watch: Watch) -> None:
    record(history, facts.flow(*RUNNING, StateName.FAILED))
    watch.look()
    execute(history.location, "UPDATE flow_runs SET epoch = 2 WHERE id = 'run-1'")

    assert [id for id, *_ in seen(watch.look())] == ["run-1"]


def test_deleted_runs_are_told(history: History, watch: Watch) -> None:
    record(history, *(Facts(f"run-{n}").flow(*COMPLETED) for n in range(3)))
    watch.look()
    delete(history.location, "run-1")

    assert watch.look() == Change(deleted=("run-1",))


def test_a_new_run_in_the_place_of_a_deleted_one_is_another(history: History, watch: Watch) -> None:
    record(history, Facts("first").flow(*COMPLETED), Facts("second").flow(*COMPLETED))
    watch.look()
    delete(history.location, "second")
    record(history, Facts("third").flow(*COMPLETED))

    change = watch.look()

    assert change is not None
    assert change.deleted == ("second",)
    assert [run.summary.id for run in change.runs] == ["third"]


def test_what_happened_while_nobody_looked_is_told_afterwards(
    history: History, facts: Facts, watch: Watch
) -> None:
    watch.look()
    watch.rest()
    record(history, facts.flow(*COMPLETED))

    assert seen(watch.look()) == [("run-1", "Completed", 0, 0)]


def test_too_much_at_once_is_told_as_a_whole(history: History, watch: Watch) -> None:
    watch.look()
    record(history, *(Facts(f"run-{n}").flow(*COMPLETED) for n in range(300)))

    assert watch.look() == TOTAL
    assert watch.look() is None


def test_more_new_runs_than_are_looked_at_are_told_as_a_whole(history: History, watch: Watch) -> None:
    watch.look()
    record(history, *(Facts(f"run-{n}").flow(*COMPLETED) for n in range(NEWEST + 1)))

    assert watch.look() == TOTAL


def test_a_history_that_appears_is_told_and_looking_makes_none(tmp_path: Path, facts: Facts) -> None:
    path = tmp_path / "later.db"
    watch = Watch(Source(str(path)))
    assert watch.look() is None
    assert watch.look() is None
    assert list(tmp_path.iterdir()) == []

    history = History.open(str(path))
    record(history, facts.flow())
    history.close()

    assert watch.look() == TOTAL
    watch.rest()


def test_a_history_that_is_restored_is_told(tmp_path: Path, facts: Facts) -> None:
    path, copy = str(tmp_path / "history.db"), str(tmp_path / "copy.db")
    history = History.open(path)
    record(history, facts.flow(*COMPLETED))
    back_up(path, copy)
    history.close()
    watch = Watch(Source(path))
    watch.look()
    watch.rest()
    restore(copy, path)

    assert watch.look() == TOTAL
    assert watch.look() is None
    watch.rest()


def test_who_watches_gives_way_to_a_restore(history: History, facts: Facts, watch: Watch) -> None:
    path, copy = history.location, f"{history.location}.copy"
    record(history, facts.flow(*COMPLETED))
    back_up(path, copy)
    history.close()
    watch.look()

    with asking_to_give_way(path):
        assert watch.look() is None
        restore(copy, path)

    assert watch.look() == TOTAL


def test_a_restore_that_was_killed_keeps_nobody_from_watching(
    history: History, facts: Facts, watch: Watch
) -> None:
    watch.look()
    with asking_to_give_way(history.location):
        record(history, facts.flow())
        assert watch.look() is None

        (request,) = Path(history.location).parent.glob("*.give-way")
        long_ago = time.time() - COUNTS_FOR_SECONDS
        os.utime(request, (long_ago, long_ago))
        assert seen(watch.look()) == [("run-1", "Running", 0, 0)]


def test_a_history_that_is_deleted_is_told(tmp_path: Path, facts: Facts) -> None:
    path = tmp_path / "history.db"
    history = History.open(str(path))
    record(history, facts.flow(*COMPLETED))
    history.close()
    watch = Watch(Source(str(path)))
    watch.look()
    for file in tmp_path.iterdir():
        file.unlink()

    assert watch.look() == TOTAL
    assert watch.look() is None
    watch.rest()


def test_a_damaged_history_is_no_end_of_looking(tmp_path: Path, facts: Facts) -> None:
    path = tmp_path / "history.db"
    path.write_bytes(b"this is no database" * 100)
    watch = Watch(Source(str(path)))
    assert watch.look() is None
    path.unlink()
    history = History.open(str(path))
    record(history, facts.flow())
    history.close()

    assert watch.look() == TOTAL
    watch.rest()


def execute(location: str, sql: str) -> None:
    """What another process writes."""
    with closing(sqlite3.connect(location, timeout=10)) as connection, connection:
        connection.execute(sql)


def delete(location: str, id: str) -> None:
    delete_runs(location, [id])
