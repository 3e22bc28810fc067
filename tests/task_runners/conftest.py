"""What the tests of runners in other processes share."""

from __future__ import annotations

import os
import re
import signal
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from headrace.history import History
from headrace.testing import RecordedHistory
from tests.task_runners.programs import start_program

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from headrace.testing import RecordedRun
    from tests.task_runners.programs import Program

CLUSTERS = {"dask", "ray"}
MANY_RUNS = re.compile("five_hundred|two_thousand")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Many runs take tens of seconds on a cluster: those of async tasks have time until the night."""
    for item in items:
        is_long = MANY_RUNS.search(item.name) and CLUSTERS & set(item.path.parts)
        if is_long and "async_task" in item.name:
            item.add_marker(pytest.mark.nightly)


@pytest.fixture
def program(tmp_path: Path, user_environment: dict[str, str]) -> Iterator[Program]:
    started: list[subprocess.Popen[str]] = []

    def start(source: str) -> subprocess.Popen[str]:
        started.append(start_program(source, tmp_path, user_environment))
        return started[-1]

    yield start
    for process in started:
        with suppress(ProcessLookupError):  # those that are left after a failure
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


@pytest.fixture
def recorded_run(user_environment: dict[str, str]) -> Callable[[], RecordedRun]:
    """The one run that a program has recorded."""

    def read() -> RecordedRun:
        history = History.open(f"{user_environment['HEADRACE_HOME']}/history.db")
        try:
            return RecordedHistory(history).run()
        finally:
            history.close()

    return read
