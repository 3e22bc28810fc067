"""What can be read back, and what is said when there is nothing to read."""

from __future__ import annotations

import pickle
import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from headrace.engine.states import StateName
from headrace.errors import HistoryUnavailableError, RunNotFoundError
from headrace.history import History, Reader
from headrace.history.deletion import delete_runs
from headrace.history.facts import Failure, StoredResult
from headrace.history.reader import Edge, FailureView, StateView
from headrace.history.statements import statement

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PENDING, RUNNING, COMPLETED, FAILED = (
    StateName.PENDING,
    StateName.RUNNING,
    StateName.COMPLETED,
    StateName.FAILED,
)


def flow_at(facts: Any, at_us: int, *names: StateName, **changes: Any) -> Any:
    fact = facts.flow(*names, **changes)
    return fact._replace(states=tuple(state._replace(at_us=at_us) for state in fact.states))


@pytest.fixture
def three_runs(history: History, make_facts: Any) -> Iterator[Reader]:
    """``aaa1`` with five task runs, its subflow ``aaa2`` which a task run called, and a failed run ``bbb``."""
    first, second, third = (make_facts(name) for name in ("aaa1", "aaa2", "bbb"))
    history.record(flow_at(first, 1000, RUNNING, name="busy-otter", tags=("nightly", "eu")))
    for number in (1, 2, 3):
        history.record(first.task(number, upstreams=tuple(range(1, number))))
    history.record(first.task(4, PENDING, RUNNING))
    history.record(first.task(5, PENDING, RUNNING, FAILED, failure=Failure("ValueError", "no", "Traceback")))
    history.record(first.log("flow line"))
    history.record(first.log("task line", 4, level=40))
    history.record(flow_at(second, 2000, COMPLETED, flow="sub_flow", name="calm-wolf", parent="aaa1/4"))
    history.record(flow_at(third, 3000, PENDING, RUNNING, FAILED, name="busy-otter"))
    history.flush()
    with history.reader() as reader:
        yield reader


def test_a_task_run_that_had_just_begun_is_known_to_a_resume_by_no_arguments(three_runs: Reader) -> None:
    past = {run.id: run for run in three_runs.past_runs(three_runs.get_run("aaa1"))}

    assert past[3].key == "1,2"
    assert past[4].state is RUNNING
    assert past[4].key is None


def ids(runs: Any) -> list[str]:
    return [run.id for run in runs]


def test_runs_are_listed_newest_first_with_their_counts(three_runs: Reader) -> None:
    runs = three_runs.list_runs()
    assert ids(runs) == ["bbb", "aaa2", "aaa1"]
    assert runs[2].task_runs == {"RUNNING": 1, "COMPLETED": 3, "FAILED": 1}
    assert runs[0].task_runs == {}
    assert runs[2].tags == ("nightly", "eu")


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"limit": 1}, ["bbb"]),
        ({"limit": 0}, ["bbb", "aaa2", "aaa1"]),
        ({"state": "failed"}, ["bbb"]),
        ({"state": "RUNNING"}, ["aaa1"]),
        ({"state": "Completed"}, ["aaa2"]),
        ({"flow": "sub_flow"}, ["aaa2"]),
        ({"text": "OTTER"}, ["bbb", "aaa1"]),
        ({"text": "sub"}, ["aaa2"]),
        ({"since_us": 2000}, ["bbb", "aaa2"]),
        ({"tag": "eu"}, ["aaa1"]),
        ({"tag": "e"}, []),
        ({"roots_only": True}, ["bbb", "aaa1"]),
        ({"state": "failed", "text": "wolf"}, []),
    ],
    ids=str,
)
def test_runs_are_filtered(three_runs: Reader, filters: dict[str, Any], expected: list[str]) -> None:
    assert ids(three_runs.list_runs(**filters)) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [("aaa1", "aaa1"), ("aaa2", "aaa2"), ("b", "bbb"), ("calm-wolf", "aaa2"), ("busy-otter", "bbb")],
)
def test_a_run_is_found_by_id_by_its_beginning_and_by_name(
    three_runs: Reader, name: str, expected: str
) -> None:
    """Of two runs of one name it is the newer one."""
    assert three_runs.get_run(name).id == expected


def test_a_run_that_is_not_there_is_an_error_that_helps(three_runs: Reader) -> None:
    with pytest.raises(RunNotFoundError, match=r"no flow run whose id begins with 'zzz'.*headrace runs list"):
        three_runs.get_run("zzz")


def test_an_ambiguous_beginning_is_an_error_that_names_the_candidates(three_runs: Reader) -> None:
    with pytest.raises(RunNotFoundError, match=r"begin with 'aaa': aaa2 \(calm-wolf\), aaa1 \(busy-otter\)"):
        three_runs.get_run("aaa")


@pytest.mark.parametrize("name", ["", "%", "aaa_", "'"])
def test_a_run_is_not_found_by_a_pattern(three_runs: Reader, name: str) -> None:
    with pytest.raises(RunNotFoundError):
        three_runs.get_run(name)


def test_a_run_has_all_that_was_recorded(history: History, make_facts: Any) -> None:
    facts = make_facts("full")
    fact = facts.flow(
        PENDING, RUNNING, FAILED, version="1.2", tags=("t",), parent="other", parameters='{"x":1}',
        result=StoredResult(None, '"p"', "too large"), failure=Failure("E", "m", "t"), provenance='{"commit":"c0ffee"}',
    )  # fmt: skip
    history.record(fact)
    history.flush()
    with history.reader() as reader:
        run = reader.get_run("full")
        packages = reader.packages(run)
    assert (run.version, run.tags, run.parent, run.parameters) == ("1.2", ("t",), "other", '{"x":1}')
    assert (run.result_preview, run.result_note) == ('"p"', "too large")
    assert run.failure == fact.failure
    assert run.provenance == {"commit": "c0ffee"}
    assert [state.name for state in run.states] == ["Pending", "Running", "Failed"]
    assert run.states[0] == StateView("Pending", fact.states[0].at_us, None)
    assert (run.created_us, run.started_us, run.ended_us) == (
        fact.states[0].at_us,
        fact.started_us,
        fact.ended_us,
    )
    assert packages["pytest"] == pytest.__version__


def test_task_runs_come_in_the_order_of_their_submission_and_can_be_filtered(three_runs: Reader) -> None:
    run = three_runs.get_run("aaa1")
    assert [task_run.id for task_run in three_runs.task_runs(run)] == [1, 2, 3, 4, 5]
    assert [task_run.id for task_run in three_runs.task_runs(run, state="completed")] == [1, 2, 3]
    assert [task_run.name for task_run in three_runs.task_runs(run, state="Failed")] == ["my_task-4"]


def test_more_task_runs_than_a_page_come_all(history: History, facts: Any) -> None:
    history.record(facts.flow())
    for number in range(1, 2501):
        history.record(facts.task(number))
    history.flush()
    with history.reader() as reader:
        run = reader.get_run("run-1")
        assert [task_run.id for task_run in reader.task_runs(run)] == list(range(1, 2501))
        assert reader.get_task_run(run, 2100).id == 2100


def test_one_task_run_is_found_by_its_number(three_runs: Reader) -> None:
    run = three_runs.get_run("aaa1")
    assert three_runs.get_task_run(run, 5).failure == FailureView("ValueError", "no", "Traceback")
    for number in (0, 6):
        with pytest.raises(RunNotFoundError, match=f"busy-otter .* has no task run {number}"):
            three_runs.get_task_run(run, number)


def test_log_lines_can_be_filtered_and_followed(three_runs: Reader) -> None:
    run = three_runs.get_run("aaa1")
    lines = three_runs.logs(run)
    assert [(line.task_run, line.level, line.message) for line in lines] == [
        (None, 20, "flow line"),
        (4, 40, "task line"),
    ]
    assert three_runs.logs(run, task_run=4) == [lines[1]]
    assert three_runs.logs(run, min_level=30) == [lines[1]]
    assert three_runs.logs(run, limit=1) == [lines[0]]
    assert three_runs.logs(run, after_key=lines[0].key) == [lines[1]]
    assert three_runs.logs(three_runs.get_run("bbb")) == []


def test_edges_name_who_waited_for_whom(three_runs: Reader) -> None:
    assert three_runs.edges(three_runs.get_run("aaa1")) == [Edge(1, 2), Edge(1, 3), Edge(2, 3)]


def test_subflows_are_found_under_the_run_that_called_them(three_runs: Reader) -> None:
    assert ids(three_runs.children(three_runs.get_run("aaa1"))) == ["aaa2"]
    assert three_runs.children(three_runs.get_run("aaa2")) == []


def test_the_views_say_the_same_as_the_reader(three_runs: Reader, query: Any) -> None:
    assert query("SELECT upstream, downstream FROM edges") == [(1, 2), (1, 3), (2, 3)]
    states = query("SELECT state FROM task_run_states WHERE task_run = 5 ORDER BY position")
    assert states == [("Pending",), ("Running",), ("Failed",)]
    of_bbb = "flow_run = (SELECT key FROM flow_runs WHERE id = 'bbb')"
    assert query(f"SELECT state FROM flow_run_states WHERE {of_bbb} ORDER BY position") == states


def test_a_reader_cannot_write(three_runs: Reader) -> None:
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        three_runs._connection.execute("DELETE FROM logs")


class Explosive:
    def __reduce__(self) -> Any:
        return (pytest.fail, ("a result was unpickled",))


def test_a_reader_never_unpickles(history: History, facts: Any) -> None:
    history.record(facts.flow())
    history.record(facts.task(1, result=StoredResult(pickle.dumps(Explosive()), '"<Explosive>"')))
    history.flush()
    with history.reader() as reader:
        assert next(reader.task_runs(reader.get_run("run-1"))).result_preview == '"<Explosive>"'


def test_a_reader_of_memory_belongs_to_its_history() -> None:
    with pytest.raises(HistoryUnavailableError, match="only by the process that writes it"):
        Reader.open(":memory:")


@pytest.mark.parametrize("read", [Reader.list_runs, Reader.has_abandoned_runs, Reader.limits])
def test_a_database_that_is_damaged_while_it_is_read_is_one_clear_error(
    three_runs: Reader, read: Callable[[Reader], object]
) -> None:
    three_runs._connection.close()
    other = sqlite3.connect(":memory:")
    three_runs._connection = other
    with pytest.raises(HistoryUnavailableError, match="no such table"):
        read(three_runs)
    other.close()


def test_the_counts_of_a_large_run_are_quick(history: History, make_facts: Any) -> None:
    """They come from an index: 20,000 task runs are counted in far less than it would take to read them."""
    facts = make_facts("large")
    history.record(facts.flow())
    for number in range(1, 20_001):
        history.record(facts.task(number))
    history.flush()
    with history.reader() as reader:
        started = time.perf_counter()
        assert reader.list_runs()[0].task_runs == {"COMPLETED": 20_000}
        assert time.perf_counter() - started < 0.5
        plan = reader._connection.execute(
            f"EXPLAIN QUERY PLAN {statement('list_runs')}",
            dict.fromkeys(("limit", "state", "flow", "text", "since_us", "tag", "roots_only")),
        ).fetchall()
    assert "USING COVERING INDEX task_runs_by_state (state=? AND rowid>? AND rowid<?)" in str(plan)


# Deleting


def test_a_deleted_run_takes_everything_of_it_along(three_runs: Reader, path: str, query: Any) -> None:
    deletion = delete_runs(path, ["aaa1", "bbb", "nowhere"], include_unfinished=True)
    assert deletion.deleted == ("aaa1", "aaa2", "bbb")
    assert deletion.unfinished == ()
    for table in ("flow_runs", "task_runs", "logs"):
        assert query(f"SELECT count(*) FROM {table}") == [(0,)]


def test_a_run_that_has_not_ended_is_deleted_only_on_demand(three_runs: Reader, path: str) -> None:
    deletion = delete_runs(path, ["aaa1", "bbb"])
    assert (deletion.deleted, deletion.unfinished) == (("bbb",), ("aaa1",))
    assert ids(three_runs.list_runs()) == ["aaa2", "aaa1"]


def test_a_run_beside_the_deleted_one_keeps_all_of_its_own(three_runs: Reader, path: str) -> None:
    delete_runs(path, ["aaa2", "bbb"])
    run = three_runs.get_run("aaa1")
    assert len(list(three_runs.task_runs(run))) == 5
    assert len(three_runs.logs(run)) == 2


def test_the_key_of_a_deleted_run_is_never_given_to_another(
    history: History, make_facts: Any, path: str, query: Any
) -> None:
    """A process that still writes to a run that somebody deleted must not write into another one."""
    history.record(make_facts("gone").flow())
    history.flush()
    ((key,),) = query("SELECT key FROM flow_runs")
    delete_runs(path, ["gone"], include_unfinished=True)
    history.record(make_facts("next").flow())
    history.flush()
    assert query("SELECT key > ? FROM flow_runs", key) == [(1,)]


def test_nothing_is_deleted_from_memory() -> None:
    with pytest.raises(HistoryUnavailableError, match="in-memory"):
        delete_runs(":memory:", ["x"])


def test_a_deletion_that_fails_deletes_nothing(three_runs: Reader, path: str, query: Any) -> None:
    query("CREATE TRIGGER no_deleting BEFORE DELETE ON flow_runs BEGIN SELECT RAISE(ABORT, 'no'); END")
    with pytest.raises(HistoryUnavailableError):
        delete_runs(path, ["aaa1"], include_unfinished=True)
    assert query("SELECT count(*) FROM task_runs") == [(5,)]
    assert ids(three_runs.list_runs()) == ["bbb", "aaa2", "aaa1"]


@pytest.mark.parametrize("time_us", [-1, 2**62])
def test_a_time_that_no_calendar_has_is_a_damage(
    time_us: int, history: History, facts: Any, path: str
) -> None:
    history.record(facts.flow())
    history.flush()
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("UPDATE flow_runs SET created_us = ?", (time_us,))
    with history.reader() as reader, pytest.raises(HistoryUnavailableError, match=r"damaged.*no calendar"):
        reader.list_runs()
