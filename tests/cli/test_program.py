"""The root of the commands: what it loads, and how commands end."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from headrace import __version__
from tests.cli.conftest import COMMAND

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Invoke, RunHeadrace
    from tests.conftest import RunPython

COMMANDS = ["run", "runs", "doctor", "version"]


def test_version_is_printed(invoke: Invoke) -> None:
    assert invoke("version").output == f"headrace {__version__}\n"
    assert invoke("--version").output == f"headrace {__version__}\n"
    assert json.loads(invoke("version", "--json").output) == {"version": __version__}


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"]])
def test_help_lists_the_commands(arguments: list[str], invoke: Invoke) -> None:
    result = invoke(*arguments)

    assert result.exit_code == 0
    assert all(f"  {command} " in result.output for command in COMMANDS)


@pytest.mark.parametrize(
    "command", ["run", "doctor", "version", "runs", "runs list", "runs show", "runs logs", "runs delete"]
)
def test_every_command_has_help(command: str, invoke: Invoke) -> None:
    result = invoke(*command.split(), "--help")

    assert result.exit_code == 0
    assert result.output.startswith("Usage: ")


def test_examples_in_help_stand_on_lines_of_their_own(invoke: Invoke) -> None:
    assert "\n  headrace run flows.py\n" in invoke("run", "--help").output
    assert "\n  headrace runs delete --state failed --before 30d\n" in invoke("runs", "delete", "-h").output


@pytest.mark.parametrize(("argument", "parser"), [("version", False), ("--version", False), ("--help", True)])
def test_version_and_help_load_nothing_heavy(argument: str, parser: bool, run_python: RunPython) -> None:
    program = f"""
import atexit, sys
from headrace.cli import main
sys.argv[1:] = [{argument!r}]
atexit.register(lambda: print(*sys.modules, file=sys.stderr))
main()
"""
    loaded = set(run_python("-c", program).stderr.split())

    assert not loaded & {"rich", "sqlite3", "pydantic", "asyncio", "cloudpickle", "headrace.flow_runs"}
    assert ("click" in loaded) is parser


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["bogus"], "No such command 'bogus'"),
        (["run"], "Missing argument"),
        (["version", "--bogus"], "No such option"),
        (["runs", "list", "--limit", "-1"], "--limit"),
        (["runs", "list", "--since", "soon"], "write 30m, 2h, 7d"),
        (["runs", "list", "--state", "happy"], "'happy' is not one of"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(arguments: list[str], said: str, invoke: Invoke) -> None:
    result = invoke(*arguments)

    assert result.exit_code == 2
    assert result.stdout == ""
    assert said in result.stderr
    assert result.stderr.startswith("headrace: ")
    assert result.stderr.count("\n") == 1
    assert "--help`." in result.stderr


def test_a_setting_that_cannot_be_used_is_one_line(run_headrace: RunHeadrace) -> None:
    done = run_headrace("runs", "list", HEADRACE_DATABSE="x.db")

    assert done.returncode == 1
    assert done.stderr.startswith("headrace: The environment variable HEADRACE_DATABSE is no setting")
    assert done.stderr.count("\n") == 1


def test_a_file_that_is_no_history_is_one_line(tmp_path: Path, run_headrace: RunHeadrace) -> None:
    (tmp_path / "x.db").write_text("not a database " * 100)

    done = run_headrace("runs", "list", HEADRACE_DATABASE="x.db")

    assert done.returncode == 1
    assert "is not a database" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("command", ["doctor", "version", "--help"])
def test_a_reader_that_goes_away_is_no_error(
    command: str, tmp_path: Path, user_environment: dict[str, str]
) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [*COMMAND, command],
            cwd=tmp_path,
            env=user_environment,
            stdout=writing,
            stderr=subprocess.PIPE,
            text=True,
            timeout=50,
            check=False,
        )
    finally:
        os.close(writing)

    assert done.stderr == ""
