"""Scripts that a user would write, run in a session of their own, so that what they leave behind is seen."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Protocol

import psutil

from tests.interruption import ctrl_c_as_at_a_terminal

if TYPE_CHECKING:
    from pathlib import Path

HEAD = """
import os, sys, threading
from headrace import flow, task
from headrace.task_runners import DaskTaskRunner, ProcessTaskRunner
"""


class Program(Protocol):
    """Runs such a script: ``source`` follows the usual imports."""

    def __call__(self, source: str) -> subprocess.Popen[str]: ...


def start_program(source: str, folder: Path, environment: dict[str, str]) -> subprocess.Popen[str]:
    script = folder / "program.py"
    script.write_text(HEAD + source, "utf-8")
    with ctrl_c_as_at_a_terminal():
        return subprocess.Popen(
            [sys.executable, str(script)],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )


def read_until(process: subprocess.Popen[str], line: str, *, times: int = 1) -> None:
    """Reads what it prints until that line has come, so many times."""
    assert process.stdout is not None
    for _ in range(times):
        while (printed := process.stdout.readline()) != f"{line}\n":
            assert printed, f"it ended without {line!r}: {process.communicate()[1]}"


def processes_of(process: subprocess.Popen[str], *, timeout_seconds: float = 0) -> list[str]:
    """The processes of its session that go on, itself included; some end a moment after it."""
    found = [psutil.Process(pid) for pid in psutil.pids() if _session_of(pid) == process.pid]
    _, alive = psutil.wait_procs(found, timeout=timeout_seconds)
    return [_describe(one) for one in alive if _describe(one)]


def _session_of(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except ProcessLookupError:
        return None


def _describe(process: psutil.Process) -> str:
    try:
        return "" if process.status() == psutil.STATUS_ZOMBIE else " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return ""
