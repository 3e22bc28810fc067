"""The cache in a history: what is given was stored, and nothing else is."""

from __future__ import annotations

import pickle
import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from headrace.clock import now_us
from headrace.engine.states import StateName
from headrace.history import History
from headrace.history.cache import CacheShelf, Claim
from headrace.history.facts import CacheFact, FlowRunFact, StoredResult, TaskRunFact
from headrace.history.rescuer import rescue_at
from headrace.history.results import dump_result

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

KEY = "0" * 31 + "1"
FLOW_RUN = "flow-run"
DEADLINE_SECONDS = 20


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "history.db")


@pytest.fixture
def history(path: str) -> Iterator[History]:
    history = History.open(path)
    history.record(flow_run_fact())
    yield history
    history.close()


@pytest.fixture
def shelf(history: History) -> Iterator[CacheShelf]:
    shelf = CacheShelf(history)
    yield shelf
    shelf.close()


def flow_run_fact(id: str = FLOW_RUN) -> FlowRunFact:
    from headrace.engine.states import State

    states = (State(StateName.PENDING, 1), State(StateName.RUNNING, 2))
    return FlowRunFact(
        id, "flow", "f", id, None, (), states, 2, None, None, "concurrent", None, None, None, None
    )


def record(
    history: History,
    id: int,
    value: object,
    *,
    key: str = KEY,
    expires_us: int | None = None,
    state: StateName = StateName.COMPLETED,
    source: str | None = None,
    refreshes: bool = False,
    at_us: int = 3,
    result: StoredResult | None = None,
) -> None:
    states = ((StateName.PENDING, 1, None), (StateName.RUNNING, 2, None), (state, at_us, None))
    history.record(
        TaskRunFact(
            FLOW_RUN, id, None, "work", id, None, (), states, 2, at_us, 1, (), (), None, "w",
            result or dump_result(value), None, cache=CacheFact(key, expires_us, source, refreshes),
        )
    )  # fmt: skip
    history.flush(DEADLINE_SECONDS)


def claim(history: History, shelf: CacheShelf, holder: str, key: str = KEY) -> Claim | None:
    done = threading.Event()
    answers: list[Claim | None] = []

    def take(answer: Claim | None) -> None:
        answers.append(answer)
        done.set()

    history.transact(lambda writer: shelf.claim(writer, key, holder, now_us()), take)
    assert done.wait(DEADLINE_SECONDS)
    return answers[0]


def found(shelf: CacheShelf, key: str = KEY, now: int = 10) -> Any:
    value = shelf.find(key, now)
    return None if value is None else value.load()


def found_anew(history: History, key: str = KEY, now: int = 10) -> Any:
    """The same by a shelf that remembers nothing."""
    with closing(CacheShelf(history)) as shelf:
        return found(shelf, key, now)


def change(path: str, statement: str, *values: object) -> None:
    """Another program writes into the database."""
    with sqlite3.connect(path) as connection:
        connection.execute(statement, values)
    connection.close()


def test_a_value_is_found_by_its_key(history: History, shelf: CacheShelf) -> None:
    assert found(shelf) is None
    record(history, 1, {"x": 1})
    assert found(shelf) == {"x": 1}
    assert found(shelf, KEY[::-1]) is None
    value = shelf.find(KEY, 10)
    assert value is not None
    assert value.source == f"{FLOW_RUN}/1"


def test_the_latest_value_counts(history: History) -> None:
    record(history, 1, "old", at_us=5)
    record(history, 2, "new", at_us=7)
    assert found_anew(history) == "new"


def test_a_value_counts_until_it_expires(history: History, shelf: CacheShelf) -> None:
    record(history, 1, "value", expires_us=100)
    assert found_anew(history, now=99) == "value"
    assert found_anew(history, now=100) is None
    assert [found(shelf, now=now) for now in (99, 100)] == ["value", None]


@pytest.mark.parametrize(
    "state", [StateName.FAILED, StateName.CANCELLED, StateName.CRASHED, StateName.RUNNING]
)
def test_only_what_completed_counts(history: History, shelf: CacheShelf, state: StateName) -> None:
    states = ((StateName.PENDING, 1, None), (StateName.RUNNING, 2, None))
    fact = TaskRunFact(
        FLOW_RUN, 1, None, "work", 1, None, (), states if state is StateName.RUNNING else (*states, (state, 3, None)),
        2, None if state is StateName.RUNNING else 3, 1, (), (), None, "w", dump_result(1), None, cache=CacheFact(KEY),
    )  # fmt: skip
    history.record(fact)
    history.flush()
    assert found(shelf) is None


def test_a_value_that_is_not_stored_does_not_count(history: History, shelf: CacheShelf) -> None:
    record(history, 1, None, result=StoredResult(None, "preview", "not stored"))
    assert found(shelf) is None


def test_a_damaged_value_counts_as_not_there_and_the_one_before_it_is_given(
    history: History, path: str
) -> None:
    record(history, 1, "sound", at_us=5)
    record(history, 2, "to be damaged", at_us=7)
    change(
        path, "UPDATE task_runs SET result = CAST(replace(result, 'da', 'DA') AS BLOB) WHERE key & 0xFFFF = 2"
    )
    assert found_anew(history) == "sound"


def test_every_bit_of_a_value_is_watched(history: History, path: str) -> None:
    record(history, 1, "value")
    with sqlite3.connect(path) as connection:
        [(content,)] = connection.execute("SELECT result FROM task_runs").fetchall()
    connection.close()
    for bit in range(8 * len(content)):
        turned = bytearray(content)
        turned[bit // 8] ^= 1 << bit % 8
        change(path, "UPDATE task_runs SET result = ?", bytes(turned))
        assert found_anew(history) is None


def test_a_value_that_lies_in_another_row_is_not_given(history: History, path: str) -> None:
    record(history, 1, "one", key="a")
    record(history, 2, "other", key="b")
    change(path, "UPDATE task_runs SET result = (SELECT result FROM task_runs WHERE cache_key = 'a')")
    assert found_anew(history, "b") is None
    assert found_anew(history, "a") == "one"


def test_a_damaged_index_leads_to_no_other_value(history: History, path: str) -> None:
    record(history, 1, "one", key="a" * 32)
    record(history, 2, "other", key="b" * 32)
    history.close()
    content = bytearray(Path(path).read_bytes())
    with sqlite3.connect(path) as connection:
        [(root,)] = connection.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = 'task_runs_by_cache_key'"
        )
        [(size,)] = connection.execute("PRAGMA page_size")
    connection.close()
    page = bytes(content[(root - 1) * size : root * size])
    swapped = page.replace(b"a" * 32, b"\0" * 32).replace(b"b" * 32, b"a" * 32).replace(b"\0" * 32, b"b" * 32)
    assert swapped != page
    content[(root - 1) * size : root * size] = swapped
    Path(path).write_bytes(content)
    reopened = History.open(path)
    assert found_anew(reopened, "a" * 32) in (None, "one")
    assert found_anew(reopened, "b" * 32) in (None, "other")
    reopened.close()


def test_a_value_of_a_class_that_is_not_there_any_more_counts_as_not_there(
    history: History, shelf: CacheShelf
) -> None:
    gone = pickle.dumps(StateName.FAILED).replace(b"StateName", b"StateGone")
    record(history, 1, None, result=StoredResult(gone, "preview"))
    value = shelf.find(KEY, 10)
    assert value is not None
    with pytest.raises(AttributeError):
        value.load()
    shelf.reject(KEY, value)
    assert shelf.find(KEY, 10) is None
    assert claim(history, shelf, "run/2") == Claim()


def test_what_was_found_is_remembered_until_somebody_clears_the_cache(
    history: History, shelf: CacheShelf, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("headrace.history.cache._LOOK_AGAIN_SECONDS", 0.0)
    record(history, 1, "value")
    assert found(shelf) == "value"
    change(path, "UPDATE task_runs SET cache_key = NULL")
    assert found(shelf) == "value"
    change(path, "UPDATE cache_clearings SET count = count + 1")
    assert found(shelf) is None


def test_a_shelf_that_was_closed_sees_what_happened_meanwhile(
    history: History, shelf: CacheShelf, path: str
) -> None:
    record(history, 1, "value")
    assert found(shelf) == "value"
    for _ in range(3):
        shelf.close()
        change(path, "UPDATE task_runs SET cache_key = NULL")
        change(path, "UPDATE cache_clearings SET count = count + 1")
        assert found(shelf) is None
        change(path, "UPDATE task_runs SET cache_key = ?", KEY)
        assert found(shelf) == "value"


def test_a_refreshed_value_takes_the_place_of_what_others_remember(
    history: History, shelf: CacheShelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("headrace.history.cache._LOOK_AGAIN_SECONDS", 0.0)
    record(history, 1, "old", at_us=5)
    assert found(shelf) == "old"
    record(history, 2, "new", at_us=7, refreshes=True)
    assert found(shelf) == "new"


def test_no_more_is_remembered_than_there_is_room_for(
    history: History, shelf: CacheShelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("headrace.history.cache._REMEMBERED_BYTES", 10_000)
    assert shelf.find(KEY, 0) is None
    for number in range(10):
        shelf.keep(str(number), dump_result(bytes(2000)), "source", None)
    remembered = [number for number in range(10) if shelf.find_remembered(str(number), 0) is not None]
    assert remembered == [7, 8, 9]


def test_a_history_that_cannot_be_read_has_no_values(history: History, shelf: CacheShelf, path: str) -> None:
    record(history, 1, "value")
    change(path, "DROP TABLE task_runs")
    assert found(shelf) is None


# -- claims ----------------------------------------------------------------------------------------


def test_one_of_two_gets_the_claim_and_the_other_is_told_who_has_it(
    history: History, shelf: CacheShelf
) -> None:
    assert claim(history, shelf, "run/1") == Claim()
    assert claim(history, shelf, "run/2") == Claim(holder="run/1")
    assert claim(history, shelf, "run/1") == Claim()
    assert claim(history, shelf, "run/2", key="another") == Claim()


def test_a_value_that_is_there_need_not_be_claimed(history: History, shelf: CacheShelf) -> None:
    record(history, 1, "value")
    assert claim(history, shelf, "run/2") == Claim(is_known=True)


@pytest.mark.parametrize("state", [StateName.COMPLETED, StateName.FAILED, StateName.CANCELLED])
def test_a_claim_ends_in_the_transaction_that_writes_the_end_of_its_run(
    history: History, shelf: CacheShelf, path: str, state: StateName
) -> None:
    claim(history, shelf, f"{FLOW_RUN}/1")
    record(history, 1, "value", state=state)
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT count(*) FROM cache_claims").fetchone() == (0,)
    connection.close()


def test_the_end_of_another_run_leaves_a_claim_as_it_is(history: History, shelf: CacheShelf) -> None:
    claim(history, shelf, f"{FLOW_RUN}/1")
    record(history, 2, "value", state=StateName.FAILED)
    assert claim(history, shelf, f"{FLOW_RUN}/3") == Claim(holder=f"{FLOW_RUN}/1")


def test_the_claim_of_a_process_that_is_gone_counts_no_more(
    history: History, shelf: CacheShelf, path: str
) -> None:
    claim(history, shelf, "run/1")
    change(path, "UPDATE processes SET born = 'earlier'")
    assert claim(history, shelf, "run/2") == Claim()


def test_what_a_process_that_is_gone_claimed_is_freed_with_its_runs(
    history: History, shelf: CacheShelf, path: str
) -> None:
    claim(history, shelf, "run/1")
    change(path, "UPDATE processes SET born = 'earlier'")
    assert rescue_at(path) == [FLOW_RUN]
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT count(*) FROM cache_claims").fetchone() == (0,)
    connection.close()


# -- what is done within a transaction ---------------------------------------------------------------


def answer_of(history: History, work: Callable[[Any], Any]) -> Any:
    done = threading.Event()
    answers: list[Any] = []

    def take(answer: Any) -> None:
        answers.append(answer)
        done.set()

    history.transact(work, take)
    assert done.wait(DEADLINE_SECONDS)
    return answers[0]


def test_work_sees_what_was_recorded_before_it(history: History) -> None:
    history.record(flow_run_fact("another"))
    count = answer_of(
        history, lambda writer: writer.connection.execute("SELECT count(*) FROM flow_runs").fetchone()[0]
    )
    assert count == 2


def test_work_that_raises_harms_nobody(history: History, caplog: pytest.LogCaptureFixture) -> None:
    assert answer_of(history, lambda _: 1 // 0) is None
    assert "ZeroDivisionError" in caplog.text
    assert history.flush(DEADLINE_SECONDS)


def test_who_is_given_an_answer_and_raises_harms_nobody(
    history: History, caplog: pytest.LogCaptureFixture
) -> None:
    history.transact(lambda _: 0, lambda answer: 1 // answer)  # type: ignore[operator, arg-type]
    assert history.flush(DEADLINE_SECONDS)
    assert "ZeroDivisionError" in caplog.text


def test_a_history_that_is_closed_or_has_failed_answers_nothing(path: str) -> None:
    history = History.open(path)
    history.close()
    assert answer_of(history, lambda _: 1) is None
    broken = History.open(path)
    change(path, "DROP TABLE flow_runs")
    with pytest.warns(Warning, match="nothing of them is recorded"):
        record(broken, 1, "value")
    assert answer_of(broken, lambda _: 1) is None
    broken.close()
