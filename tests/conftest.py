"""What every test gets: a Headrace home of its own, and programs run as a user would run them."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING, Protocol

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytest_plugins = ["pytester"]

# Extras are installed or not: everything else has to pass without them.
collect_ignore = [
    folder
    for folder, engine in {"task_runners/dask": "distributed", "task_runners/ray": "ray"}.items()
    if find_spec(engine) is None
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that trace go first.

    Python 3.11 makes no step in a traced thread while an exception waits for another thread, and one that was sent to a
    thread in C may wait until the process ends.
    """
    items.sort(key=lambda item: "traces" not in item.keywords)


def pytest_runtest_setup() -> None:
    """Nobody watches the collector: an exception that is sent to a thread may arrive in hypothesis's callback, which swallows it."""
    others = [one for one in gc.callbacks if "hypothesis" not in str(getattr(one, "__module__", ""))]
    gc.callbacks[:] = others


class RunPython(Protocol):
    """Runs ``python *arguments`` in a process of its own, with a fresh home, and returns what it printed."""

    def __call__(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]: ...


@pytest.fixture(scope="session", autouse=True)
def _nothing_of_the_user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the tests away from the settings and the history of whoever runs them."""
    with pytest.MonkeyPatch.context() as patch:
        for name in os.environ:
            if name.startswith("HEADRACE_") and name != "HEADRACE_SEED":
                patch.delenv(name)
        patch.setenv("HEADRACE_HOME", str(tmp_path_factory.mktemp("headrace-home")))
        yield


@pytest.fixture
def user_environment(tmp_path: Path) -> dict[str, str]:
    """The environment of a user who has never run Headrace before, in a plain terminal."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    quiet = {"HEADRACE_HOME": str(tmp_path / "headrace-home"), "NO_COLOR": "1", "COLUMNS": "110"}
    return inherited | quiet | {"PYTHONWARNINGS": "error", "PYTHONUTF8": "1"}


@pytest.fixture
def run_python(tmp_path: Path, user_environment: dict[str, str]) -> RunPython:
    def run(*arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=tmp_path,
            env=user_environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=50,
            check=False,
        )
        assert not check or done.returncode == 0, f"exit code {done.returncode}\n{done.stderr}"
        return done

    return run
