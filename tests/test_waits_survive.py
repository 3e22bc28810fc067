"""A run that is resumed after a crash sleeps only what is left, and takes the answer that was given."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PROGRAM = """
import os, signal, sys, threading
from headrace import flow, pause, sleep, task
from headrace.testing import ManualClock

@task
def note(what):
    with open("notes", "a") as file:
        file.write(what + "\\n")

@flow
def patient():
    note("before").result()
    sleep(60)
    sleep(60)
    note("after").result()
    return "rested"

@flow
async def patient_on_loop():
    await note("before")
    await sleep(60)
    await sleep(60)
    await note("after")
    return "rested"

@flow
def asking():
    return pause("Name?", type=str), pause("Name?", type=str), pause("How many?", type=int)

@flow
async def asking_on_loop():
    return await pause("Name?", type=str), await pause("Name?", type=str), await pause("How many?", type=int)

def die():
    os.kill(os.getpid(), signal.SIGKILL)

def until_asked(future, prompt, occurrence):
    from headrace.history import default_history
    while True:
        found = default_history().find_wait(future.flow_run_id, "pause", prompt, occurrence)
        if found is not None and future.state.message == prompt and not found.is_over:
            return
        assert future.wait(timeout=0.005) is None

flow = globals()[sys.argv[1]]
"""


@pytest.fixture
def run(tmp_path: Path, user_environment: dict[str, str]) -> Callable[..., subprocess.CompletedProcess[str]]:
    def run_script(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", PROGRAM + script, *arguments],
            cwd=tmp_path, env=user_environment, capture_output=True, text=True, timeout=50, check=False,
        )  # fmt: skip

    return run_script


SLEEP_AND_DIE = """
with ManualClock() as clock:
    future = flow.submit()
    clock.wait_until_pending()
    clock.advance(60)
    clock.wait_until_pending()
    clock.advance(20)
    print(future.flow_run_id, flush=True)
    die()
"""

SLEEP_ON = """
with ManualClock() as clock:
    clock.advance(int(sys.argv[3]))
    result = []
    resuming = threading.Thread(target=lambda: result.append(resumed()))
    def resumed():
        value = flow.resume(sys.argv[2])
        if hasattr(value, "__await__"):
            import asyncio
            async def wait(): return await value
            value = asyncio.run(wait())
        return value
    resuming.start()
    if sys.argv[4] != "0":
        clock.wait_until_pending()
        print(clock.pending)
        clock.advance(float(sys.argv[4]))
    resuming.join()
    print(result[0])
"""


@pytest.mark.parametrize("name", ["patient", "patient_on_loop"])
@pytest.mark.parametrize(("later", "left"), [(90, 30), (500, 0)])
def test_a_resumed_run_sleeps_only_what_is_left(
    name: str, later: int, left: int, run: Any, tmp_path: Path
) -> None:
    killed = run(SLEEP_AND_DIE, name)
    assert killed.returncode == -9, killed.stderr
    resumed = run(SLEEP_ON, name, killed.stdout.strip(), str(later), str(left))

    assert resumed.returncode == 0, resumed.stderr
    assert resumed.stdout.splitlines()[-1] == "rested"
    if left:
        assert resumed.stdout.splitlines()[0] == f"({float(left)},)"
    assert (tmp_path / "notes").read_text() == "before\nafter\n"


ASK_AND_DIE = """
future = flow.submit()
until_asked(future, "Name?", 0)
future.answer("Ada")
until_asked(future, "Name?", 1)
print(future.flow_run_id, flush=True)
die()
"""

ASK_ON = """
def resumed():
    value = flow.resume(sys.argv[2])
    if hasattr(value, "__await__"):
        import asyncio
        async def wait(): return await value
        value = asyncio.run(wait())
    return value
print(resumed())
"""

ANSWER = """
import time
from headrace.cli import main
sys.argv = ["headrace", "answer", *sys.argv[2:]]
main()
"""


@pytest.mark.parametrize("name", ["asking", "asking_on_loop"])
def test_a_resumed_run_takes_the_answers_that_were_given_and_asks_on(
    name: str, run: Any, tmp_path: Path, user_environment: dict[str, str]
) -> None:
    killed = run(ASK_AND_DIE, name)
    assert killed.returncode == -9, killed.stderr
    run_id = killed.stdout.strip()
    given = run(ANSWER, name, run_id, "Grace")  # while no process runs it
    assert "takes the answer when it is resumed" in given.stderr

    resumed = subprocess.Popen(
        [sys.executable, "-c", PROGRAM + ASK_ON, name, run_id],
        cwd=tmp_path, env=user_environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    while run(ANSWER, name, run_id, "3").returncode != 0:
        assert resumed.poll() is None, resumed.communicate()
    out, err = resumed.communicate(timeout=20)
    assert out == "('Ada', 'Grace', 3)\n", err
