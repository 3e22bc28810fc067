"""Programs on Ray as a user would run them, and what they leave behind."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

from tests.task_runners.ray.programs import left_in, processes_in, program

if TYPE_CHECKING:
    from pathlib import Path

SECONDS_TO_START = 50
SECONDS_TO_END = 15


def test_a_script_runs_on_an_instance_of_its_own_and_says_nothing_but_its_own(tmp_path: Path) -> None:
    (tmp_path / "beside.py").write_text("def double(number):\n    return 2 * number\n", "utf-8")
    source = """
import beside

class Point:
    def __init__(self, x):
        self.x = x

@task(log_prints=True)
def make(x):
    print("made on a worker")
    return Point(beside.double(x))

@task
def read(point):
    assert isinstance(point, Point)
    return point.x

@flow(task_runner=RayTaskRunner(init_kwargs={"num_cpus": 1}))
def main():
    return read(make(21)).result()

if __name__ == "__main__":
    print("the answer is", main())
    started = time.monotonic()
"""
    with program(source, tmp_path) as process:
        out, err = process.communicate(timeout=SECONDS_TO_START)
        assert process.returncode == 0, err
        assert out.splitlines()[-1] == "the answer is 42"
        assert out.count("made on a worker") == 1
        first, last = err.splitlines()
        assert "of flow 'main' began" in first
        assert "of flow 'main' ended Completed" in last
        assert left_in(tmp_path, timeout_seconds=SECONDS_TO_END) == []


HOLDING = """
@task
def hold():
    print("held", flush=True)
    time.sleep(300)

@flow(task_runner=RayTaskRunner(init_kwargs={"num_cpus": 1}))
def main():
    held = hold()
    beside = hold()
    print("began", flush=True)
    held.wait()

if __name__ == "__main__":
    main()
"""


def test_ctrl_c_ends_the_program_and_leaves_no_process(tmp_path: Path) -> None:
    with program(HOLDING, tmp_path) as process:
        assert process.stdout is not None
        while "held" not in process.stdout.readline():
            pass
        os.killpg(process.pid, signal.SIGINT)
        _, err = process.communicate(timeout=SECONDS_TO_END)
        assert process.returncode in {1, 130, -signal.SIGINT}
        assert "KeyboardInterrupt" in err.splitlines()[-1]
        assert "ended Cancelled" in err
        assert "ray" not in err.lower().replace("task_runners/ray", "").replace(str(tmp_path), "")
        assert left_in(tmp_path, timeout_seconds=SECONDS_TO_END) == []


def test_the_loss_of_the_head_ends_the_flow_run_crashed_within_seconds_and_not_the_process(
    tmp_path: Path,
) -> None:
    source = HOLDING.replace(
        "    main()\n",
        """    try:
        main()
    except Exception as error:
        print("raised", type(error).__name__, error.__cause__)
    print("the program goes on")
""",
    )
    with program(source, tmp_path) as process:
        assert process.stdout is not None
        while "held" not in process.stdout.readline():
            pass
        [head] = [one for one in processes_in(tmp_path) if "gcs_server" in one.name()]
        head.kill()
        out, err = process.communicate(timeout=SECONDS_TO_END)
        assert process.returncode == 0, err
        assert "raised FlowRunCrashed Ray was lost" in out
        assert out.splitlines()[-1] == "the program goes on"
        assert "ended Crashed" in err
