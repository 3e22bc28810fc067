"""Promises of docs/guarantees.md that need a whole flow to be broken."""

from __future__ import annotations

import shutil
import sqlite3
from typing import TYPE_CHECKING

import pytest

from headrace import flow, task
from headrace.errors import HistoryWarning
from headrace.history import History, use_history

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import RunPython


@task
def double(number: int) -> int:
    return 2 * number


@flow
def doubled(numbers: list[int]) -> int:
    return sum(double.map(numbers).result())


def test_a_flow_whose_history_fails_under_way_gives_its_value_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    history = History.open(str(tmp_path / "history.db"))
    try:
        with use_history(history):
            assert doubled([1, 2, 3]) == 12
            monkeypatch.setattr(history._writer, "write", refuse)

            with pytest.warns(HistoryWarning, match="Runs go on"):
                assert doubled([1, 2, 3]) == 12

        with history.reader() as reader:
            [run] = reader.list_runs()
        assert (run.state, run.task_runs) == ("Completed", {"COMPLETED": 3})
    finally:
        history.close()


def refuse(_facts: object) -> None:
    raise sqlite3.OperationalError("disk I/O error")


EAVESDROPPING = """
import asyncio, os, sys

told = []
NETWORK = ("socket.connect", "socket.bind", "socket.sendto", "socket.sendmsg", "socket.getaddrinfo")
PROGRAMS = ("subprocess.Popen", "os.posix_spawn", "os.exec", "os.system", "os.fork", "os.forkpty")


def listen(event, arguments):
    if event in NETWORK:
        told.append(event)
    if event in PROGRAMS:
        program, *words = arguments[1]
        told.append([os.path.basename(program), *(word for word in words if word == "status")])


sys.addaudithook(listen)

from headrace import flow, task


@task
async def greet(name):
    return f"Hello, {name}!"


@flow
async def greetings():
    return await asyncio.gather(greet("Ada"), greet("Grace"))


@flow(log_prints=True)
def all_greetings(count: int):
    print(count, greet.map(["Ada", "Grace"]).result())


asyncio.run(greetings())
all_greetings("3")
print(told)
"""


def test_a_flow_opens_no_connection_and_starts_no_program_but_git(
    tmp_path: Path, run_python: RunPython
) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "HEAD").write_text("0123456789012345678901234567890123456789\n")
    (tmp_path / "greetings.py").write_text(EAVESDROPPING)

    done = run_python(str(tmp_path / "greetings.py"))

    started = [["git", "status"]] if shutil.which("git") else []
    assert done.stdout.splitlines() == ["3 ['Hello, Ada!', 'Hello, Grace!']", str(started)]
