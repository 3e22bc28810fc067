"""Scripts that were killed, and how `headrace resume` and `headrace run --run-key` go on with them."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.cli.conftest import COMMAND

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import RunHeadrace

    Write = Callable[[str, str], str]

PIPELINE = """
import os, signal
from dataclasses import dataclass
from pathlib import Path
from headrace import flow, task
from headrace.history import default_history

@dataclass
class Page:
    number: int

@task
def fetch(number):
    print("fetch", number)
    return Page(number)

@task
def clean(page):
    print("clean", page.number)
    if Path("broken").exists() and page.number == 1:
        with default_history().reader() as reader:
            while not any(run.task_runs.get("RUNNING") for run in reader.list_runs()):
                default_history().flush()
        os.kill(os.getpid(), signal.SIGKILL)
    return page.number * 10

@flow
def pipeline(count: int, token: str = "none"):
    return sum(clean(fetch(number)).result() for number in range(count))

if __name__ == "__main__":
    print(pipeline(3))
"""


@pytest.fixture
def killed(write: Write, tmp_path: Path, user_environment: dict[str, str]) -> str:
    """A run of a script that was killed half way: the id."""
    write("pipeline.py", PIPELINE)
    (tmp_path / "broken").touch()
    done = subprocess.run(
        [sys.executable, "pipeline.py"], cwd=tmp_path, env=user_environment, check=False, capture_output=True
    )
    assert done.returncode == -signal.SIGKILL
    (tmp_path / "broken").unlink()
    return "latest"


def printed(done: Any) -> list[str]:
    return done.stdout.splitlines()  # type: ignore[no-any-return]


def test_a_killed_script_is_crashed_and_goes_on_where_it_was(killed: str, run_headrace: RunHeadrace) -> None:
    [run] = json.loads(run_headrace("runs", "list", "--json").stdout)
    assert (run["state"], run["task_runs"]["CRASHED"]) == ("Crashed", 1)
    assert "is gone" in run["reason"]

    done = run_headrace("resume", run["name"], "-q")

    assert done.returncode == 0, done.stderr
    assert printed(done) == ["clean 1", "fetch 2", "clean 2"]
    [resumed] = json.loads(run_headrace("runs", "list", "--json").stdout)
    assert (resumed["id"], resumed["state"]) == (run["id"], "Completed")


KILLED_AT_ONCE = """
import os, signal
from headrace import flow, task

@task
def send():
    print("sent", flush=True)
    if "DIES" in os.environ:
        os.kill(os.getpid(), signal.SIGKILL)

@flow
def part():
    send().result()

@task
def within_a_task():
    part()

{flow}

if __name__ == "__main__":
    {call}
"""


@pytest.mark.parametrize(
    ("flow", "call"),
    [
        ("@flow\ndef whole():\n    send().result()", "whole()"),
        ("@flow\nasync def whole():\n    await send()", "import asyncio; asyncio.run(whole())"),
        ("@flow\ndef whole():\n    part()", "whole()"),
        ("@flow\ndef whole():\n    within_a_task().result()", "whole()"),
        ("@flow\ndef whole():\n    part.submit().result()", "whole()"),
    ],
    ids=["sync", "async", "subflow", "subflow of a task", "submitted subflow"],
)
def test_a_run_whose_first_task_kills_the_process_is_in_the_history_and_goes_on(
    write: Write,
    run_headrace: RunHeadrace,
    tmp_path: Path,
    user_environment: dict[str, str],
    flow: str,
    call: str,
) -> None:
    write("at_once.py", KILLED_AT_ONCE.format(flow=flow, call=call))
    command = [sys.executable, "at_once.py"]
    environment = {**user_environment, "DIES": "1"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, check=False, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (-signal.SIGKILL, "sent\n")

    [run] = json.loads(run_headrace("runs", "list", "--no-subflows", "--json").stdout)

    assert (run["flow"], run["state"]) == ("whole", "Crashed")
    assert printed(run_headrace("resume", "latest", "-q")) == ["sent"]


def test_a_dry_run_says_what_would_run_and_why_and_runs_nothing(
    killed: str, run_headrace: RunHeadrace
) -> None:
    done = run_headrace("resume", killed, "--dry-run", "--from", "fetch[0]")
    assert done.returncode == 0
    assert printed(done) == [
        "1 task run would be replayed, 3 would run again; calls not made so far would run.",
        "  fetch-0: it was asked for",
        "  clean-0: it depends on fetch-0",
        "  clean-1: it ended Crashed",
    ]
    told = json.loads(run_headrace("resume", killed, "--dry-run", "--json").stdout)
    assert [(task["task"], task["index"], task["runs"]) for task in told["task_runs"]] == [
        ("fetch", 0, False), ("clean", 0, False), ("fetch", 1, False), ("clean", 1, True),
    ]  # fmt: skip
    [run] = json.loads(run_headrace("runs", "list", "--json").stdout)
    assert run["state"] == "Crashed"


def test_a_run_that_has_completed_is_not_run_again_unless_a_task_is_named(
    killed: str, run_headrace: RunHeadrace
) -> None:
    run_headrace("resume", killed, "-q")
    done = run_headrace("resume", killed)
    assert (done.returncode, done.stdout) == (0, "")
    assert "has completed: there is nothing to resume" in done.stderr
    assert printed(run_headrace("resume", killed, "-q", "--from", "clean[2]")) == ["clean 2"]


def test_code_that_has_changed_runs_again(
    killed: str, run_headrace: RunHeadrace, write: Write, tmp_path: Path
) -> None:
    write("pipeline.py", PIPELINE.replace("return page.number * 10", "return page.number * 100"))
    done = run_headrace("resume", killed, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(printed(done)[-1])["result"] == 300
    assert printed(done)[:-1] == ["clean 0", "clean 1", "fetch 2", "clean 2"]


def test_a_flow_that_has_moved_is_named(killed: str, run_headrace: RunHeadrace, tmp_path: Path) -> None:
    (tmp_path / "pipeline.py").rename(tmp_path / "moved.py")
    done = run_headrace("resume", killed)
    assert done.returncode != 0
    assert "does not exist" in done.stderr
    assert run_headrace("resume", killed, "-q", "--flow", "moved.py").returncode == 0


def test_who_resumes_the_latest_run_is_told_which_that_is(killed: str, run_headrace: RunHeadrace) -> None:
    [run] = json.loads(run_headrace("runs", "list", "--json").stdout)
    told = f"headrace: the latest is run {run['name']!r} of flow 'pipeline', which began "
    assert run_headrace("resume", killed, "--dry-run").stderr.startswith(told)
    assert run_headrace("resume", killed).stderr.startswith(told)


def test_a_secret_has_to_be_given_again(write: Write, run_headrace: RunHeadrace, tmp_path: Path) -> None:
    write("pipeline.py", PIPELINE)
    (tmp_path / "broken").touch()
    run_headrace("run", "pipeline.py", "-p", "count=2", "-p", "token=swordfish", "-q")
    (tmp_path / "broken").unlink()
    done = run_headrace("resume", "latest")
    assert done.returncode == 1
    assert "without token: secrets are never written" in done.stderr
    assert run_headrace("resume", "latest", "-q", "-p", "token=swordfish").returncode == 0


# -- keys -----------------------------------------------------------------------------------------------


def test_a_run_of_a_key_is_made_once(write: Write, run_headrace: RunHeadrace) -> None:
    write("pipeline.py", PIPELINE)
    command = ("run", "pipeline.py", "-p", "count=1", "-q", "--run-key", "june")
    assert printed(run_headrace(*command)) == ["fetch 0", "clean 0"]
    again = run_headrace(*command)
    assert (again.returncode, again.stdout) == (0, "")
    assert "of key 'june' is Completed: it does not run again" in again.stderr
    other = run_headrace(*command[:-1], "july")
    assert printed(other) == ["fetch 0", "clean 0"]
    assert len(json.loads(run_headrace("runs", "list", "--json").stdout)) == 2


def test_a_run_of_a_key_that_crashed_goes_on_but_not_for_ever(
    write: Write, run_headrace: RunHeadrace, tmp_path: Path
) -> None:
    write("pipeline.py", PIPELINE)
    (tmp_path / "broken").touch()
    command = ("run", "pipeline.py", "-p", "count=2", "-q", "--run-key", "poison")
    for _ in range(4):
        assert run_headrace(*command).returncode == -signal.SIGKILL
    stopped = run_headrace(*command)
    assert stopped.returncode == 1
    assert "after 3 automatic resumes: it does not go on by itself" in stopped.stderr
    (tmp_path / "broken").unlink()
    assert printed(run_headrace("resume", "latest", "-q")) == ["clean 1"]
    assert run_headrace(*command).returncode == 0


WAITS = """
import sys
from headrace import flow
from headrace.history import default_history

@flow
def waits():
    default_history().flush()
    print("has begun", flush=True)
    sys.stdin.readline()
"""


def test_a_run_of_a_key_that_is_under_way_elsewhere_is_not_doubled(
    write: Write, run_headrace: RunHeadrace, tmp_path: Path, user_environment: dict[str, str]
) -> None:
    write("waits.py", WAITS)
    command = ["run", "waits.py", "-q", "--run-key", "one"]

    with subprocess.Popen(
        [*COMMAND, *command],
        cwd=tmp_path,
        env=user_environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as first:
        assert first.stdin is not None
        assert first.stdout is not None
        assert first.stdout.readline() == "has begun\n"
        second = run_headrace(*command)
        assert second.returncode == 3
        assert f"is under way in process {first.pid} on " in second.stderr
        doubled = run_headrace("resume", "latest", "-q")
        assert doubled.returncode == 1
        assert "it is not doubled" in doubled.stderr
        first.stdin.write("\n")
        first.stdin.close()
        assert first.wait(20) == 0
