"""What a user sees of worker processes: log lines, prints, names, and what they take over from the flow's process."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest

from headrace import flow, task
from headrace.task_runners import ProcessTaskRunner, load
from headrace.task_runners.process_engine import ProcessEngine
from headrace.task_runners.process_hand import Hand
from headrace.task_runners.process_nursery import Nursery
from tests.task_runners.process.specimens import pid, surroundings, talk, value_of

if TYPE_CHECKING:
    from pathlib import Path

    from headrace.task_runners.process_hand import Master
    from headrace.testing import RecordedHistory
    from headrace.testing.conformance.turnstile import Turnstile
    from tests.conftest import RunPython

DEADLINE_SECONDS = 20


def test_lines_are_in_the_history_while_the_task_executes(
    runner: ProcessTaskRunner, history: RecordedHistory, turnstile: Turnstile
) -> None:
    def messages() -> list[str]:
        return [line.message for line in history.run().log_lines]

    @flow(task_runner=runner)
    def talking() -> int:
        talking = talk(turnstile.address)
        turnstile.await_arrivals()
        patience = threading.Event()
        for _ in range(DEADLINE_SECONDS * 50):
            if {"printed before", "logged before"} <= set(messages()):
                break
            patience.wait(0.02)
        assert "printed after" not in messages()
        assert history.run().task_run("talk-0").state == "Running"
        turnstile.open()
        return talking.result()

    pid = talking()
    run = history.run()
    of_task = [line.message for line in run.log_lines if line.task_run == run.task_run("talk-0").id]
    assert of_task == ["printed before", "logged before", "printed after"]
    assert run.task_run("talk-0").worker == f"process-{pid}"


def test_prints_are_on_stdout_line_by_line_also_of_a_worker_that_dies(
    run_python: RunPython, tmp_path: Path
) -> None:
    (tmp_path / "script.py").write_text(
        """
import os
from headrace import flow, task
from headrace.task_runners import ProcessTaskRunner

@task
def die():
    print("last words")
    os.kill(os.getpid(), 9)

@flow(task_runner=ProcessTaskRunner(max_workers=1))
def dying():
    die().exception()

dying()
""",
        "utf-8",
    )

    assert run_python("script.py").stdout == "last words\n"


def test_a_last_line_without_its_end_is_printed_when_the_attempt_ends(
    run_python: RunPython, tmp_path: Path
) -> None:
    (tmp_path / "script.py").write_text(
        """
import atexit, sys
from headrace import flow, task
from headrace.task_runners import ProcessTaskRunner

@task
def write():
    atexit.register(lambda: sys.stdout.write(" at its end"))
    sys.stdout.write("written")
    sys.stderr.write("complained")

@task
def fail():
    print(" then printed", end="")
    raise ValueError

@flow(task_runner=ProcessTaskRunner(max_workers=1))
def talking():
    write().result()
    print(" here", end="", flush=True)
    fail().exception()
    print(" here again", end="", flush=True)

talking()
""",
        "utf-8",
    )

    ended = run_python("script.py")
    assert ended.stdout == "written here then printed here again at its end"
    assert "complained" in ended.stderr


def test_tracebacks_of_a_script_show_its_lines_as_those_of_threads_do(
    run_python: RunPython, tmp_path: Path
) -> None:
    (tmp_path / "script.py").write_text(
        """
from headrace import flow, task
from headrace.task_runners import ConcurrentTaskRunner, ProcessTaskRunner

class Divider:
    def divide(self, x):
        return (lambda y: 1 / y)(x)

@task
def divide(x):
    return Divider().divide(x)

@task
def divide_elsewhere(x):
    return divide(x).result()

@flow
def dividing():
    divide(0).exception()
    divide_elsewhere(0).exception()

for runner in (ConcurrentTaskRunner(), ProcessTaskRunner(max_workers=1)):
    dividing.with_options(task_runner=runner)()
""",
        "utf-8",
    )

    told = run_python("script.py").stderr
    tracebacks = re.findall(r"Traceback .*?\nZeroDivisionError", told, re.DOTALL)
    in_threads, in_processes = tracebacks[:3], tracebacks[3:]
    assert in_processes == in_threads
    assert f'"{tmp_path / "script.py"}", line 7, in <lambda>\n    return (lambda y: 1 / y)(x)\n' in told
    assert told.count("return divide(x).result()") == 2


def test_a_task_that_calls_itself_without_end_fails_and_its_worker_goes_on(runner: ProcessTaskRunner) -> None:
    @task
    def dig() -> int:
        return pid.fn() + int(dig.fn())

    @flow(task_runner=runner)
    def digging() -> bool:
        before = [pid().result() for _ in range(10)]
        with pytest.raises(RecursionError) as hole:
            dig().result()
        assert len(hole.traceback) > 500
        return pid().result() in before

    assert digging()


@pytest.mark.skipif(not hasattr(os, "O_DIRECT"), reason="pipes do not tell there what was written at once")
def test_lines_of_several_workers_do_not_get_mixed_up_where_python_buffers_nothing(
    user_environment: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "script.py").write_text(
        """
from headrace import flow, task
from headrace.task_runners import ProcessTaskRunner

@task
def talk():
    print("several", "words")

@flow(task_runner=ProcessTaskRunner(max_workers=1))
def talking():
    talk().result()

talking()
""",
        "utf-8",
    )
    environment = user_environment | {"PYTHONUNBUFFERED": "1"}
    reads, writes = os.pipe2(os.O_DIRECT)
    try:
        subprocess.run(
            [sys.executable, "script.py"],
            stdout=writes,
            cwd=tmp_path,
            env=environment,
            check=True,
            timeout=50,
        )
        assert os.read(reads, 4096) == b"several words\n"
    finally:
        os.close(reads)
        os.close(writes)


def test_a_worker_is_where_the_flow_is_when_it_begins(
    runner: ProcessTaskRunner, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    @flow(task_runner=runner)
    def looking() -> Any:
        return surroundings().result()

    looking()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OF_THE_FLOW", "set since")
    monkeypatch.syspath_prepend("/some/where")

    assert looking() == (str(tmp_path), "set since", "/some/where", True)


def test_a_module_that_was_changed_between_two_flow_runs_is_read_anew(
    runner: ProcessTaskRunner, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    hire, hired = Nursery.hire, dict[Hand, None]()

    def note_hired(self: Nursery, master: Master) -> Hand:
        hand = hire(self, master)
        hired[hand] = None
        return hand

    monkeypatch.setattr(Nursery, "hire", note_hired)
    # The flow run ends before it hears that a worker did.
    monkeypatch.setattr(ProcessEngine, "note_end", lambda *_: None)
    module = tmp_path / "changing.py"

    @flow(task_runner=runner)
    def reading() -> Any:
        return value_of("changing").result()

    monkeypatch.syspath_prepend(str(tmp_path))
    module.write_text("value = 'first'\n", "utf-8")
    assert reading() == "first"
    module.write_text("value = 'the second'\n", "utf-8")
    written = module.stat()
    os.utime(module, (written.st_atime, written.st_mtime + 1))

    assert reading() == "the second"
    first, second = hired
    assert first.fileno() == -1, "the worker that could not go on is not let go"
    assert second.fileno() != -1


@pytest.mark.parametrize("max_workers", [0, -1, 1.5, "2", True])
def test_a_number_of_workers_that_cannot_be_meant_is_a_value_error(max_workers: Any) -> None:
    with pytest.raises(ValueError, match=r"ProcessTaskRunner\(max_workers=.*\): give a whole number above 0"):
        ProcessTaskRunner(max_workers=max_workers)


def test_there_are_as_many_workers_as_processors_unless_it_is_said_otherwise() -> None:
    assert ProcessTaskRunner().max_workers >= 1
    assert load("process") is ProcessTaskRunner
