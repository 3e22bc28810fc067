"""`headrace cancel`: a run of another process is stopped, and how it ended is said."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
import time
from typing import TYPE_CHECKING

import pytest

from headrace import flow, task
from headrace.cli import cancel as cancel_command
from tests.cli.conftest import COMMAND

if TYPE_CHECKING:
    from pathlib import Path

    from headrace.history import History
    from tests.cli.conftest import Invoke, RunHeadrace

STAYS = """
import time
from headrace import flow, task

@task
def stay():
    print("begun", flush=True)
    while True:
        time.sleep(0.01)

@flow(flow_run_name="stays")
def stays():
    stay().result()
"""


@task
def stay(has_begun: threading.Event) -> None:
    has_begun.set()
    while True:
        time.sleep(0.001)


@flow(flow_run_name="stays")
def stays(has_begun: threading.Event) -> None:
    stay(has_begun).result()


def test_a_run_is_cancelled_and_its_end_is_told(history: History, invoke: Invoke) -> None:
    has_begun = threading.Event()
    running = stays.submit(has_begun)
    assert has_begun.wait(20)
    history.flush()

    result = invoke("cancel", running.flow_run_id, "--reason", "enough of it")

    assert (result.exit_code, result.stdout) == (0, "Run stays ended Cancelled: enough of it.\n")
    assert running.done() or running.wait(20) is not None


def test_a_run_that_had_ended_is_told_as_it_is(history: History, invoke: Invoke) -> None:
    flow(flow_run_name="done")(lambda: None)()
    history.flush()

    result = invoke("cancel", "done")

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "Run done had ended before, Completed.\n"


def test_a_run_that_does_not_hear_is_told_as_it_is(
    history: History, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cancel_command, "_PATIENCE_SECONDS", 0.0)
    has_begun = threading.Event()
    running = stays.submit(has_begun)
    assert has_begun.wait(20)
    history.flush()

    result = invoke("cancel", "stays", "--json")

    assert result.exit_code == 1
    told = json.loads(result.stdout)
    assert told["id"] == running.flow_run_id
    assert (told["state"], told["is_over"], told["was_over"]) == ("Running", False, False)
    assert running.wait(20) is not None


@pytest.fixture
def process(tmp_path: Path, user_environment: dict[str, str]) -> subprocess.Popen[str]:
    """A process that runs a flow which stays."""
    (tmp_path / "stays.py").write_text(STAYS)
    process = subprocess.Popen(
        [*COMMAND, "run", "stays.py"], cwd=tmp_path, env=user_environment, text=True, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    return process


def test_a_run_of_another_process_is_cancelled_within_a_moment(
    process: subprocess.Popen[str], run_headrace: RunHeadrace
) -> None:
    with process:
        result = run_headrace("cancel", "latest", "--json")

        assert result.returncode == 0, result.stderr
        told = json.loads(result.stdout)
        assert (told["state"], told["message"]) == ("Cancelled", "cancelled from another process")
        assert process.wait(20) == 1


DEAF = """
import asyncio, time
from headrace import flow, task
from headrace.history import default_history

def begin():
    default_history().flush()
    print("begun", flush=True)

async def stay():
    begin()
    while True:
        try:
            await asyncio.sleep(0.01)
        except BaseException:
            pass

@flow
def sync_flow():
    begin()
    while True:
        try:
            time.sleep(0.01)
        except BaseException:
            pass

@flow
async def async_flow():
    await stay()

@flow
async def async_task():
    await task(stay)()
"""


@pytest.mark.parametrize("name", ["sync_flow", "async_flow", "async_task"])
def test_code_that_swallows_every_interrupt_does_not_keep_the_process_of_its_command(
    name: str, tmp_path: Path, user_environment: dict[str, str], run_headrace: RunHeadrace
) -> None:
    (tmp_path / "deaf.py").write_text(DEAF)
    command = [*COMMAND, "run", f"deaf.py:{name}", "--json"]
    with subprocess.Popen(
        command, cwd=tmp_path, env=user_environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        try:
            result = run_headrace("cancel", "latest", "--reason", "enough")
            printed, told = process.communicate(timeout=20)
        finally:
            process.kill()

    assert result.returncode == 0, result.stderr
    assert process.returncode == 1
    run = json.loads(printed)
    assert run["state"] == "Cancelled"
    assert run["states"][-1]["message"].startswith("enough")
    assert told.count("was cancelled: enough") == 1


def test_a_run_whose_process_is_gone_is_told_to_have_crashed(
    process: subprocess.Popen[str], run_headrace: RunHeadrace
) -> None:
    with process:
        while run_headrace("runs", "show", "latest").returncode:  # it has begun, and will be recorded
            assert process.poll() is None
        process.kill()
        process.wait(20)

        result = run_headrace("cancel", "latest")

    assert result.returncode == 1
    assert "had ended before, Crashed: " in result.stderr


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_a_signal_that_asks_the_process_to_end_cancels_its_run_first(
    name: str, process: subprocess.Popen[str], run_headrace: RunHeadrace
) -> None:
    number = getattr(signal, name)
    with process:
        process.send_signal(number)
        assert process.wait(20) == 128 + number

    shown = json.loads(run_headrace("runs", "show", "latest", "--json").stdout)
    assert shown["state"] == "Cancelled"
