"""`headrace limits`: set, listed with their use, cleared."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from headrace import concurrency, flow, rate_limit, tags, task

if TYPE_CHECKING:
    from pathlib import Path

    from headrace.history import History
    from tests.cli.conftest import Invoke


def listed(invoke: Invoke) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(invoke("limits", "list", "--json").stdout)
    return found


@pytest.mark.usefixtures("history")
def test_a_limit_is_set_and_listed(invoke: Invoke) -> None:
    assert invoke("limits", "set", "db", "3").stdout == "Limit db: at most 3 at once.\n"
    assert invoke("limits", "set", "mails", "100", "--per", "minute").stdout == (
        "Limit mails: at most 100 per minute.\n"
    )

    assert invoke("limits", "list").stdout.splitlines() == [
        "NAME   SLOTS  HELD  WAITING  RATE",
        "db     3      0     0        -",
        "mails  -      -     0        100 per minute",
    ]


@pytest.mark.usefixtures("history")
def test_json_has_the_numbers(invoke: Invoke) -> None:
    told = json.loads(invoke("limits", "set", "db", "3", "--json").stdout)
    invoke("limits", "set", "db", "7", "--per", "hour")

    rate = {"number": 7, "per": "hour"}
    assert told == {"name": "db", "slots": 3, "is_set": True, "rate": None, "held": 0, "waiting": 0}
    assert listed(invoke) == [told | {"rate": rate}]


def test_what_is_held_is_shown_also_of_a_limit_that_only_the_program_knows(
    history: History, invoke: Invoke
) -> None:
    from headrace.history import use_history

    invoke("limits", "set", "db", "3")
    with use_history(history), concurrency("db", occupy=2), concurrency("mine", 5):
        found = {limit["name"]: limit for limit in listed(invoke)}
        assert "(5)" in invoke("limits", "list").stdout

    assert (found["db"]["held"], found["mine"]["held"]) == (2, 1)
    assert found["mine"]["is_set"] is False


@task
def query(name: str) -> str:
    with concurrency("db", 1):
        return name


@task
def look(name: str) -> str:
    return name


@task
def send(name: str) -> str:
    rate_limit("mails")
    return name


@flow
def report() -> list[str]:
    futures = [query("a"), send("b")]
    with tags("page"):
        futures.append(look("c"))
    with concurrency(["free", "files"], 1):
        return [future.result() for future in futures]


@pytest.mark.usefixtures("history")
def test_who_waits_is_shown_with_the_limit_and_with_who_holds_it(invoke: Invoke) -> None:
    invoke("limits", "set", "mails", "1", "--per", "hour")
    rate_limit("mails")
    invoke("limits", "set", "page", "1")
    with concurrency(["db", "files"], 1), concurrency("page"):
        future = report.submit()
        while "4 wait for limit " not in invoke("runs", "list").stdout:
            future.wait(timeout=0.01)
        picture = invoke("runs", "show").stdout
        while "· task run 1 waits" in picture:  # its row is to come
            future.wait(timeout=0.01)
            picture = invoke("runs", "show").stdout
    invoke("limits", "clear", "mails")
    future.result()

    here = f"process {os.getpid()}"
    waits = [line for line in picture.splitlines() if " wait" in line and " for limit " in line]
    assert sorted(waits) == [
        f"· look-0 waits for limit page, held by {here}",
        f"· query-0 waits for limit db, held by {here}",
        "· send-0 waits for limit mails",
        f"· the flow itself waits for limit files, held by {here}",
    ]
    assert "wait" not in invoke("runs", "show").stdout
    assert "wait" not in invoke("runs", "list").stdout


def test_who_holds_a_limit_in_another_run_is_shown_by_its_name(history: History, invoke: Invoke) -> None:
    @task
    def hold() -> str:
        with concurrency("db", 1):
            other = waiting.submit()
            while " for limit " not in (picture := invoke("runs", "show", other.name).stdout):
                other.wait(timeout=0.01)
            return picture

    @flow
    def holding() -> str:
        return hold().result()

    @flow
    def waiting() -> None:
        with concurrency("db", 1):
            pass

    picture = holding()

    with history.reader() as reader:
        holder = next(run for run in reader.list_runs() if run.flow == "holding")
    assert f"· the flow itself waits for limit db, held by hold-0 of {holder.name}" in picture


@pytest.mark.usefixtures("history")
def test_a_limit_is_cleared(invoke: Invoke) -> None:
    invoke("limits", "set", "db", "3")

    assert invoke("limits", "clear", "db").stdout == "Limit db is cleared.\n"
    assert listed(invoke) == []
    again = invoke("limits", "clear", "db")
    assert again.exit_code == 1
    assert "There is no limit db" in again.stderr
    assert json.loads(invoke("limits", "clear", "db", "--json").stdout) == {"name": "db", "cleared": False}


@pytest.mark.usefixtures("history")
@pytest.mark.parametrize(
    "arguments",
    [
        ["db", "-1"],
        ["db", "many"],
        ["db", "3", "--per", "day"],
        ["db", "0", "--per", "hour"],
        ["db"],
        ["", "3"],
    ],
)
def test_what_is_no_limit_is_not_set(arguments: list[str], invoke: Invoke) -> None:
    assert invoke("limits", "set", *arguments).exit_code == 2
    assert listed(invoke) == []


def test_a_limit_may_be_set_before_the_first_flow_runs(
    tmp_path: Path, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADRACE_DATABASE", str(tmp_path / "new.db"))

    assert "There are no limits" in invoke("limits", "list").stderr
    assert invoke("limits", "clear", "db").exit_code == 1
    assert not (tmp_path / "new.db").exists()
    assert invoke("limits", "set", "db", "1").exit_code == 0
    assert len(listed(invoke)) == 1


def test_a_history_in_memory_has_no_limits_for_others(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADRACE_DATABASE", ":memory:")

    for arguments in (["set", "db", "1"], ["list"], ["clear", "db"]):
        assert invoke("limits", *arguments).exit_code == 1


def test_the_group_shows_its_commands(invoke: Invoke) -> None:
    assert "clear" in invoke("limits").stdout
