"""`headrace doctor`: what it shows, and what it calls a problem."""

from __future__ import annotations

import json
import os
import sqlite3
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from headrace import __version__, flow, settings, task
from headrace.cli import examination

if TYPE_CHECKING:
    from headrace.history import History
    from tests.cli.conftest import Invoke


@pytest.fixture(autouse=True)
def _fresh_settings() -> None:
    settings.reload()


@flow
def empty() -> None:
    pass


def report(invoke: Invoke) -> tuple[dict[str, str], list[str]]:
    found = json.loads(invoke("doctor", "--json").stdout)
    return {
        finding["subject"]: finding["value"]
        for findings in found["sections"].values()
        for finding in findings
    }, found["problems"]


@pytest.mark.usefixtures("history")
def test_all_is_well(invoke: Invoke) -> None:
    empty()
    result = invoke("doctor")

    assert result.exit_code == 0, result.output
    assert "✓ No problems found." in result.stdout
    assert __version__ in result.stdout
    assert sqlite3.sqlite_version in result.stdout


def test_it_says_where_the_history_is_and_what_is_in_it(history: History, invoke: Invoke) -> None:
    empty()
    found, problems = report(invoke)

    assert problems == []
    assert found["Database"] == os.path.realpath(history.location)
    assert found["Rows"] == "1 flow runs, 0 task runs, 0 log lines"
    assert found["Integrity"] == "ok"
    assert found["Biggest flows"].startswith("empty ")
    assert "file 0600" in found["Permissions"]


def test_settings_say_where_they_come_from(
    tmp_path: Path, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.headrace]\ndurability = "full"\n')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HEADRACE_DATABASE", str(tmp_path / "none.db"))
    found, _ = report(invoke)

    assert found["database"] == f"{tmp_path / 'none.db'}  (HEADRACE_DATABASE)"
    assert found["durability"] == f"full  ({tmp_path / 'pyproject.toml'})"
    assert found["log_level"] == "INFO  (default)"


def test_no_history_yet_is_no_problem_and_none_is_made(
    tmp_path: Path, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADRACE_DATABASE", str(tmp_path / "none.db"))

    assert invoke("doctor").exit_code == 0
    assert list(tmp_path.iterdir()) == []

    (tmp_path / "none.db").touch()
    assert invoke("doctor").exit_code == 0


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"HEADRACE_DURABILITY": "half"}, "none of normal, full"),
        ({"HEADRACE_SOMETHING_ELSE": "1"}, "HEADRACE_SOMETHING_ELSE is no setting"),
        ({"HEADRACE_DATABSE": "x"}, "Do you mean HEADRACE_DATABASE?"),
    ],
)
def test_settings_that_are_wrong_are_problems(
    variables: dict[str, str], said: str, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    result = invoke("doctor")

    assert result.exit_code == 1
    assert said in result.stdout


def test_a_file_that_is_no_history_is_a_problem(
    tmp_path: Path, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "x.db").write_text("not a database " * 100)
    monkeypatch.setenv("HEADRACE_DATABASE", str(tmp_path / "x.db"))
    (tmp_path / "x.db").chmod(0o644)
    _, problems = report(invoke)

    assert len(problems) == 1  # and nothing of who may read what is not ours
    assert "is not a database" in problems[0]


def test_a_folder_is_no_history(tmp_path: Path, invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADRACE_DATABASE", str(tmp_path))
    _, problems = report(invoke)

    assert problems == [
        f"{tmp_path} is a folder, and the history is a file. Set HEADRACE_DATABASE to a file in it."
    ]


def test_a_history_that_others_can_read_is_a_problem(history: History, invoke: Invoke) -> None:
    Path(history.location).chmod(0o644)
    _, (problem,) = report(invoke)

    assert problem.endswith(f"Run: chmod 600 {os.path.realpath(history.location)}")


def test_a_damaged_history_is_a_problem(history: History, invoke: Invoke) -> None:
    for _ in range(50):
        empty()
    history.close()
    path = Path(history.location)
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(size // 2)
        file.write(b"\xff" * (size // 4))

    result = invoke("doctor")

    assert result.exit_code == 1
    assert "Problems" in result.stdout


def test_result_files_are_counted(history: History, invoke: Invoke) -> None:
    empty()
    folder = Path(history.location).parent / "results" / "ab"
    folder.mkdir(parents=True)
    (folder / "abcd.pickle").write_bytes(b"x" * 2_000_000)
    found, problems = report(invoke)

    assert found["Result files"] == "2.0 MB in 1 files"
    assert problems == []


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE flow_runs SET states = '[['",
        "UPDATE flow_runs SET tags = '[oops'",
        "UPDATE state_types SET state_type = 'FAILED' WHERE state = 'Completed'",
        "DELETE FROM reachable",
        "DROP INDEX flow_runs_by_time",
    ],
)
def test_what_no_headrace_has_written_is_a_damage_and_no_traceback(
    damage: str, history: History, invoke: Invoke
) -> None:
    empty()
    history.close()
    with sqlite3.connect(history.location) as connection:
        connection.execute(damage)
    connection.close()

    _, (problem,) = report(invoke)
    assert "is damaged" in problem
    assert "headrace db restore" in problem
    for command in (["runs", "list"], ["runs", "show"], ["runs", "logs"]):
        assert invoke(*command).exit_code in (0, 1)  # and no exception


def test_task_runners_are_listed_and_those_that_cannot_be_loaded_are_problems(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    points = [
        EntryPoint("good", "headrace.task_runners:SequentialTaskRunner", "headrace.task_runners"),
        EntryPoint("gone", "no_such_module:Runner", "headrace.task_runners"),
        EntryPoint("wrong", "json:dumps", "headrace.task_runners"),
    ]
    monkeypatch.setattr(examination, "entry_points", lambda **_: points)
    found, problems = report(invoke)

    assert found["good"].startswith("headrace.task_runners:SequentialTaskRunner")
    assert any("'gone'" in problem and "cannot be loaded" in problem for problem in problems)
    assert any("'wrong'" in problem and "is no TaskRunner" in problem for problem in problems)


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ((3, 6, 23), False),
        ((3, 40, 1), True),
        ((3, 44, 5), True),
        ((3, 44, 6), False),
        ((3, 50, 7), False),
        ((3, 51, 2), True),
        ((3, 51, 3), False),
        ((3, 53, 0), False),
    ],
)
def test_which_versions_have_the_wal_reset_bug(version: Any, expected: bool) -> None:
    assert examination.has_wal_reset_bug(version) is expected


@task
def make_bytes(size: int) -> bytes:
    return bytes(size)


@flow(persist_result=True)
def keeps() -> None:
    make_bytes(100)
    make_bytes(2_000_000)
    make_bytes(2_000_001)


def test_results_that_have_changed_or_are_gone_are_named(history: History, invoke: Invoke) -> None:
    keeps()
    found, problems = report(invoke)
    assert (found["Results"], problems) == ("ok", [])
    damaged, gone = sorted(
        Path(history.result_place().location).glob("*/*.pickle"), key=lambda file: file.stat().st_size
    )
    content = bytearray(damaged.read_bytes())
    content[1000] ^= 4
    damaged.write_bytes(content)
    gone.unlink()
    connection = sqlite3.connect(history.location)
    [(result,)] = connection.execute("SELECT result FROM task_runs WHERE id = 1").fetchall()
    turned = bytes([*result[:50], result[50] ^ 1, *result[51:]])
    with connection:
        connection.execute("UPDATE task_runs SET result = ? WHERE id = 1", (turned,))
    connection.close()

    found, problems = report(invoke)

    assert found["Results"] == "2 damaged, 1 missing"
    assert len(problems) == 3
    told = "\n".join(problems)
    for name, why in (
        ("make_bytes-0", "in the database"),
        ("make_bytes-1", str(damaged)),
        ("make_bytes-2", str(gone)),
    ):
        assert any(f"task run {name} of flow run" in problem and why in problem for problem in problems), told
