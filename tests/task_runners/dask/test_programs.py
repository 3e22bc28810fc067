"""Programs with a cluster of their own: what they say, how they end, and that they leave no process behind."""

from __future__ import annotations

import os
import re
import signal
from typing import TYPE_CHECKING

import pytest

from tests.task_runners.programs import Program, processes_of, read_until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from headrace.testing import RecordedRun

OUR_LINE = re.compile(r"\d\d:\d\d:\d\d\.\d\d\d \| (?:INFO |ERROR)")

ENDLESS = """
@task
def endless(number):
    print("begun\\n", end="", flush=True)
    threading.Event().wait()

@flow(task_runner=DaskTaskRunner(cluster_kwargs={"n_workers": 2, "threads_per_worker": 1}))
def endless_flow():
    endless.map(range(4))

if __name__ == "__mp_main__":
    print("starting\\n", end="", flush=True)

if __name__ == "__main__":
    endless_flow()
"""
"""Each worker process says that it starts, as it imports the script, and that a task has begun."""


def noise(told: str) -> list[str]:
    """The lines on stderr that are neither ours nor of the traceback that Python prints of a Ctrl-C."""
    told, _, traceback = told.partition("Traceback (most recent call last):\n")
    in_traceback = re.fullmatch(r"(?:  .*\n)*KeyboardInterrupt\n", traceback) if traceback else True
    assert in_traceback, traceback
    return [line for line in told.splitlines() if not OUR_LINE.match(line)]


def test_a_program_says_nothing_of_the_cluster_but_its_dashboard(program: Program) -> None:
    process = program(
        """
@task
def double(x):
    print("doubled", x)
    return 2 * x

@task
def left_behind(fifo):
    open(fifo, "w").close()
    threading.Event().wait()

@flow(task_runner=DaskTaskRunner())
def doubles():
    os.mkfifo("fifo")
    future = left_behind(os.path.abspath("fifo"))
    open("fifo").close()
    doubled = double.map(range(3))
    total = sum(one.result() for one in doubled)
    future.cancel()
    return total

if __name__ == "__main__":
    print("total", doubles())
    print("threads", [thread.name for thread in threading.enumerate() if not thread.daemon])
"""
    )
    printed, told = process.communicate(timeout=50)

    assert sorted(printed.splitlines()) == [
        "doubled 0",
        "doubled 1",
        "doubled 2",
        "threads ['MainThread']",
        "total 6",
    ]
    assert noise(told) == []
    assert len(re.findall("dashboard at http://127.0.0.1:[0-9]+/status", told)) == 1
    assert processes_of(process, timeout_seconds=5) == []


@pytest.mark.parametrize(("moment", "times"), [("starting", 1), ("begun", 2)], ids=["starting", "running"])
def test_w7_ctrl_c_cancels_the_flow_and_leaves_no_process(
    moment: str, times: int, program: Program, recorded_run: Callable[[], RecordedRun]
) -> None:
    process = program(ENDLESS)
    read_until(process, moment, times=times)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the workers, too
    _, told = process.communicate(timeout=50)
    run = recorded_run()

    assert process.returncode == -signal.SIGINT
    assert noise(told) == []
    assert processes_of(process, timeout_seconds=5) == []
    assert run.state == "Cancelled"
    assert [task_run.state for task_run in run.task_runs] == ["Cancelled"] * 4


@pytest.mark.parametrize("signal_number", [signal.SIGTERM, signal.SIGKILL])
def test_workers_end_with_the_process_of_the_flow(signal_number: signal.Signals, program: Program) -> None:
    process = program(ENDLESS)
    read_until(process, "begun", times=2)
    process.send_signal(signal_number)
    process.communicate(timeout=50)

    assert process.returncode == (143 if signal_number == signal.SIGTERM else -signal_number)
    assert processes_of(process, timeout_seconds=10) == []


def test_headrace_run_runs_a_file_on_a_cluster(program: Program, tmp_path: Path) -> None:
    (tmp_path / "flows.py").write_text(
        """
from headrace import flow, task
from headrace.task_runners import DaskTaskRunner

class Doubler:
    def __init__(self, by):
        self.by = by

@task
def double(x, doubler):
    return doubler.by * x

@flow(task_runner=DaskTaskRunner(cluster_kwargs={"n_workers": 1, "threads_per_worker": 1}))
def doubles():
    print(double(21, Doubler(2)).result())

if __name__ == "__main__":
    raise AssertionError("this is not for who imports the file")
""",
        "utf-8",
    )
    process = program(
        "from headrace.cli import main\nif __name__ == '__main__':\n    sys.argv[1:] = ['run', 'flows.py']\n    main()\n"
    )
    printed, told = process.communicate(timeout=50)

    assert (process.returncode, printed, noise(told)) == (0, "42\n", [])
