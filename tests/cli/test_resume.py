"""`headrace resume` and `headrace run --run-key`: what they go on with, what they say, and their exit codes."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from headrace.cli.times import duration
from headrace.history.claims import MOST_AUTOMATIC_RESUMES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Invoke, RunHeadrace

    Write = Callable[[str, str], str]

FLOWS = """
from pathlib import Path
from headrace import flow, task

@task
def count(number: int) -> int:
    print("counts", number)
    return number

@task
def check(total: int) -> int:
    if not Path("repaired").exists():
        raise ConnectionError("the database is away")
    return total

@flow(flow_run_name="totals")
def totals(upto: int = 3, *, password: str = "none") -> None:
    print("total", check(sum(count.map(range(upto)).result())).result(), password)
"""
EVENING = """
from headrace import flow
from .totals import check

@flow
def evening() -> None:
    print("total", check(2).result())
"""
NESTED = """
from headrace import flow
from flows import check, count, totals

@flow(flow_run_name="done")
def done() -> int:
    return 1

@flow(flow_run_name="outer")
def outer() -> None:
    done()
    totals()
"""
RUN_WITH_KEY = ("flows.py", "--run-key", "monday", "-p", "password=swordfish")


@pytest.fixture(autouse=True)
def _flows(write: Write) -> None:
    write("flows.py", FLOWS)


@pytest.fixture
def repair(tmp_path: Path) -> Callable[[], None]:
    return (tmp_path / "repaired").touch


# resume ---------------------------------------------------------------------------------------------


def test_a_dry_run_says_what_would_run_and_why(run_here: Invoke, invoke: Invoke) -> None:
    assert run_here("flows.py").exit_code == 1

    result = invoke("resume", "totals", "--dry-run", "--from", "count[1]")

    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "2 task runs would be replayed, 2 would run again; calls not made so far would run.",
        "  count-1: it was asked for",
        "  check-0: it ended Failed",
    ]


def test_a_dry_run_says_what_would_run_of_subflows(write: Write, run_here: Invoke, invoke: Invoke) -> None:
    write("nested.py", NESTED)
    assert run_here("nested.py:outer").exit_code == 1

    told = invoke("resume", "outer", "--dry-run").stdout.splitlines()
    as_json = json.loads(invoke("resume", "outer", "--dry-run", "--json").stdout)

    assert told == [
        "0 task runs would be replayed, 0 would run again; calls not made so far would run.",
        "1 subflow that completed is replayed if it is given the same.",
        (
            "Subflow 'totals' of flow 'totals' would go on: "
            "3 task runs would be replayed, 1 would run again; calls not made so far would run."
        ),
        "  check-0: it ended Failed",
    ]
    assert [(subflow["flow"], subflow["runs"]) for subflow in as_json["subflows"]] == [
        ("done", False),
        ("totals", True),
    ]


def test_a_resume_executes_what_did_not_complete(
    run_here: Invoke, invoke: Invoke, repair: Callable[[], None]
) -> None:
    run_here("flows.py")
    repair()

    result = invoke("resume", "totals")

    assert (result.exit_code, result.stdout) == (0, "total 3 none\n")


def test_a_resumed_run_took_what_its_last_epoch_took(
    run_here: Invoke, invoke: Invoke, repair: Callable[[], None]
) -> None:
    run_here("flows.py")
    repair()
    invoke("resume", "totals")

    shown = invoke("runs", "show").stdout.splitlines()
    listed = json.loads(invoke("runs", "list", "--json").stdout)[0]

    began, ended = map(datetime.fromisoformat, (listed["started"], listed["ended"]))
    took = (ended - began) // timedelta(microseconds=1)
    assert shown[0].endswith(f"completed in {duration(took)}")
    assert [line.split(",")[0] for line in shown if line.startswith("  epoch ")] == ["  epoch       2"]


def test_a_run_that_has_completed_is_left_alone_unless_something_is_named(
    run_here: Invoke, invoke: Invoke, repair: Callable[[], None]
) -> None:
    repair()
    run_here("flows.py")

    assert "there is nothing to resume" in invoke("resume", "totals").stderr
    assert invoke("resume", "totals", "--from", "count[1]").stdout == "counts 1\ntotal 3 none\n"


def test_a_secret_is_given_again(run_here: Invoke, invoke: Invoke, repair: Callable[[], None]) -> None:
    run_here("flows.py", "-p", "password=swordfish")
    repair()

    refused = invoke("resume", "totals")

    assert refused.exit_code == 1
    assert "without password" in refused.stderr
    assert invoke("resume", "totals", "-p", "password=swordfish").stdout == "total 3 swordfish\n"


def test_a_secret_comes_from_stdin_where_no_list_of_processes_shows_it(
    run_here: Invoke, invoke: Invoke, repair: Callable[[], None]
) -> None:
    run_here("flows.py", "--params", "-", input='{"password": "swordfish"}')
    repair()

    result = invoke("resume", "totals", "--params", "-", input='{"password": "swordfish"}')

    assert (result.exit_code, result.stdout) == (0, "total 3 swordfish\n")


def test_a_name_that_no_task_run_has_is_one_clear_error(run_here: Invoke, invoke: Invoke) -> None:
    run_here("flows.py")

    result = invoke("resume", "totals", "--from", "cuont[1]", "--from", "count[1]", "--from", "count[7]")

    assert (result.exit_code, result.stdout) == (1, "")
    assert "has no task run 'cuont[1]', 'count[7]' that could run again" in result.stderr


def test_a_flow_that_has_moved_is_named(
    run_here: Invoke, invoke: Invoke, repair: Callable[[], None], tmp_path: Path
) -> None:
    run_here("flows.py")
    repair()
    (tmp_path / "flows.py").rename(tmp_path / "moved.py")

    lost = invoke("resume", "totals")

    assert lost.exit_code == 1
    assert "does not exist any more. Say where it is now: headrace resume" in lost.stderr
    assert invoke("resume", "totals", "--flow", "moved.py").stdout == "total 3 none\n"


def test_a_flow_of_a_package_is_imported_as_its_module_from_any_folder(
    run_headrace: RunHeadrace, write: Write, tmp_path: Path
) -> None:
    write("source/shop/__init__.py", "")
    write("source/shop/totals.py", FLOWS)
    write("source/shop/evening.py", EVENING)
    write("source/start.py", "from shop.evening import evening")
    write("shop/__init__.py", "raise AssertionError('another package of that name')")
    assert run_headrace("run", "--quiet", "source/start.py").returncode == 1
    (tmp_path / "repaired").touch()

    resumed = run_headrace("resume", "--quiet", "latest")

    assert (resumed.returncode, resumed.stdout, resumed.stderr) == (0, "total 2\n", "")


def test_a_run_is_not_resumed_as_one_of_another_flow(run_here: Invoke, invoke: Invoke, write: Write) -> None:
    run_here("flows.py")
    write("other.py", "from headrace import flow\n@flow\ndef other(): ...\n")

    result = invoke("resume", "totals", "--flow", "other.py:other")

    assert result.exit_code == 1
    assert "is one of flow 'totals', not of 'other'" in result.stderr


# run --run-key --------------------------------------------------------------------------------------


def test_a_key_runs_once(run_here: Invoke, repair: Callable[[], None]) -> None:
    repair()

    assert "total 3 swordfish" in run_here(*RUN_WITH_KEY).stdout
    again = run_here(*RUN_WITH_KEY)

    assert (again.exit_code, again.stdout) == (0, "")
    assert "run 'totals' of key 'monday' is Completed: it does not run again." in again.stderr


def test_the_same_command_goes_on_with_what_failed_though_it_was_given_a_secret(
    run_here: Invoke, repair: Callable[[], None]
) -> None:
    assert run_here(*RUN_WITH_KEY).exit_code == 1
    repair()

    result = run_here(*RUN_WITH_KEY, "-p", "upto=5")

    assert (result.exit_code, result.stdout) == (0, "total 3 swordfish\n")  # with the arguments that it had


def test_a_run_goes_on_by_itself_so_often_and_not_more(run_here: Invoke) -> None:
    for _ in range(1 + MOST_AUTOMATIC_RESUMES):
        run_here(*RUN_WITH_KEY)

    result = run_here(*RUN_WITH_KEY)

    assert result.exit_code == 1
    assert "Failed after 3 automatic resumes: it does not go on by itself." in result.stderr
