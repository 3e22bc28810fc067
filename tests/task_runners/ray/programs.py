"""Scripts that a user would write, run in a process group of their own, so that what they leave behind is seen."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

HEAD = """\
import os, signal, sys, time
from headrace import flow, task
from headrace.task_runners import RayTaskRunner
"""


@contextmanager
def program(source: str, home: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A script in execution; ``source`` follows the usual imports. What is left of it at the end is killed."""
    script = home / "program.py"
    script.write_text(HEAD + source, "utf-8")
    with command([sys.executable, str(script), *arguments], home) as process:
        yield process


@contextmanager
def command(arguments: Sequence[str], home: Path, **variables: str) -> Iterator[subprocess.Popen[str]]:
    """A command in execution, in that home. What is left in that home at the end is killed."""
    process = subprocess.Popen(
        arguments,
        cwd=home,
        env=os.environ
        | {"HEADRACE_HOME": str(home), "NO_COLOR": "1", "RAY_AUTH_MODE": "disabled"}
        | variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        for left in processes_in(home):
            with suppress(psutil.NoSuchProcess):
                left.send_signal(signal.SIGKILL)
        process.communicate()


def processes_in(home: Path) -> list[psutil.Process]:
    """All processes that were started from a program with that home, itself included."""
    return [process for process in psutil.process_iter() if _home_of(process) == str(home)]


def left_in(home: Path, *, timeout_seconds: float) -> list[str]:
    """The commands of those that go on; Ray's processes end a moment after their flow's."""
    _, alive = psutil.wait_procs(processes_in(home), timeout=timeout_seconds)
    return [" ".join(process.cmdline()) for process in alive]


def _home_of(process: psutil.Process) -> str | None:
    try:
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        return process.environ().get("HEADRACE_HOME")
    except psutil.Error:
        return None
