"""Whole processes of this interpreter, from start to exit code, against one that imports what logging to SQLite takes.

Baseline: ``python -c "import sqlite3, logging, threading, dataclasses"``. Ours:

- ``python -c "from headrace import flow, task"``;
- ``python hello.py``: a sync flow that prints and calls nothing else, recorded in a database that exists;
- ``python hello.py`` with one task in that flow;
- the first ``hello.py`` again, in a Git working tree: ``git status`` is asked whether it was changed.

The last two have no target. The scripts lie in a temporary folder; byte code of everything imported is there from the
warm-up. Flow runs are counted in the database afterwards.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from benchmarks.measuring import Clock, Row, Session, run_python
from benchmarks.trivial_flow import check_flow_runs

BASELINE = "import sqlite3, logging, threading, dataclasses"
IMPORT = "from headrace import flow, task"
HELLO = """\
from headrace import flow

@flow
def hello(name: str) -> None:
    print(f"Hello, {name}!")

hello("world")
"""
HELLO_WITH_TASK = """\
from headrace import flow, task

@task
def greet(name: str) -> str:
    return f"Hello, {name}!"

@flow
def hello(name: str) -> None:
    print(greet(name).result())

hello("world")
"""


def measure(session: Session) -> list[Row]:
    with tempfile.TemporaryDirectory() as temporary:
        folder, working_tree = Path(temporary, "plain"), Path(temporary, "git")
        write_scripts(folder)
        write_scripts(working_tree)
        has_git = make_working_tree(working_tree)
        started = 0

        def time_process(name: str, *arguments: str, where: Path = folder) -> dict[str, float]:
            nonlocal started
            started += arguments[-1].endswith(".py")
            with Clock() as clock:
                run_python(*arguments, folder=where)
            return {name: clock.seconds * 1e3}

        samples = session.take_turns(
            lambda: time_process("import", "-c", IMPORT),
            lambda: time_process("hello", "hello.py"),
            lambda: time_process("baseline", "-c", BASELINE),
            lambda: time_process("hello_with_task", "hello_with_task.py"),
            *([lambda: time_process("hello_in_git", "hello.py", where=working_tree)] if has_git else []),
            rounds=21,
        )
        check_flow_runs(str(Path(os.environ["HEADRACE_HOME"], "history.db")), started)

    def row(what: str, name: str, allowed: float | None) -> Row:
        return Row(
            what=what,
            unit="ms",
            ours=samples[name],
            baseline=samples["baseline"],
            baseline_is="bare imports",
            ratio_allowed=allowed,
        )

    rows = [
        row("start-up: from headrace import flow, task", "import", 1.5),
        row("start-up: hello flow, recorded", "hello", 2.0),
        row("start-up: hello flow with a task", "hello_with_task", None),
    ]
    return [*rows, row("start-up: hello flow in a Git tree", "hello_in_git", None)] if has_git else rows


def write_scripts(folder: Path) -> None:
    folder.mkdir()
    Path(folder, "hello.py").write_text(HELLO, "utf-8")
    Path(folder, "hello_with_task.py").write_text(HELLO_WITH_TASK, "utf-8")


def make_working_tree(folder: Path) -> bool:
    """Whether Git is here and ``folder`` is now a working tree with its scripts committed."""
    git = shutil.which("git")
    if git is None:
        return False
    person = [
        "-c",
        "user.name=benchmark",
        "-c",
        "user.email=benchmark@localhost",
        "-c",
        "commit.gpgsign=false",
    ]
    for command in (
        ["init", "--quiet"],
        ["add", "."],
        [*person, "commit", "--quiet", "--message", "Scripts"],
    ):
        subprocess.run([git, *command], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return True
