"""The tasks of these tests. Workers import this, and nothing heavy with it."""

from __future__ import annotations

import ctypes
import faulthandler
import logging
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from headrace import task
from headrace.testing.conformance.turnstile import pass_turnstile


@task
def add(x: int, y: int) -> int:
    return x + y


@task
def pid() -> int:
    return os.getpid()


def be_killed() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def touch_what_is_not_there() -> None:
    faulthandler.disable()
    ctypes.string_at(0)


def leave() -> None:
    os._exit(7)


@task
def note_down(diary: Path) -> int:
    with diary.open("a") as file:
        file.write(f"{os.getpid()}\n")
    return len(diary.read_text().split())


@task
def die_so_many_times(diary: Path, *, times: int) -> int:
    begun = note_down.fn(diary)
    if begun <= times:
        be_killed()
    return begun


@task
def hold_and_tell_pid(address: Any, diary: Path) -> int:
    note_down.fn(diary)
    pass_turnstile(address)
    return os.getpid()


@task
def hold_with_child(address: Any, diary: Path) -> None:
    child = subprocess.Popen([sys.executable, "-c", "import threading; threading.Event().wait()"])
    diary.write_text(f"{os.getpid()}\n{child.pid}\n")
    pass_turnstile(address)


@task(log_prints=True)
def talk(address: Any) -> int:
    print("printed before")
    logging.getLogger("of.anybody").warning("logged before")
    pass_turnstile(address)
    print("printed after")
    return os.getpid()


@task
def surroundings() -> tuple[str, str | None, str, bool]:
    return (
        str(Path.cwd()),
        os.environ.get("OF_THE_FLOW"),
        sys.path[0],
        threading.current_thread() is threading.main_thread(),
    )


@task
def value_of(module: str) -> Any:
    return __import__(module).value
