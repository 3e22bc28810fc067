"""The stream of facts: nothing lost, nothing out of order, nobody kept waiting but who must be."""

from __future__ import annotations

import sqlite3
import threading
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from headrace.engine.states import StateName
from headrace.errors import HistoryUnavailableError, HistoryWarning
from headrace.history import History, Reader, default_history, journal, use_history, writer
from headrace.history.checksums import LENGTH
from headrace.history.database import Database
from headrace.history.facts import AttemptFact, Failure, StoredResult, TaskRunFact
from headrace.history.lock import ProcessLock

PENDING, RUNNING, COMPLETED = StateName.PENDING, StateName.RUNNING, StateName.COMPLETED


def open_runs(history: History) -> list[Any]:
    with history.reader() as reader:
        return list(reader.task_runs(reader.get_run("run-1")))


def test_what_is_flushed_is_committed(history: History, facts: Any, query: Any) -> None:
    history.record(facts.flow())
    history.record(facts.task(1))
    assert history.flush()
    assert query("SELECT id, state, state_type FROM flow_runs") == [("run-1", "Running", "RUNNING")]
    assert query("SELECT id, task, state FROM task_runs") == [(1, "my_task", "Completed")]


def test_flushing_an_idle_history_returns_at_once(history: History) -> None:
    assert history.flush()
    assert history._thread is None


def test_what_is_recorded_arrives_without_a_flush(history: History, facts: Any) -> None:
    written = threading.Event()
    write = history._writer.write  # type: ignore[union-attr]

    def write_and_tell(*arguments: Any) -> dict[str, str]:
        lost = write(*arguments)
        written.set()
        return lost

    history._writer.write = write_and_tell  # type: ignore[method-assign, union-attr]
    history.record(facts.flow())
    assert written.wait(10)


def test_the_writer_sleeps_without_looking_when_there_is_nothing_to_do(history: History, facts: Any) -> None:
    history.record(facts.flow())
    history.flush()
    history._log_may_be_long = False
    history.record(facts.task(1))
    history.flush()
    assert history._asleep or not history._stream


def test_a_callback_is_called_in_the_writer_thread_when_all_before_it_is_committed(
    history: History, facts: Any, query: Any
) -> None:
    seen: list[Any] = []
    done = threading.Event()

    def look() -> None:
        seen.append((threading.current_thread().name, query("SELECT count(*) FROM task_runs")))
        done.set()

    history.record(facts.flow())
    for number in range(1, 101):
        history.record(facts.task(number))
    history.when_flushed(look)
    assert done.wait(10)
    assert seen == [("headrace-history", [(100,)])]


def test_a_callback_that_raises_harms_nobody(
    history: History, facts: Any, caplog: pytest.LogCaptureFixture
) -> None:
    history.when_flushed(lambda: 1 / 0)  # type: ignore[arg-type]
    history.record(facts.flow())
    assert history.flush()
    assert "callback of History.when_flushed raised" in caplog.text


def test_a_flush_that_runs_out_of_time_says_so(history: History, facts: Any) -> None:
    history.record(facts.flow())
    with history._writing:
        assert history.flush(timeout=0.01) is False
    assert history.flush()


def test_facts_of_one_run_are_merged_and_keep_all_states(history: History, facts: Any) -> None:
    history.record(facts.flow())
    with history._writing:
        for last in (1, 2, 3):
            history.record(facts.task(1, *(PENDING, RUNNING, COMPLETED)[:last]))
    history.flush()
    (run,) = open_runs(history)
    assert [state.name for state in run.states] == ["Pending", "Running", "Completed"]


def test_a_long_run_is_seen_running_and_then_completed(history: History, facts: Any) -> None:
    history.record(facts.flow())
    history.record(facts.task(1, PENDING, RUNNING))
    history.flush()
    assert [run.state for run in open_runs(history)] == ["Running"]
    history.record(facts.task(1))
    history.flush()
    assert [run.state for run in open_runs(history)] == ["Completed"]


def test_every_column_is_kept(history: History, facts: Any) -> None:
    failure = Failure("ValueError", 'it\'s "bad"\n\N{SNOWMAN}', "Traceback …")
    history.record(facts.flow())
    attempt = AttemptFact(1, 10, 20, "thread-1", failure)
    states = facts.states(PENDING, RUNNING, StateName.FAILED)
    states = (states[0], states[1], states[2]._replace(message='said "no"'))
    fact = facts.task(7)._replace(
        states=states, parent=3, name="my name", tags=("a", 'b"'), attempt_count=2, attempts=(attempt,),
        upstreams=(1, 2, "run-0/4"), parameters='{"x":1}', worker=None,
        result=StoredResult(None, None, "too large"), failure=failure,
    )  # fmt: skip
    history.record(fact)
    history.flush()
    (run,) = open_runs(history)
    assert (run.id, run.parent, run.name, run.tags, run.attempt_count) == (7, 3, "my name", ("a", 'b"'), 2)
    assert run.upstreams == (1, 2, "run-0/4")
    assert (run.parameters, run.worker, run.result_preview, run.result_note) == (
        '{"x":1}',
        None,
        None,
        "too large",
    )
    assert run.failure == failure
    assert run.states[-1].message == 'said "no"'
    assert run.attempts == (attempt,)


def test_a_plain_run_and_its_other_spelling_read_the_same(history: History, facts: Any, query: Any) -> None:
    """A run with tags goes another way into the table than one without."""
    history.record(facts.flow())
    plain = facts.task(1)
    history.record(plain)
    history.record(plain._replace(id=2, tags=("t",)))
    history.flush()
    first, second = open_runs(history)
    assert first.states == second.states
    assert first._replace(id=2, tags=("t",)) == second
    assert [result[:-LENGTH] for (result,) in query("SELECT result FROM task_runs")] == [
        plain.result.pickled
    ] * 2


def test_no_value_of_a_fact_is_an_empty_text_where_it_should_be_missing(
    history: History, facts: Any, query: Any
) -> None:
    history.record(facts.flow(PENDING)._replace(parameters=None, started_us=None))
    history.record(facts.task(1, PENDING))
    history.record(facts.task(2)._replace(worker=None, result=None))
    history.flush()
    assert query(
        "SELECT parent, name, tags, started_us, ended_us, attempts, upstreams, parameters, worker, result_preview, "
        "result_note, failure, result FROM task_runs WHERE id = 1"
    ) == [(None,) * 8 + ("thread-1",) + (None,) * 4]
    assert query("SELECT worker, result_preview, result FROM task_runs WHERE id = 2") == [(None,) * 3]
    assert query(
        "SELECT version, tags, started_us, ended_us, parent, parameters, result_preview, result_note, failure, "
        "provenance, environment, result FROM flow_runs"
    ) == [(None,) * 12]


def test_task_runs_of_several_flow_runs_do_not_mix(history: History, make_facts: Any, query: Any) -> None:
    for name in "abc":
        facts = make_facts(name)
        history.record(facts.flow())
        for number in range(1, 4):
            history.record(facts.task(number, task=f"task_of_{name}"))
    history.flush()
    assert query(
        "SELECT flow_runs.id, group_concat(task_runs.id), min(task), max(task) "
        "FROM task_runs JOIN flow_runs ON flow_run = flow_runs.key GROUP BY flow_run ORDER BY 1"
    ) == [(name, "1,2,3", f"task_of_{name}", f"task_of_{name}") for name in "abc"]


def test_a_run_that_another_process_began_is_continued(path: str, facts: Any, query: Any) -> None:
    first = History.open(path)
    first.record(facts.flow())
    first.flush()
    second = History.open(path)
    second.record(facts.task(1))
    assert second.flush()
    first.close()
    second.close()
    assert query("SELECT count(*) FROM task_runs JOIN flow_runs ON flow_run = flow_runs.key") == [(1,)]


def test_facts_of_an_unknown_flow_run_are_left_out_and_logged(
    history: History, make_facts: Any, query: Any, caplog: pytest.LogCaptureFixture
) -> None:
    history.record(make_facts("nowhere").task(1))
    history.record(make_facts("nowhere").log("hello"))
    assert history.flush()
    assert "flow run nowhere are not recorded" in caplog.text
    assert query("SELECT (SELECT count(*) FROM task_runs) + (SELECT count(*) FROM logs)") == [(0,)]


@pytest.mark.parametrize("count", [1, 3, 15, 17, 70, 300, 1500, 9000])
def test_batches_of_any_size_are_written_whole(path: str, facts: Any, query: Any, count: int) -> None:
    history = History.open(path)
    history.record(facts.flow())
    with history._writing:
        for number in range(1, count + 1):
            history.record(facts.task(number))
            history.record(facts.log(str(number), number))
    history.close()
    assert query("SELECT count(*), min(id), max(id) FROM task_runs") == [(count, 1, count)]
    assert query("SELECT count(*), count(DISTINCT message) FROM logs") == [(count, count)]
    assert query("SELECT message FROM logs ORDER BY key DESC LIMIT 1") == [(str(count),)]


# The prefix


Steps = list[tuple[int, int]]


@settings(deadline=None, max_examples=60)
@given(
    steps=st.lists(st.tuples(st.integers(1, 4), st.integers(1, 3)), min_size=1, max_size=40),
    flushes=st.sets(st.integers(1, 40)),
)
def test_the_history_is_always_a_prefix_of_the_stream(
    steps: Steps, flushes: set[int], make_facts: type[Any]
) -> None:
    """After every commit each run is as it was at one moment, the same for all, and time does not run back."""
    stream = a_stream(make_facts(), steps)
    history = History.open(":memory:")
    commits = watch_commits(history)
    for position, fact in enumerate(stream, start=1):
        history.record(fact)
        if position in flushes:
            history.flush()
    history.close()
    moments = [states_after(stream[:count]) for count in range(len(stream) + 1)]
    earliest = 0
    for seen in commits:
        earliest = moments.index(seen, earliest)
    assert commits[-1] == moments[-1]


def a_stream(facts: Any, steps: Steps) -> list[Any]:
    """A flow run, and task runs that go on step by step, each at its own pace."""
    stream = [facts.flow()]
    progress: dict[int, int] = {}
    for number, step in steps:
        progress[number] = max(progress.get(number, 0), step)
        stream.append(facts.task(number, *(PENDING, RUNNING, COMPLETED)[: progress[number]]))
    return stream


def watch_commits(history: History) -> list[set[tuple[int, int]]]:
    """What the database holds after each commit."""
    commits: list[set[tuple[int, int]]] = []
    the_writer = history._writer
    assert the_writer is not None
    write = the_writer.write

    def write_and_look(*arguments: Any) -> dict[str, str]:
        lost = write(*arguments)
        query = "SELECT id, json_array_length(states) FROM task_runs"
        commits.append(set(the_writer.database.connection.execute(query).fetchall()))
        return lost

    the_writer.write = write_and_look  # type: ignore[assignment, method-assign]
    return commits


def states_after(stream: list[Any]) -> set[tuple[int, int]]:
    latest = {fact.id: len(fact.states) for fact in stream if isinstance(fact, TaskRunFact)}
    return set(latest.items())


def test_a_transaction_that_fails_half_way_leaves_nothing_and_is_written_whole_later(
    history: History, facts: Any, query: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures = iter([True, True, False])
    write_logs = writer.Writer._write_logs

    def fail_twice(self: writer.Writer, logs: Any) -> None:
        write_logs(self, logs)
        if next(failures, False):
            counts.append(self._connection.execute("SELECT count(*) FROM task_runs").fetchone()[0])
            raise busy()

    counts: list[int] = []
    history.record(facts.flow())
    assert history.flush()
    monkeypatch.setattr(writer.Writer, "_write_logs", fail_twice)
    history.record(facts.task(1))
    assert history.flush()
    assert counts == [1, 1]
    assert query("SELECT count(*) FROM task_runs JOIN flow_runs ON flow_run = flow_runs.key") == [(1,)]


def busy() -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("database is locked")
    error.sqlite_errorcode = sqlite3.SQLITE_BUSY
    return error


def test_no_wake_up_is_lost(history: History, facts: Any) -> None:
    """Every record is followed by a look at an idle writer: hundreds of times it must wake up from its sleep."""
    history.record(facts.flow())
    for number in range(1, 300):
        history.record(facts.task(number))
        assert history.flush(timeout=20)
    assert len(open_runs(history)) == 299


def test_many_threads_record_at_once(history: History, make_facts: Any, query: Any) -> None:
    def produce(name: str) -> None:
        facts = make_facts(name)
        history.record(facts.flow())
        for number in range(1, 1001):
            history.record(facts.task(number, PENDING))
            history.record(facts.task(number))
            if number % 250 == 0:
                assert history.flush(timeout=30)

    threads = [threading.Thread(target=produce, args=(str(number),)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert history.flush()
    assert query("SELECT count(*), count(DISTINCT flow_run), min(state) FROM task_runs") == [
        (6000, 6, "Completed")
    ]


# Values that SQLite does not take


def test_a_lone_surrogate_harms_neither_its_row_nor_the_others(history: History, facts: Any) -> None:
    history.record(facts.flow()._replace(name="bad \udc80 name"))
    for number in range(1, 20):
        history.record(facts.task(number))
    history.record(facts.task(20, task="task \ud800"))
    history.record(facts.log("line \udfff"))
    assert history.flush()
    with history.reader() as reader:
        run = reader.get_run("run-1")
        runs = list(reader.task_runs(run))
        lines = reader.logs(run)
    assert run.name == "bad \\udc80 name"
    assert len(runs) == 20
    assert runs[-1].task == "task \\ud800"
    assert [line.message for line in lines] == ["line \\udfff"]


def test_a_row_that_cannot_be_written_is_left_out_and_logged(
    history: History, facts: Any, caplog: pytest.LogCaptureFixture
) -> None:
    history.record(facts.flow())
    for number in range(1, 20):
        history.record(facts.task(number))
    history.record(facts.task(20, index=2**70))
    assert history.flush()
    assert len(open_runs(history)) == 19
    assert "left a row out" in caplog.text


def test_a_change_of_state_that_is_not_allowed_is_refused_and_logged(
    history: History, facts: Any, caplog: pytest.LogCaptureFixture
) -> None:
    history.record(facts.flow())
    history.record(facts.task(1))
    history.flush()
    history.record(facts.task(1, PENDING, RUNNING))
    history.record(facts.task(2))
    assert history.flush()
    assert [run.state for run in open_runs(history)] == ["Completed", "Completed"]
    assert "cannot leave that state" in caplog.text
    assert history.failure is None


# Limits


def test_a_flow_run_stores_results_up_to_its_limit_and_says_so_once(
    history: History,
    facts: Any,
    query: Any,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(writer, "STORED_RESULTS_LIMIT", 10_000)
    history.record(facts.flow())
    for number in range(1, 8):
        history.record(facts.task(number, result=StoredResult(bytes(3000), '"…"')))
        history.flush()
    assert query("SELECT id, length(result) - 4 FROM task_runs WHERE result IS NOT NULL") == [
        (1, 3000),
        (2, 3000),
        (3, 3000),
    ]
    notes = query("SELECT DISTINCT result_note, result_preview FROM task_runs WHERE result IS NULL")
    assert notes == [(writer._DROPPED, '"…"')]
    assert caplog.text.count("stores no more of them") == 1


def test_the_limit_of_stored_results_holds_within_one_batch(
    history: History, facts: Any, query: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "STORED_RESULTS_LIMIT", 10_000)
    history.record(facts.flow())
    with history._writing:
        for number in range(1, 8):
            history.record(facts.task(number, result=StoredResult(bytes(3000), None)))
    history.flush()
    assert query("SELECT count(result) FROM task_runs") == [(3,)]


def test_producers_wait_while_too_much_is_unwritten(
    history: History, facts: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "UNWRITTEN_LIMIT", 100_000)
    history.record(facts.flow())
    admitted: list[int] = []

    def produce() -> None:
        for number in range(1, 11):
            history.admit(50_000)
            admitted.append(number)
            history.record(facts.task(number, result=StoredResult(bytes(50_000), None)))

    blocked = threading.Event()
    when_there_is_room = history.when_there_is_room

    def tell_and_wait(gate: Any) -> None:
        blocked.set()
        when_there_is_room(gate)

    monkeypatch.setattr(history, "when_there_is_room", tell_and_wait)
    with history._writing:
        thread = threading.Thread(target=produce)
        thread.start()
        assert blocked.wait(10)
        assert admitted == [1, 2, 3]
    thread.join(10)
    assert admitted == list(range(1, 11))
    assert history.flush()
    assert history._unwritten == 0
    assert len(open_runs(history)) == 10


# Failing under way


def record_in_vain(history: History, fact: Any) -> None:
    history.record(fact)
    assert history.flush() is False


def record_in_vain_while_a_producer_waits(history: History, fact: Any, producer: threading.Thread) -> None:
    with history._writing:
        history.record(fact)
        history.admit(5000)
        producer.start()
    assert history.flush() is False


def record_until_full(history: History, facts: Any) -> None:
    for number in range(1, 101):
        history.record(facts.task(number, result=StoredResult(bytes(4096), None)))
        history.flush()


def test_a_disk_that_fills_up_under_way_leaves_what_was_committed(path: str, facts: Any, query: Any) -> None:
    history = History.open(path)
    history.record(facts.flow())
    history.flush()
    pages = query("PRAGMA page_count")[0][0]
    history._writer.database.connection.execute(f"PRAGMA max_page_count = {pages + 20}")  # type: ignore[union-attr]
    with pytest.warns(HistoryWarning, match="The disk is full"):
        record_until_full(history, facts)
    history.close()
    rows = query("SELECT id FROM task_runs ORDER BY 1")
    assert rows == [(number,) for number in range(1, len(rows) + 1)]
    assert 5 < len(rows) < 50
    assert query("PRAGMA quick_check") == [("ok",)]


def test_a_history_that_fails_says_so_once_and_lets_everybody_go(
    history: History, facts: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(journal, "UNWRITTEN_LIMIT", 1000)
    failing = sqlite3.OperationalError("database or disk is full")
    failing.sqlite_errorcode = sqlite3.SQLITE_FULL

    def fail(*_: object) -> None:
        raise failing

    monkeypatch.setattr(history._writer, "write", fail)
    producer = threading.Thread(target=history.admit, args=(5000,))
    with pytest.warns(HistoryWarning, match=r"disk is full.*Runs go on") as warnings:
        record_in_vain_while_a_producer_waits(history, facts.flow(), producer)
    assert len(warnings) == 1
    producer.join(10)
    assert not producer.is_alive()
    assert isinstance(history.failure, HistoryUnavailableError)
    for number in range(100):
        history.record(facts.task(number))
    assert history.flush() is False
    called = threading.Event()
    history.when_flushed(called.set)
    assert called.wait(10)
    assert not history._stream
    assert caplog.text.count("disk is full") == 1


def test_a_defect_of_ours_fails_the_history_and_not_the_process(
    history: History, facts: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(history._writer, "write", fail)
    with pytest.warns(HistoryWarning):
        record_in_vain(history, facts.flow())


def test_a_database_shell_that_holds_the_lock_costs_nothing_but_time(
    path: str, facts: Any, query: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    history = History.open(path)
    history._writer.database.connection.execute("PRAGMA busy_timeout = 10")  # type: ignore[union-attr]
    shell = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    shell.execute("BEGIN IMMEDIATE")
    warned = threading.Event()
    tell = history._tell_of_lock
    tellings = iter(range(100))

    def tell_and_count() -> None:
        tell()
        if next(tellings) == 3:
            warned.set()

    monkeypatch.setattr(history, "_tell_of_lock", tell_and_count)
    history.record(facts.flow())
    history.record(facts.task(1))
    history.when_flushed(lambda: None)
    assert warned.wait(10)
    shell.execute("COMMIT")
    assert history.flush()
    assert caplog.text.count("keeps the history") == 1
    history.close()
    shell.close()
    assert query("SELECT count(*) FROM task_runs") == [(1,)]


def test_waiting_has_an_end(path: str, facts: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "_GIVE_UP_SECONDS", 0.05)
    history = History.open(path)
    history._writer.database.connection.execute("PRAGMA busy_timeout = 1")  # type: ignore[union-attr]
    shell = sqlite3.connect(path, isolation_level=None)
    shell.execute("BEGIN IMMEDIATE")
    with pytest.warns(HistoryWarning, match=r"Another program keeps the history .* locked"):
        record_in_vain(history, facts.flow())
    shell.close()
    history.close()


def test_a_flush_tells_when_a_stopped_process_keeps_it_waiting(
    path: str, facts: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(journal, "_SLOW_SECONDS", 0.05)
    history, other = History.open(path), History.open(path)
    lock = other._writer.database.lock  # type: ignore[union-attr]
    assert lock is not None
    told = threading.Event()
    tell = history._tell_of_slowness

    def tell_and_set() -> None:
        tell()
        told.set()

    monkeypatch.setattr(history, "_tell_of_slowness", tell_and_set)
    with lock:
        history.record(facts.flow())
        waiting = threading.Thread(target=history.flush)
        waiting.start()
        assert told.wait(10)
    waiting.join(10)
    assert "is another process that writes to it stopped?" in caplog.text
    history.close()
    other.close()


# Opening and closing


def test_a_closed_history_drops_what_follows_and_its_file_holds_everything(
    path: str, facts: Any, query: Any
) -> None:
    history = History.open(path)
    history.record(facts.flow())
    history.close()
    history.close()
    history.record(facts.task(1))
    assert history.flush()
    immutable = sqlite3.connect(f"file:{path}?immutable=1", uri=True)  # without the log
    assert immutable.execute("SELECT count(*) FROM flow_runs").fetchone() == (1,)
    immutable.close()
    assert query("SELECT count(*) FROM task_runs") == [(0,)]


def test_a_closed_history_ends_its_thread(path: str, facts: Any) -> None:
    history = History.open(path)
    history.record(facts.flow())
    history.flush()
    thread = history._thread
    history.close()
    assert thread is not None
    assert not thread.is_alive()


def test_an_idle_writer_moves_a_long_log_into_the_file(
    path: str, facts: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "_LOOK_ROUND_SECONDS", 0.01)
    monkeypatch.setattr(journal, "_TIDY_LOG_BYTES", 1000)
    history = History.open(path)
    moved = threading.Event()
    checkpoint = Database.checkpoint

    def tell(database: Database) -> None:
        checkpoint(database)
        moved.set()

    monkeypatch.setattr(Database, "checkpoint", tell)
    history.record(facts.flow())
    assert moved.wait(10)
    with history._writing:
        assert history._writer.database.log_size() == 0  # type: ignore[union-attr]
    history.close()


def test_a_log_that_grows_without_a_pause_is_moved_all_the_same(
    history: History, facts: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "_MAX_LOG_BYTES", 1_000_000)
    the_writer = history._writer
    assert the_writer is not None
    history.record(facts.flow())
    for number in range(1, 41):
        history.admit(100_000)
        history.record(facts.task(number, result=StoredResult(bytes(100_000), None)))
        history.flush()
    assert the_writer.database.log_size() < 1_500_000


@pytest.mark.parametrize("step", ["write", "checkpoint"])
def test_writing_and_moving_the_log_wait_for_the_lock_of_all_processes(
    path: str, history: History, facts: Any, step: str
) -> None:
    history.record(facts.flow())
    history.flush()
    the_writer: Any = history._writer
    steps = {"write": lambda: the_writer.write([facts.task(1)]), "checkpoint": the_writer.database.checkpoint}
    waits, is_over = threading.Event(), threading.Event()
    lock = the_writer.database.lock
    acquire = lock.acquire

    def tell_and_acquire() -> None:
        waits.set()
        acquire()

    lock.acquire = tell_and_acquire

    def go() -> None:
        steps[step]()
        is_over.set()

    another = ProcessLock(lock.path)
    with another:
        threading.Thread(target=go, daemon=True).start()
        assert waits.wait(10)
        assert not is_over.is_set()
    assert is_over.wait(10)
    another.close()
    del lock.acquire


def test_a_reader_in_the_middle_of_a_transaction_does_not_keep_the_writer_waiting(
    path: str, facts: Any, query: Any
) -> None:
    history = History.open(path)
    history.record(facts.flow())
    history.flush()
    reader = sqlite3.connect(path, isolation_level=None)
    reader.execute("BEGIN")
    assert reader.execute("SELECT count(*) FROM task_runs").fetchone() == (0,)
    history.record(facts.task(1))
    assert history.flush(timeout=5)
    history.close()
    reader.close()
    assert query("SELECT count(*) FROM task_runs") == [(1,)]


def test_the_default_history_is_the_one_of_the_settings_and_opened_once(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from headrace.history import current

    monkeypatch.setattr(current, "_default", None)
    monkeypatch.setenv("HEADRACE_DATABASE", str(tmp_path / "mine.db"))
    history = default_history()
    try:
        assert history.location == str(tmp_path / "mine.db")
        assert default_history() is history
    finally:
        history.close()


def test_a_test_can_put_its_own_history_in_place_of_the_default() -> None:
    mine, other = History.open(":memory:"), History.open(":memory:")
    with use_history(mine) as active:
        assert active is mine
        assert default_history() is mine
        with use_history(other):
            assert default_history() is other
        assert default_history() is mine
    mine.close()
    other.close()


def test_histories_of_one_process_take_turns(path: str, make_facts: Any, query: Any) -> None:
    histories = [History.open(path) for _ in range(3)]
    for number, history in enumerate(histories):
        facts = make_facts(str(number))
        history.record(facts.flow())
        for task_run in range(1, 501):
            history.record(facts.task(task_run))
    for history in histories:
        assert history.flush()
        history.close()
    assert query("SELECT count(*) FROM task_runs") == [(1500,)]


def test_recording_is_possible_where_no_thread_can_be_started(
    path: str, facts: Any, query: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As at the end of the interpreter."""

    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't create new thread at interpreter shutdown")

    history = History.open(path)
    monkeypatch.setattr(threading.Thread, "start", refuse)
    history.record(facts.flow())
    assert history.flush()
    monkeypatch.undo()
    history.close()
    assert query("SELECT count(*) FROM flow_runs") == [(1,)]


def test_a_reader_of_an_in_memory_history_sees_what_is_flushed(facts: Any) -> None:
    history = History.open(":memory:")
    history.record(facts.flow())
    history.record(facts.task(1))
    history.flush()
    with history.reader() as reader:
        assert isinstance(reader, Reader)
        assert reader.list_runs()[0].task_runs == {"COMPLETED": 1}
    history.record(facts.task(2))
    assert history.flush()
    history.close()
