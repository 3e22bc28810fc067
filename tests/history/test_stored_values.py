"""Values that come back from a history: lazily, as they were, or not at all."""

from __future__ import annotations

import pickle
import random
import sqlite3
import sys
import threading
import types
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from headrace.engine.states import StateName
from headrace.errors import HistoryError, ResultDamagedError, ResultError, ResultUnavailableError
from headrace.history import History, Reader
from headrace.history.facts import StoredResult
from headrace.history.keeping import Keeping, make_place
from headrace.history.results import RESULT_LIMIT, TOO_LARGE, dump_result
from headrace.history.serializers import JsonSerializer

if TYPE_CHECKING:
    from headrace.history.stored_value import StoredValue

LARGE_BYTES = 2 * RESULT_LIMIT


@pytest.fixture
def keeping(tmp_path: Path) -> Keeping:
    folder = str(tmp_path / "files")
    return Keeping(persists=True, place=make_place(folder, folder + "/", is_durable=False))


def recorded(history: History, facts: Any, *results: StoredResult) -> dict[int, StoredValue]:
    """Task runs with these results, as they are read."""
    history.record(facts.flow())
    for number, result in enumerate(results, start=1):
        history.record(facts.task(number, result=result))
    history.flush()
    with history.reader() as reader:
        return reader.results(reader.get_run("run-1"))


LARGE = {
    "bytes": lambda: bytes(RESULT_LIMIT + 1),
    "text": lambda: "\N{SNOWMAN}" * RESULT_LIMIT,
    "many small": lambda: list(range(1_000_000)),
    "array": lambda: np.arange(RESULT_LIMIT),
    "small and large arrays": lambda: {"a": [np.arange(3), np.arange(RESULT_LIMIT), np.arange(9.0)]},
    "array with gaps": lambda: np.arange(2 * RESULT_LIMIT).reshape(-1, 2)[:, 0],
    "array of columns": lambda: np.asfortranarray(np.arange(2 * RESULT_LIMIT).reshape(2, -1)),
    "empty arrays beside a large one": lambda: [np.zeros(0), np.arange(RESULT_LIMIT), np.zeros((3, 0))],
    "with a function": lambda: [lambda: 5, np.arange(RESULT_LIMIT)],
}


@pytest.mark.parametrize("make", LARGE.values(), ids=LARGE.keys())
def test_a_large_value_comes_back_from_its_file(
    history: History, facts: Any, keeping: Keeping, make: Any
) -> None:
    kept = keeping.keep(make())
    assert (kept.pickled, kept.note) == (None, None)
    [value] = recorded(history, facts, kept).values()
    assert value.key is not None
    assert value.size > RESULT_LIMIT // 2
    assert_same(value.load(), make())
    assert value.load() is not value.load()


def assert_same(left: Any, right: Any) -> None:
    assert type(left) is type(right)
    if isinstance(right, np.ndarray):
        assert (left.dtype, left.shape) == (right.dtype, right.shape)
        assert (left == right).all()
        assert left.flags.writeable
    elif isinstance(right, list | dict):
        pairs = (
            zip(left, right, strict=True)
            if isinstance(right, list)
            else zip(left.values(), right.values(), strict=True)
        )
        for pair in pairs:
            assert_same(*pair)
    elif callable(right):
        assert left() == right()
    else:
        assert left == right


def test_an_array_that_cannot_be_written_comes_back_so(
    history: History, facts: Any, keeping: Keeping
) -> None:
    array = np.arange(RESULT_LIMIT)
    array.flags.writeable = False
    [value] = recorded(history, facts, keeping.keep(array)).values()
    assert not value.load().flags.writeable


def test_an_array_is_written_without_a_copy_of_it(keeping: Keeping) -> None:
    import tracemalloc

    array = np.ones(50_000_000, np.uint8)
    tracemalloc.start()
    try:
        assert keeping.keep([array]).note is None
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 5_000_000


def test_small_values_stay_beside_the_run(history: History, facts: Any, keeping: Keeping) -> None:
    [value] = recorded(history, facts, keeping.keep([1, 2])).values()
    assert (value.key, value.load()) == (None, [1, 2])


def test_a_serializer_is_remembered_with_the_value(history: History, facts: Any, keeping: Keeping) -> None:
    json = keeping._replace(serializer=JsonSerializer())
    small, large = {"a": 1}, ["x" * RESULT_LIMIT]
    values = recorded(history, facts, json.keep(small), json.keep(large))
    assert [(value.serializer, value.key is None) for value in values.values()] == [
        ("json", True),
        ("json", False),
    ]
    assert [value.load() for value in values.values()] == [small, large]


class Reversed:
    name = "reversed"

    def dump(self, value: Any) -> bytes:
        return bytes(reversed(value))

    def load(self, content: bytes) -> Any:
        assert type(content) is bytes
        return bytes(reversed(content))


def test_a_serializer_that_is_not_known_by_its_name_can_be_given(history: History, facts: Any) -> None:
    [value] = recorded(history, facts, Keeping(serializer=Reversed()).keep(b"abc")).values()
    with pytest.raises(ResultUnavailableError, match="task run my_task-0 of flow run busy-otter"):
        value.load()
    assert value.load(serializer=Reversed()) == b"abc"


def test_what_is_not_to_be_kept_is_not() -> None:
    kept = Keeping(persists=False).keep([1, 2])
    assert kept == StoredResult(None, "[1,2]", "not stored: persist_result=False")


def test_what_cannot_be_kept_says_why(keeping: Keeping, tmp_path: Path) -> None:
    lock = threading.Lock()
    assert "cannot be pickled: TypeError" in (keeping.keep(lock).note or "")
    large = [lock, bytes(2 * RESULT_LIMIT)]
    assert "cannot be pickled: TypeError" in (keeping.keep(large[::-1]).note or "")
    assert "cannot be serialized by 'json': TypeError: a tuple" in (
        keeping._replace(serializer=JsonSerializer()).keep(()).note or ""
    )
    assert Keeping(serializer=JsonSerializer()).keep("x" * RESULT_LIMIT).note == TOO_LARGE
    assert keeping.place is not None
    elsewhere = keeping._replace(place=keeping.place._replace(location=str(tmp_path / "missing")))
    assert "missing is not there; on another machine, set HEADRACE_RESULTS" in (
        elsewhere.keep(bytes(2 * RESULT_LIMIT)).note or ""
    )
    assert not list((tmp_path / "files").iterdir())


def test_what_the_database_has_no_room_for_goes_to_files_if_it_is_to_persist(
    history: History, facts: Any, keeping: Keeping, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("headrace.history.writer.STORED_RESULTS_LIMIT", 1000)
    json = keeping._replace(serializer=JsonSerializer())
    values = recorded(
        history,
        facts,
        keeping.keep(b"a" * 800),
        keeping.keep(b"b" * 800),
        json.keep("c" * 800),
        dump_result(b"d" * 800),
    )
    assert [value.key is None for value in values.values()] == [True, False, False]
    assert [value.load() for value in values.values()] == [b"a" * 800, b"b" * 800, "c" * 800]
    with history.reader() as reader:
        last = reader.get_task_run(reader.get_run("run-1"), 4)
    assert (
        last.result_note
        == "not stored: the results of this flow run fill 256 MiB (persist_result=True would keep it in a file)"
    )


def test_ten_thousand_values_are_read_at_once_and_unpickled_one_by_one(history: History, facts: Any) -> None:
    history.record(facts.flow())
    for number in range(1, 10_001):
        history.record(facts.task(number, result=dump_result(number)))
    history.flush()
    with history.reader() as reader:
        run = reader.get_run("run-1")
        values = reader.results(run)
        some = reader.results(run, [5, 7, 20_000])
    assert len(values) == 10_000
    assert values[77].load() == 77
    assert {id: value.load() for id, value in some.items()} == {5: 5, 7: 7}


def test_the_value_of_a_flow_run_is_read(history: History, facts: Any) -> None:
    history.record(facts.flow())
    history.flush()
    with history.reader() as reader:
        assert reader.result(reader.get_run("run-1")) is None
        history.record(
            facts.flow(
                StateName.PENDING, StateName.RUNNING, StateName.COMPLETED, result=dump_result({"a": 1})
            )
        )
        history.flush()
        value = reader.result(reader.get_run("run-1"))
    assert value is not None
    assert value.load() == {"a": 1}


def test_a_run_whose_result_is_not_stored_has_no_value(history: History, facts: Any) -> None:
    assert recorded(history, facts, dump_result(bytes(2 * RESULT_LIMIT))) == {}


def test_how_results_are_stored_is_told(history: History, facts: Any, keeping: Keeping) -> None:
    recorded(
        history, facts, dump_result(5), keeping.keep(bytes(2 * RESULT_LIMIT)), Keeping(persists=False).keep(1)
    )
    with history.reader() as reader:
        plain, large, unwanted = [task_run.storage for task_run in reader.task_runs(reader.get_run("run-1"))]
    assert plain == ("pickle", len(b"\x80\x05J\x05\x00\x00\x00."), None)
    assert large is not None
    assert large.size > 2 * RESULT_LIMIT
    assert large.key is not None
    assert unwanted is None


def test_a_later_and_plainer_record_takes_the_file_off(
    history: History, facts: Any, keeping: Keeping
) -> None:
    recorded(history, facts, keeping.keep(bytes(2 * RESULT_LIMIT)))
    [value] = recorded(history, facts, dump_result(7)).values()
    assert (value.key, value.load()) == (None, 7)


# -- damage ------------------------------------------------------------------------------------------


def test_a_pickle_in_the_database_can_be_read_without_us(history: History, facts: Any, query: Any) -> None:
    recorded(history, facts, dump_result({"a": 1}))
    [(blob,)] = query("SELECT result FROM task_runs")
    assert pickle.loads(blob) == {"a": 1}


def test_no_turned_bit_of_a_stored_value_gives_another_value(history: History, facts: Any) -> None:
    chance = random.Random(4)
    [value] = recorded(history, facts, dump_result({"numbers": list(range(20)), "text": "abc"})).values()
    assert value.content is not None
    for _ in range(200):
        damaged = bytearray(value.content)
        damaged[chance.randrange(len(damaged))] ^= 1 << chance.randrange(8)
        with pytest.raises(
            ResultDamagedError, match=r"of task run my_task-0 of flow run busy-otter \(run-1\).*damaged"
        ):
            value._replace(content=bytes(damaged)).load()


def test_a_value_that_turns_up_in_another_row_is_damaged(history: History, facts: Any) -> None:
    values = recorded(history, facts, dump_result(1), dump_result(2))
    with pytest.raises(ResultDamagedError):
        values[1]._replace(content=values[2].content).load()


def test_no_turned_bit_of_the_database_file_gives_another_value(path: str, make_facts: Any) -> None:
    """What SQLite itself or a checksum finds is an error; what is found is what was written."""
    facts = make_facts()
    history = History.open(path)
    history.record(facts.flow())
    written = {number: f"value {number * number}" for number in range(1, 200)}
    for number, value in written.items():
        history.record(facts.task(number, result=dump_result(value)))
    history.close()
    file = Path(path)
    whole = file.read_bytes()
    chance = random.Random(7)
    noticed = 0
    for _ in range(200):
        damaged = bytearray(whole)
        damaged[chance.randrange(100, len(whole))] ^= 1 << chance.randrange(8)
        file.write_bytes(damaged)
        try:
            with Reader.open(path) as reader:
                stored = reader.results(reader.get_run("run-1"))
        except (HistoryError, sqlite3.Error, ValueError):
            noticed += 1
            continue
        for number, found in stored.items():
            try:
                assert found.load() == written[number]
            except ResultError:
                noticed += 1
    assert noticed


# -- values whose code has moved ---------------------------------------------------------------------


def pickled_by_a_script() -> tuple[StoredResult, types.ModuleType]:
    """A value of a class of ``__main__``, and the same script under its own name."""
    source = "class Point:\n    def __init__(self, x): self.x = x\n    class Inner: pass\n"
    script = types.ModuleType("my_script")
    exec(source, script.__dict__)
    main = sys.modules["__main__"]
    exec(source, main.__dict__)
    try:
        vars(main)["Point"].__module__ = vars(main)["Point"].Inner.__module__ = "__main__"
        value = [vars(main)["Point"](5), vars(main)["Point"].Inner()]
        return StoredResult(pickle.dumps(value, 5), None), script
    finally:
        del vars(main)["Point"]


def test_what_was_of_the_script_is_found_in_the_module_that_it_is_now(history: History, facts: Any) -> None:
    stored, script = pickled_by_a_script()
    [value] = recorded(history, facts, stored).values()
    with pytest.raises(ResultUnavailableError, match="cannot be made from that any more: AttributeError"):
        value.load()
    point, inner = value.load(main=script)
    assert (type(point), point.x, type(inner)) == (vars(script)["Point"], 5, vars(script)["Point"].Inner)


def test_arguments_come_back_from_the_history_or_from_a_file(
    history: History, facts: Any, keeping: Keeping
) -> None:
    small: Any = ({"a": 1}, [])
    large: Any = ({"a": bytes(LARGE_BYTES)}, [])
    for number, (arguments, stored) in enumerate([(small, dump_result(small)), (large, keeping.keep(large))]):
        history.record(facts.flow(id=f"run-{number}", arguments=stored))
        history.flush()
        history.record(facts.flow(id=f"run-{number}"))  # later facts of the run need not tell them again
        history.flush()
        with history.reader() as reader:
            value = reader.arguments(reader.get_run(f"run-{number}"))
        assert value is not None
        assert (value.key is None, value.load()) == (number == 0, arguments)
