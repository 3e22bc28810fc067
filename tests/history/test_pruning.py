"""Old runs are deleted while others write, in small transactions, and what runs is never touched."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from headrace.engine.states import State, StateName
from headrace.errors import HistoryUnavailableError
from headrace.history.database import open_database
from headrace.history.deletion import delete_runs
from headrace.history.facts import StoredResult
from headrace.history.pruning import Extent, find_old_runs, measure_runs, prune
from tests.history.test_processes import finish, start

if TYPE_CHECKING:
    from headrace.history import History
    from tests.facts import Facts
    from tests.history.conftest import Query

DAY_US = 86_400_000_000


def start_of(day: int) -> int:
    return (1000 + day) * DAY_US


def at(name: StateName, day: int) -> State:
    return State(name, start_of(day))


@pytest.fixture
def record(history: History, make_facts: type[Facts]) -> Any:
    """Records a run that began and ended on a day, with task runs and a log line."""

    def one(
        id_: str, day: int, *, ended: bool = True, tasks: int = 2, size: int = 10, **changes: Any
    ) -> None:
        facts = make_facts(id_)
        names = (StateName.PENDING, StateName.RUNNING, *((StateName.COMPLETED,) if ended else ()))
        states = tuple(at(name, day) for name in names)
        history.record(
            facts.flow()._replace(states=states, ended_us=start_of(day) if ended else None, **changes)
        )
        for number in range(1, tasks + 1):
            history.record(facts.task(number, result=StoredResult(b"x" * size, None)))
        history.record(facts.log("a line"))
        history.flush()

    return one


def ids(path: str, day: int, **options: Any) -> list[str]:
    return [run.id for run in find_old_runs(path, ended_before_us=start_of(day), **options)]


def never_rest(_seconds: float) -> None:
    pass


def test_what_ended_before_a_moment_is_old(path: str, record: Any) -> None:
    for day in range(5):
        record(f"run-{day}", day)

    assert ids(path, 3) == ["run-0", "run-1", "run-2"]


def test_of_each_flow_the_newest_are_kept(path: str, record: Any) -> None:
    for day in range(4):
        record(f"a-{day}", day, flow="a")
    record("b-0", 0, flow="b")

    assert ids(path, 100, keep=3) == ["a-0"]
    assert ids(path, 100, keep=1) == ["a-0", "a-1", "a-2"]


def test_a_run_that_has_not_ended_is_never_old(path: str, record: Any) -> None:
    record("run-0", 0, ended=False)

    assert ids(path, 100) == []


def test_a_subflow_goes_with_the_run_that_called_it_and_not_before(path: str, record: Any) -> None:
    record("outer", 10)
    record("inner", 1, parent="outer/1")

    assert ids(path, 5) == []
    assert prune(path, find_old_runs(path, ended_before_us=start_of(11))).deleted == ("outer", "inner")


def test_a_run_with_a_subflow_that_has_not_ended_is_left(path: str, record: Any) -> None:
    record("outer", 1)
    record("inner", 1, ended=False, parent="outer")
    deletion = prune(path, find_old_runs(path, ended_before_us=start_of(5)))

    assert (deletion.deleted, deletion.unfinished) == ((), ("outer",))


def test_all_that_belongs_to_the_runs_is_gone_and_counted(path: str, record: Any, query: Query) -> None:
    for day in range(3):
        record(f"run-{day}", day, tasks=5)
    deletion = prune(path, find_old_runs(path, ended_before_us=start_of(2)))

    assert deletion.deleted == ("run-0", "run-1")
    assert (deletion.task_runs, deletion.log_lines) == (10, 2)
    assert query("SELECT count(*) FROM task_runs") == [(5,)]
    assert query("SELECT count(*) FROM logs") == [(1,)]
    assert query("PRAGMA integrity_check") == [("ok",)]


def test_the_bytes_freed_are_those_that_new_runs_can_have(path: str, record: Any, query: Query) -> None:
    record("big", 0, tasks=20, size=100_000)
    deletion = prune(path, find_old_runs(path, ended_before_us=start_of(1)))
    [(pages, size)] = query("SELECT * FROM pragma_freelist_count, pragma_page_size")

    assert deletion.freed_bytes == pages * size > 2_000_000


def test_a_plan_says_how_much_would_go(path: str, record: Any) -> None:
    record("run-0", 0, tasks=3, size=1000)
    record("inner", 0, tasks=1, size=1000, parent="run-0")
    extent = measure_runs(path, find_old_runs(path, ended_before_us=start_of(1)))

    assert extent[:3] == (2, 4, 2)
    assert 4000 < extent.stored_bytes < 10_000
    assert measure_runs(path, []) == Extent(0, 0, 0, 0)


def test_who_writes_gets_a_turn_after_each_few_megabytes(path: str, record: Any) -> None:
    record("big", 0, tasks=30, size=900_000)
    turns = 0

    def write_meanwhile(_seconds: float) -> None:
        nonlocal turns
        turns += 1
        other = open_database(path)
        assert other.lock is not None
        with other.lock:  # would wait for ever if the one who deletes held it
            other.connection.execute("BEGIN IMMEDIATE")
            other.connection.execute("INSERT INTO environments VALUES (?, '{}')", (str(turns),))
            other.connection.execute("COMMIT")
        other.close()

    delete_runs(path, ["big"], rest=write_meanwhile)

    assert turns >= 30 * 900_000 // (4 * 1024 * 1024)


class _CutShort(Exception):
    """The process that deletes is killed here."""


def test_what_a_deletion_that_was_cut_short_left_behind_goes_with_the_next(
    path: str, record: Any, query: Query
) -> None:
    record("run-0", 0)
    record("run-1", 1)

    def cut_short(_seconds: float) -> None:
        raise _CutShort

    with pytest.raises(_CutShort):
        delete_runs(path, ["run-0"], rest=cut_short)
    assert query("SELECT id FROM flow_runs") == [("run-1",)]
    assert query("SELECT count(*) FROM task_runs") == [(4,)]

    deletion = delete_runs(path, [], rest=never_rest)
    assert (deletion.task_runs, deletion.log_lines) == (2, 1)
    assert query("SELECT count(*) FROM task_runs") == [(2,)]
    assert query("SELECT count(*) FROM logs") == [(1,)]


def test_a_history_in_memory_is_refused() -> None:
    with pytest.raises(HistoryUnavailableError, match="nothing can be deleted"):
        delete_runs(":memory:", ["x"])


WRITE_UNTIL_TOLD = """
history = History.open(sys.argv[1])
print("ready", flush=True)
count = 0
slowest = 0.0
import select
while not select.select([sys.stdin], [], [], 0)[0]:
    began = time.monotonic()
    history.record(flow(f"new-{count}"))
    history.record(task(f"new-{count}", 1, StoredResult(b"y" * 1000, None)))
    history.record(flow(f"new-{count}", StateName.PENDING, StateName.RUNNING, StateName.COMPLETED))
    assert history.flush()
    slowest = max(slowest, time.monotonic() - began)
    count += 1
history.close()
print(count, slowest)
"""


def test_a_process_that_writes_meanwhile_loses_nothing(path: str, record: Any, query: Query) -> None:
    for day in range(20):
        record(f"old-{day}", day, tasks=50, size=20_000)
    writer = start(WRITE_UNTIL_TOLD, path, stdin=subprocess.PIPE)
    assert writer.stdout is not None
    assert writer.stdout.readline() == "ready\n"
    deletion = prune(path, find_old_runs(path, ended_before_us=start_of(30)))
    assert writer.stdin is not None
    writer.stdin.write("stop\n")
    count, _slowest = finish(writer).split()

    assert len(deletion.deleted) == 20
    assert query("SELECT count(*) FROM flow_runs WHERE state = 'Completed'") == [(int(count),)]
    assert query("SELECT count(*) FROM task_runs") == [(int(count),)]
    assert query("PRAGMA integrity_check") == [("ok",)]
