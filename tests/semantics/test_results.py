"""How results are stored and had again: rules R1 to R5."""

from __future__ import annotations

import asyncio
import json
import os
import threading
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from headrace import flow, task
from headrace.errors import MissingExtraError, ResultDamagedError, ResultUnavailableError
from headrace.history import History, use_history
from headrace.history.results import RESULT_LIMIT, TOO_LARGE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from headrace import Task
    from headrace.history.reader import Storage
    from headrace.history.stored_value import StoredValue
    from tests.semantics.conftest import Story, Way

    MakeTask = Callable[..., Task[..., Any]]

LARGE = 2 * RESULT_LIMIT


@pytest.fixture
def on_disk(tmp_path: Path) -> Iterator[History]:
    """A history in a file, in which the runs of the test are recorded."""
    with closing(History.open(str(tmp_path / "data" / "history.db"))) as history, use_history(history):
        yield history


def storage_of(history: History, name: str | None = None) -> tuple[Storage | None, str | None]:
    """How the result of the newest flow run, or of one of its task runs, is stored, and the note."""
    assert history.flush()
    with history.reader() as reader:
        run = reader.get_run(reader.list_runs(1)[0].id)
        if name is None:
            return run.storage, run.result_note
        [task_run] = [each for each in reader.task_runs(run) if each.name == name]
        return task_run.storage, task_run.result_note


def stored_values(history: History) -> list[StoredValue]:
    """What is stored of the task runs of the newest flow run."""
    with history.reader() as reader:
        return list(reader.results(reader.get_run(reader.list_runs(1)[0].id)).values())


def files_of(history: History) -> list[Path]:
    return [path for path in Path(history.location).parent.joinpath("results").rglob("*") if path.is_file()]


@task
def make(size: int) -> bytes:
    return bytes(size)


# -- R1: up to 1 MiB, beside the run --------------------------------------------------------------


def test_r1_a_result_is_kept_with_its_run(
    story: Story, history: History, way: Way, make_task: MakeTask
) -> None:
    answer = make_task(lambda: {"answer": [42]}, name="answer")
    way.run(answer)
    assert story.task_runs()["answer-0"].storage is not None
    assert [value.load() for value in stored_values(history)] == [{"answer": [42]}]


def test_r1_a_large_result_is_not_kept_and_a_note_says_what_would_keep_it(way: Way, history: History) -> None:
    assert way.run(lambda: make(LARGE)) == bytes(LARGE)
    assert storage_of(history, "make-0") == (None, TOO_LARGE)
    assert storage_of(history) == (None, TOO_LARGE)
    assert "persist_result=True would keep it" in TOO_LARGE


def test_r1_the_value_itself_is_never_a_copy(way: Way) -> None:
    array = np.zeros(LARGE)
    give = task(lambda: array)
    assert way.run(give) is array
    assert way.run(give.with_options(persist_result=True)) is array


# -- R2: persist_result ---------------------------------------------------------------------------


def test_r2_a_persisted_result_of_any_size_is_kept(
    on_disk: History, way: Way, make_task: MakeTask, tmp_path: Path
) -> None:
    array = np.arange(LARGE)
    give = make_task(lambda: [array, "and more"], name="give", persist_result=True)
    small = make_task(lambda: 5, name="small", persist_result=True)

    def body() -> Any:
        return [give(), small()]

    way.run(body)
    storage, note = storage_of(on_disk, "give-0")
    assert note is None
    assert storage is not None
    assert storage.key is not None
    assert storage.size > array.nbytes
    assert [path.stat().st_size for path in files_of(on_disk)] == [storage.size]
    assert files_of(on_disk)[0].is_relative_to(tmp_path / "data" / "results")
    (back, text), five = [value.load() for value in stored_values(on_disk)]
    assert (back == array).all()
    assert (text, five) == ("and more", 5)


def test_r2_the_flow_says_it_for_its_own_result_and_for_its_tasks(on_disk: History, way: Way) -> None:
    unwanted = make.with_options(name="unwanted", persist_result=False)
    plain = make.with_options(name="plain")

    def body() -> Any:
        unwanted(LARGE)
        return plain(LARGE)

    way.run(body, persist_result=True)
    storage, note = storage_of(on_disk)
    assert storage is not None
    assert (storage.key is None, note) == (False, None)
    assert storage_of(on_disk, "unwanted-0") == (None, "not stored: persist_result=False")
    plain_storage, _ = storage_of(on_disk, "plain-0")
    assert plain_storage is not None
    assert plain_storage.key == storage.key  # equal contents are one file
    assert len(files_of(on_disk)) == 1


def test_r2_nothing_is_kept_of_what_is_not_to_persist(
    history: History, way: Way, make_task: MakeTask
) -> None:
    secret = make_task(lambda: "secret", name="secret")
    way.run(secret, persist_result=False)
    for name in ("secret-0", None):
        assert storage_of(history, name) == (None, "not stored: persist_result=False")


def test_r2_a_setting_says_it_for_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADRACE_PERSIST_RESULTS", "1")
    with closing(History.open(str(tmp_path / "history.db"))) as history, use_history(history):
        flow(lambda: make(LARGE), name="f")()
        storage, _ = storage_of(history, "make-0")
        assert storage is not None
        assert storage.key is not None
        flow(lambda: make(LARGE), name="f", persist_result=False)()
        assert storage_of(history, "make-0") == (None, "not stored: persist_result=False")
        make(LARGE).result()
        assert storage_of(history, "make-0")[0] == storage


def test_r2_files_go_where_the_setting_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: Way
) -> None:
    monkeypatch.setenv("HEADRACE_RESULTS", str(tmp_path / "elsewhere"))
    with closing(History.open(str(tmp_path / "history.db"))) as history, use_history(history):
        way.run(lambda: make(LARGE), persist_result=True)
        storage, _ = storage_of(history, "make-0")
        assert storage is not None
        assert storage.key is not None
        assert storage.key.startswith(str(tmp_path / "elsewhere"))
        monkeypatch.delenv("HEADRACE_RESULTS")
        assert [value.load() for value in stored_values(history)] == [bytes(LARGE)]


def test_r2_files_go_to_a_url_of_fsspec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADRACE_RESULTS", "memory://headrace-results")
    with closing(History.open(str(tmp_path / "history.db"))) as history, use_history(history):
        flow(lambda: make(LARGE), name="f", persist_result=True)()
        assert [value.load() for value in stored_values(history)] == [bytes(LARGE)]
        assert files_of(history) == []


def test_r2_the_files_of_an_in_memory_history_go_with_it(way: Way) -> None:
    with closing(History.open(":memory:")) as history, use_history(history):
        way.run(lambda: make(LARGE), persist_result=True)
        folder = Path(history.result_place().location)
        assert [value.load() for value in stored_values(history)] == [bytes(LARGE)]
        assert folder.exists()
    assert not folder.exists()


def test_r2_child_runs_keep_theirs_alike(on_disk: History) -> None:
    @task
    def parent() -> int:
        return len(make(LARGE).result())

    @flow(persist_result=True)
    def calls_parent() -> Any:
        return parent()

    calls_parent()
    storage, _ = storage_of(on_disk, "make-0")
    assert storage is not None
    assert storage.key is not None


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
def test_r2_large_arguments_of_a_flow_are_kept_as_its_results_are(
    on_disk: History, *, is_async: bool
) -> None:
    def count(data: bytes) -> int:
        return len(data)

    async def count_async(data: bytes) -> int:
        return len(data)

    for persist_result in (None, True):
        counting: Any = flow(count_async if is_async else count, persist_result=persist_result)
        value = counting(bytes(LARGE))
        assert (asyncio.run(value) if is_async else value) == LARGE
        with on_disk.reader() as reader:
            stored = reader.arguments(reader.get_run(reader.list_runs(1)[0].id))
        assert (stored is None) == (persist_result is None)
        if stored is not None:
            assert stored.key is not None
            assert stored.load() == ({"data": bytes(LARGE)}, [])


def test_r2_an_event_loop_goes_on_while_a_file_is_written(
    on_disk: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop_went_on = threading.Event()
    open_file = os.open

    def wait_for_the_loop(path: Any, *rest: Any) -> int:
        if ".draft-" in str(path):
            assert loop_went_on.wait(20)
        return open_file(path, *rest)

    monkeypatch.setattr(os, "open", wait_for_the_loop)

    @task(persist_result=True)
    async def make_async() -> bytes:
        asyncio.get_running_loop().call_soon(loop_went_on.set)
        return bytes(LARGE)

    @flow(persist_result=True)
    async def waiting() -> int:
        return len(await make_async())

    assert asyncio.run(waiting()) == LARGE


@pytest.mark.parametrize("option", ["yes", 1, 0])
def test_r2_what_is_no_answer_is_refused(option: Any) -> None:
    with pytest.raises(TypeError, match="give True, False or None"):
        task(persist_result=option)(lambda: None)
    with pytest.raises(TypeError, match="give True, False or None"):
        flow(persist_result=option)(lambda: None)


# -- R3: serializers ------------------------------------------------------------------------------


class Upper:
    """A user's own."""

    name = "upper for the tests"

    def dump(self, value: str) -> bytes:
        return value.upper().encode()

    def load(self, content: bytes) -> str:
        return content.decode().lower()


def test_r3_a_task_and_a_flow_choose_their_serializer(
    history: History, way: Way, make_task: MakeTask
) -> None:
    def body() -> Any:
        return [
            make_task(lambda: {"a": [1]}, name="of the flow")(),
            make_task(lambda: (1, 2), name="pickle", result_serializer="pickle")(),
            make_task(lambda: "text", name="own", result_serializer=Upper())(),
        ]

    way.run(lambda: [make_task(lambda: 1, name="first")(), *body()][1], result_serializer="json")
    values = {value.owner.split()[2]: value for value in stored_values(history)}
    assert [value.serializer for value in values.values()] == ["json", "json", "pickle", Upper.name]
    assert [value.load() for value in stored_values(history)] == [1, {"a": [1]}, (1, 2), "text"]
    with history.reader() as reader:
        result = reader.result(reader.get_run(reader.list_runs(1)[0].id))
    assert result is not None
    assert (result.serializer, result.load()) == ("json", {"a": [1]})
    assert json.loads(bytes(result.read())) == {"a": [1]}


def test_r3_a_serializer_that_does_not_exist_is_refused_when_the_task_is_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(ValueError, match='give "pickle", "json", "arrow"'):
        task(result_serializer="yaml")(lambda: None)
    with pytest.raises(TypeError, match="an object with name, dump and load"):
        flow(result_serializer=5)(lambda: None)  # type: ignore[call-overload]
    monkeypatch.setattr("headrace.history.serializers.find_spec", lambda _name: None)
    with pytest.raises(MissingExtraError, match=r'pip install "headrace\[arrow\]"'):
        task(result_serializer="arrow")(lambda: None)


def test_r3_options_are_kept_by_copies_and_by_pickles() -> None:
    made = make.with_options(persist_result=True, result_serializer="json").with_options(name="other")
    assert made.persist_result is True
    assert made.result_serializer is not None
    assert made.result_serializer.name == "json"
    plain = made.with_options(persist_result=None, result_serializer=None)
    assert (plain.is_ordinary, made.is_ordinary) == (True, False)
    named = flow(lambda: None, name="f", persist_result=False, result_serializer="json").with_options(
        name="g"
    )
    assert (named.persist_result, named.result_serializer is not None) == (False, True)


# -- R4: what cannot be stored --------------------------------------------------------------------


@pytest.mark.parametrize("persist_result", [None, True], ids=["by default", "persisted"])
@pytest.mark.parametrize("size", [1, LARGE], ids=["small", "large"])
def test_r4_a_result_that_cannot_be_pickled_completes_its_task(
    story: Story, way: Way, make_task: MakeTask, persist_result: bool | None, size: int
) -> None:
    lock = threading.Lock()
    give = make_task(lambda: [bytes(size), lock], name="give", persist_result=persist_result)
    assert way.run(give) == [bytes(size), lock]
    run = story.task_runs()["give-0"]
    assert (run.state, run.storage) == ("Completed", None)
    assert run.result_note is not None
    if size == 1 or persist_result:
        assert run.result_note.startswith("cannot be pickled: TypeError")


class Grumpy:
    name = "grumpy"

    def dump(self, value: Any) -> bytes:
        raise RuntimeError(f"not {value}")

    def load(self, content: bytes) -> Any:
        raise NotImplementedError


def test_r4_a_result_that_its_serializer_refuses_completes_its_task(
    story: Story, way: Way, make_task: MakeTask
) -> None:
    for serializer, why in (
        ("json", "TypeError: a tuple would not come back"),
        (Grumpy(), "RuntimeError: not (1,)"),
    ):
        give = make_task(lambda: (1,), name="give", result_serializer=serializer)
        assert way.run(give) == (1,)
        run = story.task_runs()["give-0"]
        assert (run.state, run.storage) == ("Completed", None)
        assert run.result_note is not None
        assert why in run.result_note


def test_r4_a_place_that_cannot_be_written_completes_the_task(
    on_disk: History, way: Way, tmp_path: Path
) -> None:
    (tmp_path / "data" / "results").write_text("a file where the folder would be")
    assert way.run(lambda: make(LARGE), persist_result=True) == bytes(LARGE)
    for name in ("make-0", None):
        storage, note = storage_of(on_disk, name)
        assert storage is None
        assert note is not None
        assert note.startswith(f"not stored: {tmp_path}/data/results")
        assert "Not a directory" in note


# -- R5: what comes back --------------------------------------------------------------------------


def test_r5_what_has_changed_or_is_gone_is_an_error_that_names_run_and_file(on_disk: History) -> None:
    flow(lambda: make(LARGE), name="f", persist_result=True)()
    [value] = stored_values(on_disk)
    [file] = files_of(on_disk)
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    with pytest.raises(ResultDamagedError, match=rf"task run make-0 of flow run .*{file.name} is damaged"):
        value.load()
    file.unlink()
    with pytest.raises(
        ResultUnavailableError, match=rf"task run make-0 of flow run .*{file.name} is not there"
    ):
        value.load()
