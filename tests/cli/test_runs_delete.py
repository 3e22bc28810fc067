"""`headrace runs delete`: asks first, finds all before it deletes one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from headrace import flow

if TYPE_CHECKING:
    from click.testing import Result

    from headrace.history import History
    from tests.cli.conftest import Invoke, OpenTerminal


@flow(flow_run_name="run-{number}")
def numbered(number: int) -> None:
    pass


@flow
def outer() -> None:
    numbered(1)


def names(history: History) -> list[str]:
    with history.reader() as reader:
        return sorted(run.name for run in reader.list_runs(0))


@pytest.fixture(autouse=True)
def runs(history: History) -> None:
    for number in range(3):
        numbered(number)


def test_runs_are_deleted(history: History, invoke: Invoke) -> None:
    result = invoke("runs", "delete", "run-0", "run-2", "--yes")

    assert (result.exit_code, result.stdout) == (0, "Deleted 2 runs.\n")
    assert names(history) == ["run-1"]


def test_without_anybody_to_ask_nothing_is_deleted(history: History, invoke: Invoke) -> None:
    result = invoke("runs", "delete", "run-0")

    assert result.exit_code == 2
    assert "add --yes" in result.stderr
    assert len(names(history)) == 3


def test_an_unknown_name_deletes_nothing(history: History, invoke: Invoke) -> None:
    result = invoke("runs", "delete", "run-0", "nope", "--yes")

    assert result.exit_code == 1
    assert len(names(history)) == 3


def test_a_name_of_several_runs_deletes_nothing(history: History, invoke: Invoke) -> None:
    numbered(1)

    result = invoke("runs", "delete", "run-1", "--yes")

    assert result.exit_code == 1
    assert "2 runs are called 'run-1'" in result.stderr
    assert len(names(history)) == 4


def test_runs_are_deleted_by_what_they_have_in_common(history: History, invoke: Invoke) -> None:
    outer()

    result = invoke("runs", "delete", "--flow", "numbered", "--since", "1h", "--yes")

    assert result.exit_code == 0
    assert [name for name in names(history) if name.startswith("run-")] == []
    assert len(names(history)) == 1


def test_old_runs_are_those_before_a_moment(history: History, invoke: Invoke) -> None:
    result = invoke("runs", "delete", "--before", "1h", "--yes")

    assert (result.exit_code, result.stdout) == (0, "")
    assert "No run is like that: nothing is deleted." in result.stderr
    assert invoke("runs", "delete", "--before", "2999-01-01", "--yes").stdout == "Deleted 3 runs.\n"


@pytest.mark.parametrize("arguments", [[], ["run-0", "--state", "failed"]])
def test_what_is_meant_is_said_in_one_way(arguments: list[str], history: History, invoke: Invoke) -> None:
    result = invoke("runs", "delete", *arguments, "--yes")

    assert result.exit_code == 2
    assert "Say which runs" in result.stderr
    assert len(names(history)) == 3


def test_json_names_what_is_gone(history: History, invoke: Invoke) -> None:
    outer()
    result = invoke("runs", "delete", "latest", "--yes", "--json")

    gone = json.loads(result.stdout)
    assert len(gone["deleted"]) == 2
    assert names(history) == ["run-0", "run-1", "run-2"]


def test_a_run_under_way_is_left_unless_forced(history: History, invoke: Invoke) -> None:
    @flow(flow_run_name="under-way")
    def under_way() -> Result:
        history.flush()
        return invoke("runs", "delete", "under-way", "--yes")

    result = under_way()

    assert result.exit_code == 1
    assert "has not ended" in result.stderr
    assert "under-way" in names(history)


@pytest.mark.parametrize(("answer", "code", "left"), [("y", 0, 2), ("n", 1, 3)])
def test_on_a_terminal_it_asks(
    answer: str, code: int, left: int, history: History, open_terminal: OpenTerminal
) -> None:
    history.flush()
    terminal = open_terminal("runs", "delete", "run-0", variables={"HEADRACE_DATABASE": history.location})
    terminal.read_until("Delete 1 run? [y/N]: ")
    terminal.type(f"{answer}\n")

    assert terminal.wait() == code
    assert len(names(history)) == left
