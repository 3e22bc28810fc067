"""Files of results are deleted when no run refers to them any more, and not before."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from headrace.engine.states import StateName
from headrace.history.deletion import delete_runs
from headrace.history.keeping import Keeping
from headrace.history.pruning import prune
from headrace.history.results import RESULT_LIMIT

if TYPE_CHECKING:
    from headrace.history import History

ENDED = (StateName.PENDING, StateName.RUNNING, StateName.COMPLETED)
LARGE = 2 * RESULT_LIMIT


@pytest.fixture
def keep(history: History, make_facts: Any) -> Any:
    """Records a run that has ended, whose own result and whose task runs' are these, and gives its files."""

    def one(id_: str, own: Any, *of_tasks: Any, names: tuple[StateName, ...] = ENDED) -> list[Path]:
        keeping = Keeping(persists=True, place=history.result_place())
        facts = make_facts(id_)
        history.record(facts.flow(*names, result=keeping.keep(own)))
        for number, value in enumerate(of_tasks, start=1):
            history.record(facts.task(number, result=keeping.keep(value)))
        history.flush()
        with history.reader() as reader:
            run = reader.get_run(id_)
            stored = [value for value in (reader.result(run), *reader.results(run).values()) if value]
            paths = [Path(reader.results_home, value.key) for value in stored if value.key]
        for path in paths:
            make_old(path, 60)
        return paths

    return one


def make_old(path: Path, seconds: float) -> None:
    moment = time.time() - seconds
    os.utime(path, (moment, moment))


def no_rest(_seconds: float) -> None: ...


def test_files_go_with_the_run_of_which_they_are(path: str, keep: Any) -> None:
    files = keep("run-1", bytes(LARGE), bytes(LARGE + 1), "small", bytes(LARGE + 2))
    assert len(files) == 3
    sizes = sum(file.stat().st_size for file in files)

    deletion = delete_runs(path, ["run-1"], rest=no_rest)

    assert (deletion.files, deletion.file_bytes) == (3, sizes)
    assert not any(file.exists() for file in files)


def test_a_file_that_another_run_shares_goes_with_the_last_of_them(path: str, keep: Any) -> None:
    [shared] = keep("run-1", None, bytes(LARGE))
    assert keep("run-2", bytes(LARGE)) == [shared]

    assert delete_runs(path, ["run-1"], rest=no_rest).files == 0
    assert shared.exists()
    assert delete_runs(path, ["run-2"], rest=no_rest).files == 1
    assert not shared.exists()


def test_the_file_of_arguments_goes_with_their_run(path: str, history: History, facts: Any) -> None:
    keeping = Keeping(persists=True, place=history.result_place())
    history.record(facts.flow(*ENDED, arguments=keeping.keep(bytes(LARGE))))
    history.flush()
    [file] = Path(history.result_place().location).glob("*/*")
    make_old(file, 60)

    assert prune(path, [], rest=no_rest).files == 0
    assert delete_runs(path, ["run-1"], rest=no_rest).files == 1
    assert not file.exists()


def test_while_a_run_is_under_way_young_files_stay(path: str, keep: Any) -> None:
    [file] = keep("run-1", bytes(LARGE))
    keep("run-2", None, names=(StateName.PENDING, StateName.RUNNING))

    assert delete_runs(path, ["run-1"], rest=no_rest).files == 0
    assert file.exists()


def test_pruning_takes_along_what_nobody_refers_to(path: str, keep: Any, history: History) -> None:
    [kept] = keep("run-1", bytes(LARGE))
    folder = Path(history.result_place().location)
    for orphan in (folder / ".draft-1", folder / "ab" / "abcd.pickle", folder / "ab" / "abcd.json.doomed"):
        orphan.parent.mkdir(exist_ok=True)
        orphan.write_bytes(b"left by a killed process")
        make_old(orphan, 60)
    elsewhere = folder.parent / "of another history"
    elsewhere.mkdir()
    elsewhere.joinpath("ab.pickle").write_bytes(b"theirs")

    assert prune(path, [], rest=no_rest).files == 3
    assert [file for file in folder.parent.rglob("*") if file.is_file()].count(kept) == 1
    assert elsewhere.joinpath("ab.pickle").exists()


def test_pruning_leaves_what_a_run_under_way_has_just_written(path: str, keep: Any, history: History) -> None:
    keep("run-1", None, names=(StateName.PENDING, StateName.RUNNING))
    draft = Path(history.result_place().location) / ".draft-1"
    for seconds, files in ((60, 0), (7200, 1)):
        draft.write_bytes(b"half")
        make_old(draft, seconds)
        assert prune(path, [], rest=no_rest).files == files


def test_files_are_deleted_where_the_setting_had_them_put(
    path: str, keep: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HEADRACE_RESULTS", str(tmp_path / "elsewhere"))
    [file] = keep("run-1", bytes(LARGE))
    assert file.is_relative_to(tmp_path / "elsewhere")
    stray = file.parent / "stray"
    stray.write_bytes(b"stray")
    make_old(stray, 60)
    assert prune(path, [], rest=no_rest).files == 1
    monkeypatch.delenv("HEADRACE_RESULTS")

    assert delete_runs(path, ["run-1"], rest=no_rest).files == 1
    assert not file.exists()


def test_a_place_that_cannot_be_used_is_logged_and_the_run_is_deleted(
    path: str, keep: Any, history: History, caplog: pytest.LogCaptureFixture
) -> None:
    [file] = keep("run-1", bytes(LARGE))
    other = history.result_place().location
    file.unlink()
    Path(other).rename(f"{other}-moved")
    Path(other).write_text("a file in its place")

    assert delete_runs(path, ["run-1"], rest=no_rest).deleted == ("run-1",)
    assert f"Files of results at {other} cannot be deleted" in caplog.text
