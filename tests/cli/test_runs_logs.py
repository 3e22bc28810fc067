"""`headrace runs logs`."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from headrace import flow, get_run_logger, task

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Invoke

    Write = Callable[[str, str], str]


@task
def says(word: str) -> None:
    get_run_logger().info("said %s", word)


@task(log_prints=True)
def warns() -> None:
    get_run_logger().warning("two\nlines \x1b[31mand a colour\a")
    print("printed")


@flow
def talks() -> None:
    get_run_logger().info("from the flow")
    says("one").wait()
    says("two").wait()
    warns().wait()


@pytest.fixture(autouse=True)
def run(history: Any) -> None:
    talks()


def messages(invoke: Invoke, *arguments: str) -> list[str]:
    result = invoke("runs", "logs", "--json", *arguments)
    return [line["message"] for line in json.loads(result.stdout)]


def test_lines_have_time_level_and_task_run(invoke: Invoke) -> None:
    lines = [line.split(maxsplit=1)[1] for line in invoke("runs", "logs").stdout.splitlines()]

    assert "INFO     from the flow" in lines
    assert "INFO     says-0: said one" in lines
    assert "INFO     says-1: said two" in lines


def test_a_message_of_several_lines_is_indented_and_does_nothing_to_the_terminal(invoke: Invoke) -> None:
    lines = invoke("runs", "logs").stdout.splitlines()
    first = next(number for number, line in enumerate(lines) if line.endswith("WARNING  warns-0: two"))

    assert lines[first + 1] == r"    lines \x1b[31mand a colour\x07"


def test_prints_are_among_them(invoke: Invoke) -> None:
    assert "printed" in messages(invoke)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--task", "says"], ["said one", "said two"]),
        (["--task", "says-1"], ["said two"]),
        (["--task", "1"], ["said one"]),
        (["--level", "error"], []),
    ],
)
def test_filters(arguments: list[str], expected: list[str], invoke: Invoke) -> None:
    assert messages(invoke, *arguments) == expected


def test_no_lines_are_said_on_stderr(invoke: Invoke) -> None:
    result = invoke("runs", "logs", "--level", "critical")

    assert result.stdout == ""
    assert "has no log lines like that" in result.stderr


def test_a_task_that_did_not_run_is_one_line(invoke: Invoke) -> None:
    result = invoke("runs", "logs", "--task", "nobody")

    assert (result.exit_code, result.stdout) == (1, "")
    assert "No task or task run 'nobody' ran in" in result.stderr


def test_following_a_run_that_has_ended_ends(invoke: Invoke) -> None:
    lines = invoke("runs", "logs", "--follow", "--json").stdout.splitlines()

    assert "said one" in [json.loads(line)["message"] for line in lines]


def test_following_goes_on_until_the_run_ends(
    write: Write, tmp_path: Path, user_environment: dict[str, str]
) -> None:
    from tests.cli.conftest import COMMAND

    program = """
import sys
from headrace import flow, get_run_logger
from headrace.history import default_history

@flow
def talks():
    get_run_logger().info("first")
    default_history().flush()
    print("ready", flush=True)
    sys.stdin.readline()
    get_run_logger().info("second")
"""
    options: dict[str, Any] = {
        "cwd": tmp_path,
        "env": user_environment,
        "text": True,
        "stdout": subprocess.PIPE,
    }
    with subprocess.Popen(
        [*COMMAND, "run", "-q", write("talks.py", program)], stdin=subprocess.PIPE, **options
    ) as flow_process:
        assert flow_process.stdout is not None
        assert flow_process.stdout.readline() == "ready\n"
        with subprocess.Popen([*COMMAND, "runs", "logs", "--follow"], **options) as follower:
            assert follower.stdout is not None
            assert "first" in follower.stdout.readline()
            flow_process.communicate("go\n", timeout=30)
            rest, _ = follower.communicate(timeout=30)

    assert "second" in rest
    assert follower.returncode == 0
