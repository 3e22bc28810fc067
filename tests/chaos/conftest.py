"""Programs of a user that a test stops, starves and takes over from."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

WORK = """
import os, sys
from headrace import flow, task
from headrace.history import default_history


@task
def step(number):
    with open("executions.log", "a") as log:
        log.write(f"{number}\\n")
    return number


def steps(numbers):
    return sum(step.map(numbers).result())


@flow
def work():
    first = steps(range(10))
    default_history().flush()
    print("half way", flush=True)
    sys.stdin.readline()
    return first + steps(range(10, 20))


if __name__ == "__main__":
    print(work())
"""


class Workshop:
    """A folder with a program in it, and what the history there says."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder = folder
        self.environment = environment
        self.database = folder / "headrace-home" / "history.db"
        self._started: list[subprocess.Popen[str]] = []
        (folder / "work.py").write_text(WORK)

    def start(self, *arguments: str, prelude: str = "", **options: Any) -> subprocess.Popen[str]:
        """``headrace *arguments``, with what the ``prelude`` does before."""
        process = subprocess.Popen(
            [sys.executable, "-c", f"{prelude}\nfrom headrace.cli import main; main()", *arguments],
            cwd=self.folder,
            env=self.environment,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            **options,
        )
        self._started.append(process)
        return process

    def start_work(self, prelude: str = "") -> subprocess.Popen[str]:
        """The flow, as far as half way."""
        process = self.start("run", "work.py", prelude=prelude)
        assert process.stdout is not None
        assert process.stdout.readline() == "half way\n", process.communicate()
        return process

    def kill_half_way(self) -> None:
        """The flow, crashed there."""
        process = self.start_work()
        process.kill()
        process.communicate()

    def run(self, *arguments: str, prelude: str = "") -> subprocess.CompletedProcess[str]:
        """A command to its end."""
        process = self.start(*arguments, prelude=prelude)
        out, err = process.communicate(timeout=100)
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)

    def run_program(self, name: str) -> subprocess.CompletedProcess[str]:
        """A program of its own."""
        return subprocess.run(
            [sys.executable, name], cwd=self.folder, env=self.environment,
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=50, check=False,
        )  # fmt: skip

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """What the database says, to somebody who cannot write."""
        connection = sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)
        try:
            return connection.execute(sql).fetchall()
        finally:
            connection.close()

    def executions(self) -> list[int]:
        """The numbers of the steps that were executed, in order."""
        return sorted(map(int, (self.folder / "executions.log").read_text().split()))

    def states(self) -> list[tuple[str, int]]:
        """How many task runs are in which state."""
        return self.query("SELECT state, count(*) FROM task_runs GROUP BY state ORDER BY state")

    def flow_states(self) -> list[str]:
        """The state of each flow run."""
        return [state for (state,) in self.query("SELECT state FROM flow_runs ORDER BY key")]

    def close(self) -> None:
        """Let nothing of it go on."""
        for process in self._started:
            process.kill()
            process.communicate()


@pytest.fixture
def workshop(tmp_path: Path, user_environment: dict[str, str]) -> Iterator[Workshop]:
    workshop = Workshop(tmp_path, user_environment)
    yield workshop
    workshop.close()


LOCKER = """
import sqlite3, sys, time
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
time.sleep(float(sys.argv[2])) if len(sys.argv) > 2 else sys.stdin.readline()
connection.execute("ROLLBACK")
"""


@pytest.fixture
def lock(workshop: Workshop) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Has another program keep the history locked, until it hears something, or for so many seconds."""
    shells: list[subprocess.Popen[str]] = []

    def start(*seconds: str) -> subprocess.Popen[str]:
        shell = subprocess.Popen(
            [sys.executable, "-c", LOCKER, str(workshop.database), *seconds],
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        shells.append(shell)
        assert shell.stdout is not None
        assert shell.stdout.readline() == "locked\n"
        return shell

    yield start
    for shell in shells:
        shell.communicate(timeout=50)
