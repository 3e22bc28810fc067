"""`headrace db`: prune asks first; backup and restore never overwrite; vacuum says what it gained."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from headrace import flow, task

if TYPE_CHECKING:
    from headrace.history import History
    from tests.cli.conftest import Invoke, OpenTerminal, RunHeadrace


@task
def work(number: int) -> bytes:
    return b"x" * number


@flow(flow_run_name="run-{number}")
def numbered(number: int) -> None:
    work.map([1000, 2000])


@flow
def other() -> None:
    pass


def names(history: History) -> list[str]:
    with history.reader() as reader:
        return sorted(run.name for run in reader.list_runs(0))


@pytest.fixture(autouse=True)
def runs(history: History) -> None:
    for number in range(3):
        numbered(number)


def test_old_runs_are_pruned_and_it_says_what_went(history: History, invoke: Invoke) -> None:
    result = invoke("db", "prune", "--older-than", "2999-01-01", "--yes")

    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("Deleted 3 flow runs, 6 task runs and 0 log lines: ")
    assert result.stdout.endswith("are free for new runs.\n")
    assert names(history) == []


def test_the_newest_of_each_flow_are_kept(history: History, invoke: Invoke) -> None:
    result = invoke("db", "prune", "--older-than", "2999-01-01", "--keep", "1", "--yes")

    assert "Deleted 2 flow runs" in result.stdout
    assert names(history) == ["run-2"]


def test_nothing_old_is_nothing_deleted(history: History, invoke: Invoke) -> None:
    result = invoke("db", "prune", "--older-than", "30d", "--yes")

    assert (result.exit_code, result.stdout) == (0, "")
    assert "No run is that old: nothing is deleted." in result.stderr
    assert len(names(history)) == 3


def test_a_dry_run_only_says_what_would_go(history: History, invoke: Invoke) -> None:
    result = invoke("db", "prune", "--older-than", "2999-01-01", "--dry-run")

    assert result.exit_code == 0
    assert "3 runs of numbered" in result.stderr
    assert result.stdout.startswith("Would delete 3 flow runs, 6 task runs and 0 log lines, about ")
    assert len(names(history)) == 3
    assert "nothing would be deleted" in invoke("db", "prune", "--older-than", "1d", "--dry-run").stderr


def test_json_has_the_ids_and_the_numbers(history: History, invoke: Invoke) -> None:
    plan = json.loads(invoke("db", "prune", "--older-than", "2999-01-01", "--dry-run", "--json").stdout)
    done = json.loads(invoke("db", "prune", "--older-than", "2999-01-01", "--yes", "--json").stdout)

    assert (plan["dry_run"], done["dry_run"]) == (True, False)
    assert plan["runs"] == done["runs"]
    assert plan["task_runs"] == done["task_runs"] == 6
    assert plan["bytes"] > 9000


@pytest.mark.parametrize("extra", [[], ["--json"]])
def test_without_anybody_to_ask_nothing_is_pruned(extra: list[str], history: History, invoke: Invoke) -> None:
    result = invoke("db", "prune", "--older-than", "2999-01-01", *extra)

    assert result.exit_code == 2
    assert "add --yes or --dry-run" in result.stderr
    assert len(names(history)) == 3


@pytest.mark.parametrize("arguments", [[], ["--older-than", "soon"], ["--older-than", "1d", "--keep", "-1"]])
def test_what_is_not_understood_deletes_nothing(
    arguments: list[str], history: History, invoke: Invoke
) -> None:
    assert invoke("db", "prune", *arguments, "--yes").exit_code == 2
    assert len(names(history)) == 3


@pytest.mark.parametrize(("answer", "code", "left"), [("y", 0, 0), ("n", 1, 3)])
def test_on_a_terminal_prune_asks(
    answer: str, code: int, left: int, history: History, open_terminal: OpenTerminal
) -> None:
    terminal = open_terminal(
        "db", "prune", "--older-than", "2999-01-01", variables={"HEADRACE_DATABASE": history.location}
    )
    terminal.read_until("3 runs of numbered")
    terminal.read_until("Delete 3 runs? [y/N]: ")
    terminal.type(f"{answer}\n")

    assert terminal.wait() == code
    assert len(names(history)) == left


def test_a_run_under_way_is_not_pruned(history: History, invoke: Invoke) -> None:
    @flow(flow_run_name="under-way")
    def under_way() -> str:
        history.flush()
        return invoke("db", "prune", "--older-than", "2999-01-01", "--yes").stdout

    assert "Deleted 3 flow runs" in under_way()
    assert names(history) == ["under-way"]


def test_a_backup_is_restored(history: History, run_headrace: RunHeadrace, tmp_path: Path) -> None:
    variables = {"HEADRACE_DATABASE": history.location}
    saved = run_headrace("db", "backup", "saved.db", **variables)
    assert (saved.returncode, saved.stderr) == (0, "")
    assert saved.stdout.startswith("Copied the history to saved.db: ")
    other()
    refused = run_headrace("db", "restore", "saved.db", **variables)
    assert refused.returncode == 1
    assert "A live process uses the history" in refused.stderr

    history.close()
    restored = run_headrace("db", "restore", "saved.db", **variables)
    assert (restored.returncode, restored.stderr) == (0, "")
    assert "What was there is kept as" in restored.stdout
    listed = json.loads(run_headrace("runs", "list", "--json", **variables).stdout)
    assert [run["name"] for run in listed] == ["run-2", "run-1", "run-0"]
    (aside,) = tmp_path.glob("*.replaced")
    assert len(json.loads(run_headrace("runs", "list", "--json", HEADRACE_DATABASE=str(aside)).stdout)) == 4


def test_a_backup_does_not_overwrite(invoke: Invoke, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    result = invoke("db", "backup", str(tmp_path / "mine.txt"))

    assert result.exit_code == 1
    assert "There is a file" in result.stderr
    assert (tmp_path / "mine.txt").read_text() == "mine"


def test_backup_and_restore_speak_json(history: History, invoke: Invoke, tmp_path: Path) -> None:
    saved = json.loads(invoke("db", "backup", str(tmp_path / "saved.db"), "--json").stdout)
    history.close()
    restored = json.loads(invoke("db", "restore", saved["file"], "--json").stdout)

    assert saved["bytes"] == Path(saved["file"]).stat().st_size
    assert restored["restored"] == history.location
    assert Path(restored["aside"]).exists()


def test_vacuum_says_what_it_gained(invoke: Invoke) -> None:
    invoke("db", "prune", "--older-than", "2999-01-01", "--yes")
    sizes = json.loads(invoke("db", "vacuum", "--json").stdout)

    assert sizes["after"] <= sizes["before"]
    assert invoke("db", "vacuum").stdout.startswith("The history takes ")


def test_where_there_is_no_history_each_command_says_so(
    invoke: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADRACE_DATABASE", str(tmp_path / "none.db"))

    assert "nothing is deleted" in invoke("db", "prune", "--older-than", "1d", "--yes").stderr
    assert "There is no history" in invoke("db", "backup", str(tmp_path / "x.db")).stderr
    assert "There is no history" in invoke("db", "vacuum").stderr
    assert not (tmp_path / "none.db").exists()


def test_a_history_in_memory_is_refused(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADRACE_DATABASE", ":memory:")

    for arguments in (["prune", "--older-than", "1d"], ["backup", "x"], ["restore", "x"], ["vacuum"]):
        assert invoke("db", *arguments).exit_code == 1
