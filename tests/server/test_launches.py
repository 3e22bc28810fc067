"""Processes that the server starts: with what, and what is left of them."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from headrace.errors import LaunchError
from headrace.history import Reader
from headrace.history.database import open_database
from headrace.server import launches
from headrace.server.launches import Launched, Launches
from headrace.server.recorded_program import Program

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from headrace.server.action_views import Launch

DEADLINE_SECONDS = 30.0


class Launcher:
    """Starts Python code as if it were a recorded program."""

    def __init__(self, folder: Path) -> None:
        self.history = str(folder / "history.db")
        open_database(self.history).close()
        self.program = Program(interpreter=sys.executable, folder=str(folder), target="flows.py:f")
        self.launches = Launches()
        self.started: list[Launched] = []

    def start(self, code: str, parameters: str = "{}", **changes: Any) -> Launched:
        launched = self.launches.start(
            "run_again",
            self.program,
            [sys.executable, "-c", code],
            parameters,
            flow="f",
            history=self.history,
        )
        self.started.append(launched)
        return launched

    def look(self, launched: Launched) -> Launch:
        with Reader.open(self.history) as reader:
            return launched.look(reader)


@pytest.fixture
def launcher(tmp_path: Path) -> Iterator[Launcher]:
    launcher = Launcher(tmp_path)
    yield launcher
    for launched in launcher.started:
        launched._process.kill()
    wait_until(lambda: all(launched.has_ended for launched in launcher.started))
    for launched in launcher.started:
        launched.close()


def wait_until(holds: Callable[[], object]) -> None:
    end = time.monotonic() + DEADLINE_SECONDS
    while not holds():
        assert time.monotonic() < end
        os.sched_yield()


def test_parameters_come_by_the_standard_input_however_many(launcher: Launcher) -> None:
    parameters = json.dumps({"token": "x" * 300_000})

    launched = launcher.start("import sys; print(len(sys.stdin.read()), sys.argv)", parameters)

    wait_until(lambda: launched.has_ended)
    assert launcher.look(launched).output == f"{len(parameters)} ['-c']\n"


def test_it_runs_in_the_recorded_folder_with_the_history_of_the_server(launcher: Launcher) -> None:
    launched = launcher.start("import os; print(os.getcwd(), os.environ['HEADRACE_DATABASE'])")

    wait_until(lambda: launched.has_ended)
    assert launcher.look(launched).output == f"{launcher.program.folder} {launcher.history}\n"


def test_the_end_of_what_it_says_is_kept_and_no_more(
    launcher: Launcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launches, "_MAX_OUTPUT_BYTES", 100_000)
    monkeypatch.setattr(launches, "_LOOKS_EVERY_SECONDS", 0.01)

    launched = launcher.start("import sys\nfor n in range(10_000): print(f'{n:09}', flush=n % 100 == 0)")
    wait_until(lambda: launched.has_ended)
    output = launcher.look(launched).output
    assert "000009999\n" in output
    assert len(output) <= launches.SHOWN_BYTES


def test_nobody_else_can_read_what_it_says_and_no_file_is_left(launcher: Launcher) -> None:
    launched = launcher.start("import sys; sys.stdin.read()")
    told = os.fstat(launched._output.fileno())

    assert stat.S_IMODE(told.st_mode) == 0o600
    assert told.st_nlink == 0


def test_no_zombie_is_left(launcher: Launcher) -> None:
    launched = launcher.start("raise SystemExit(3)")

    wait_until(lambda: launched.has_ended)

    assert launcher.look(launched).exit_code == 3
    assert not psutil.pid_exists(launched._process.pid)


def test_what_cannot_be_started_says_so(launcher: Launcher) -> None:
    launcher.program = Program(interpreter="python", folder="/nowhere", target="x")

    with pytest.raises(LaunchError, match="cannot be started in /nowhere"):
        launcher.start("pass")


def test_the_earliest_that_ended_are_forgotten(launcher: Launcher, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launches, "_MAX_KEPT", 2)
    waiting = launcher.start("import time; time.sleep(60)")
    first = launcher.start("pass")
    wait_until(lambda: first.has_ended)
    second = launcher.start("import time; time.sleep(60)")

    assert [launcher.launches.get(number) for number in (1, 2, 3)] == [waiting, None, second]
    with pytest.raises(LaunchError, match="have not ended"):
        launcher.start("pass")


SERVER = """
import os, sys
from headrace.server.launches import Launches
from headrace.server.recorded_program import Program

program = Program(interpreter=sys.executable, folder=os.getcwd(), target="x")
code = "import pathlib, signal, sys; signal.pthread_sigmask(0, [signal.SIGUSR1]); sys.stdin.read(); print('still here', flush=True); pathlib.Path('began').touch(); "
code += "signal.sigwait([signal.SIGUSR1]); print('outlived', flush=True); pathlib.Path('outlived').touch()"
launched = Launches().start("resume", program, [sys.executable, "-c", code], "{}", flow="f", history="h.db")
print(launched._process.pid, flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGINT])
def test_it_outlives_the_server(tmp_path: Path, end: signal.Signals) -> None:
    server = subprocess.Popen(
        [sys.executable, "-c", SERVER],
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert server.stdout is not None
    process = psutil.Process(int(server.stdout.readline()))
    wait_until((tmp_path / "began").exists)

    server.send_signal(end)
    server.communicate(timeout=DEADLINE_SECONDS)

    process.send_signal(signal.SIGUSR1)
    wait_until((tmp_path / "outlived").exists)


PACKAGE = """
from headrace import flow
from .words import word

@flow
def tell(x: int):
    print(word, x)
"""


@pytest.mark.parametrize("way", ["script", "module"])
def test_a_flow_of_a_package_is_imported_as_it_was(
    way: str, tmp_path: Path, user_environment: dict[str, str]
) -> None:
    root = tmp_path / "root"
    package = root / "package"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "words.py").write_text("word = 'found'\n")
    (package / "flows.py").write_text(PACKAGE + "\nif __name__ == '__main__':\n    tell(1)\n")
    (root / "main.py").write_text("from package.flows import tell\ntell(1)\n")
    arguments = [str(root / "main.py")] if way == "script" else ["-m", "package.flows"]
    history = str(tmp_path / "history.db")
    environment = user_environment | {"HEADRACE_DATABASE": history}
    folder = tmp_path if way == "script" else root
    subprocess.run([sys.executable, *arguments], cwd=folder, env=environment, check=True)

    from headrace.server.recorded_program import program_of

    with Reader.open(history) as reader:
        run = reader.get_run(reader.list_runs()[0].id)
        program = program_of(run)
        assert program.target == "package.flows:tell"
        launched = Launches().start(
            "run_again", program, program.to_run(), '{"x": 2}', flow="tell", history=history
        )
        wait_until(lambda: launched.has_ended)
        look = launched.look(reader)
        launched.close()
    assert (look.exit_code, look.output) == (0, "found 2\n")
    assert look.run not in (None, run.id)
