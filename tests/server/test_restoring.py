"""A backup is restored while a page is open, and not while a flow runs: with the processes that a user has."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.server.conftest import DEADLINE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import RunPython
    from tests.server.conftest import Ui

BEFORE, AFTER, AT_LAST = (
    f"from headrace import flow\n@flow\ndef {name}(): ...\n{name}()"
    for name in ("before", "after", "at_last")
)
UNTIL_TOLD = """
import sys
from headrace import flow

@flow
def until_told():
    print("runs", flush=True)
    sys.stdin.readline()

until_told()
"""


@pytest.fixture
def restore(run_python: RunPython) -> Callable[[], subprocess.CompletedProcess[str]]:
    """Restores a backup that was made when only the flow `before` had run; `after` has run since."""
    run_python("-c", BEFORE)
    run_python("-m", "headrace", "db", "backup", "copy.db")
    run_python("-c", AFTER)
    return lambda: run_python("-m", "headrace", "db", "restore", "copy.db", check=False)


def test_a_backup_is_restored_while_a_page_is_open_which_shows_it_then(
    restore: Callable[[], subprocess.CompletedProcess[str]],
    start_ui: Callable[..., Ui],
    run_python: RunPython,
) -> None:
    ui = start_ui()
    with ui.stream() as stream, ui.stream() as another:
        stream.until("hello")
        another.until("hello")

        done = restore()

        assert (done.returncode, done.stderr) == (0, "")
        stream.until("reset")
        another.until("reset")
        assert flows_at(ui) == ["before"]
        run_python("-c", AT_LAST)
        assert [run["flow"] for run in stream.until("change").data["runs"]] == ["at_last"]
        assert flows_at(ui) == ["at_last", "before"]


def test_nothing_is_restored_while_a_flow_runs_and_the_page_goes_on(
    restore: Callable[[], subprocess.CompletedProcess[str]],
    start_ui: Callable[..., Ui],
    user_environment: dict[str, str],
    tmp_path: Path,
) -> None:
    command = [sys.executable, "-c", UNTIL_TOLD]
    ui = start_ui()
    with (
        ui.stream() as stream,
        subprocess.Popen(
            command, env=user_environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as flow,
    ):
        stream.until("hello")
        assert flow.stdout is not None
        assert flow.stdout.readline() == "runs\n"

        done = restore()

        assert done.returncode == 1
        assert "A live process uses the history" in done.stderr
        flow.communicate("go on\n", timeout=DEADLINE_SECONDS)
        while stream.until("change").data["runs"][0]["state"] != "Completed":
            pass
    assert flows_at(ui) == ["until_told", "after", "before"]
    left = {file.name for file in (tmp_path / "headrace-home").iterdir()}
    assert not [name for name in left if name.endswith((".give-way", ".part", ".replaced"))]


def flows_at(ui: Ui) -> list[str]:
    return [run["flow"] for run in ui.get("/api/runs").json()["items"]]
