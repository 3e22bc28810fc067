"""Runs the commands: in this process by click's runner, and as a user does, in processes of their own."""

from __future__ import annotations

import inspect
import os
import pty
import select
import subprocess
import sys
from typing import TYPE_CHECKING, Any, Protocol

import pytest
from click.testing import CliRunner, Result

from headrace.cli.program import program
from headrace.history import History, use_history

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

COMMAND = [sys.executable, "-c", "from headrace.cli import main; main()"]


class RunHeadrace(Protocol):
    """Runs ``headrace *arguments`` in a process of its own in ``tmp_path``."""

    def __call__(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]: ...


class Invoke(Protocol):
    """Runs a command in this process on the history of ``history``."""

    def __call__(self, *arguments: str, **options: Any) -> Result: ...


@pytest.fixture
def run_headrace(tmp_path: Path, user_environment: dict[str, str]) -> RunHeadrace:
    def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*COMMAND, *arguments],
            cwd=tmp_path,
            env=user_environment | variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=50,
            check=False,
        )

    return run


class Terminal:
    """A program on a terminal of its own. ``output`` is what the person has seen so far, control codes included."""

    def __init__(self, arguments: list[str], cwd: Path, environment: dict[str, str], **options: Any) -> None:
        self._master, slave = pty.openpty()
        self.output = ""
        self.process = subprocess.Popen(
            arguments,
            cwd=cwd,
            env=environment,
            **{"stdin": slave, "stdout": slave, "stderr": slave, **options},
        )
        os.close(slave)

    def read_until(self, text: str) -> None:
        """Reads on until the text has been printed."""
        while text not in self.output:
            assert self._read(), f"the program ended without {text!r}:\n{self.output}"

    def type(self, text: str) -> None:
        os.write(self._master, text.encode())

    def wait(self) -> int:
        """Reads to the end, and gives the exit code."""
        while self._read():
            pass
        return self.process.wait(timeout=30)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._master)

    def _read(self) -> bool:
        ready, _, _ = select.select([self._master], [], [], 30)
        assert ready, f"nothing more is printed:\n{self.output}"
        try:
            data = os.read(self._master, 65_536)
        except OSError:  # Linux says so that the other side is closed
            return False
        self.output += data.decode()
        return bool(data)


class OpenTerminal(Protocol):
    """Runs ``headrace *arguments`` on a terminal."""

    def __call__(
        self, *arguments: str, variables: dict[str, str] | None = None, **options: Any
    ) -> Terminal: ...


@pytest.fixture
def open_terminal(tmp_path: Path, user_environment: dict[str, str]) -> Iterator[OpenTerminal]:
    opened: list[Terminal] = []
    environment = {name: value for name, value in user_environment.items() if name != "NO_COLOR"}

    def open_(*arguments: str, variables: dict[str, str] | None = None, **options: Any) -> Terminal:
        terminal = Terminal(
            [*COMMAND, *arguments],
            tmp_path,
            environment | {"TERM": "xterm-256color"} | (variables or {}),
            **options,
        )
        opened.append(terminal)
        return terminal

    yield open_
    for terminal in opened:
        terminal.close()


@pytest.fixture
def history(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[History]:
    """A history in a file that flows of this test are recorded in, and the commands read."""
    location = str(tmp_path / "history.db")
    monkeypatch.setenv("HEADRACE_DATABASE", location)
    monkeypatch.setenv("COLUMNS", "100")
    history = History.open(location)
    with use_history(history):
        yield history
    history.close()


@pytest.fixture
def invoke() -> Invoke:
    takes = inspect.signature(CliRunner).parameters  # click has kept the two streams apart since 8.2
    apart: dict[str, Any] = {"mix_stderr": False} if "mix_stderr" in takes else {}
    runner = CliRunner(**apart)

    def run(*arguments: str, **options: Any) -> Result:
        return runner.invoke(program, arguments, catch_exceptions=False, **options)

    return run


@pytest.fixture
def run_here(
    tmp_path: Path, history: History, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Invoke]:
    """Like ``run_headrace("run", ...)`` in this process; what it imports from ``tmp_path`` is forgotten again."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield lambda *arguments, **options: invoke("run", *arguments, **options)
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", None)).startswith(str(tmp_path)):
            del sys.modules[name]


@pytest.fixture
def write(tmp_path: Path) -> Any:
    """Saves a program for a user's folder, and gives its name."""

    def save(name: str, content: str) -> str:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, "utf-8")
        return name

    return save
