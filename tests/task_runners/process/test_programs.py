"""Programs with worker processes: how they may be written, how they end, and that nothing of them is left."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.task_runners.programs import HEAD, Program, processes_of, read_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from headrace.testing import RecordedRun
    from tests.conftest import RunPython

ENDLESS = """
@task
def endless(number):
    import subprocess
    child = subprocess.Popen([sys.executable, "-c", "import threading; threading.Event().wait()"])
    print("begun", flush=True)
    STUCK

@flow(task_runner=ProcessTaskRunner(max_workers=2))
def endless_flow():
    endless.map(range(4))

endless_flow()
"""

DOUBLES = """
scale = 2

class Doubler:
    def __init__(self, number):
        self.number = number

@task
def double(doubler):
    return Doubler(scale * doubler.number)

@flow(task_runner=ProcessTaskRunner(max_workers=2))
def doubles():
    doubled = [double(Doubler(number)) for number in range(3)]
    return [one.result() for one in doubled]
"""
CALL = "assert all(isinstance(one, Doubler) for one in doubles())\nprint([one.number for one in doubles()])\n"


# -- how they end ----------------------------------------------------------------------------------


def test_w7_ctrl_c_cancels_the_flow_and_leaves_no_process(
    program: Program, recorded_run: Callable[[], RecordedRun]
) -> None:
    process = program(ENDLESS.replace("STUCK", "threading.Event().wait()"))
    read_until(process, "begun", times=2)
    os.killpg(process.pid, signal.SIGINT)
    _, told = process.communicate(timeout=20)
    run = recorded_run()

    assert process.returncode == -signal.SIGINT
    assert told.count("Traceback") == 1
    assert processes_of(process, timeout_seconds=5) == []
    assert run.state == "Cancelled"
    assert [task_run.state for task_run in run.task_runs] == ["Cancelled"] * 4


def test_sigterm_cancels_the_flow_and_leaves_no_process(
    program: Program, recorded_run: Callable[[], RecordedRun]
) -> None:
    process = program(ENDLESS.replace("STUCK", "threading.Event().wait()"))
    read_until(process, "begun", times=2)
    process.terminate()
    process.communicate(timeout=20)

    assert process.returncode == 128 + signal.SIGTERM
    assert processes_of(process, timeout_seconds=5) == []
    assert [task_run.state for task_run in recorded_run().task_runs] == ["Cancelled"] * 4


@pytest.mark.parametrize(
    "stuck",
    ["threading.Event().wait()", "import re; re.match('(a+)+b', 40 * 'a')"],
    ids=["waiting", "in C code that lets nobody in"],
)
def test_workers_and_what_they_started_end_with_the_process_of_the_flow(stuck: str, program: Program) -> None:
    process = program(ENDLESS.replace("STUCK", stuck))
    read_until(process, "begun", times=2)
    process.kill()
    process.communicate(timeout=20)

    assert processes_of(process, timeout_seconds=10) == []


def test_a_fork_of_the_flows_process_keeps_no_worker_alive(program: Program) -> None:
    """It holds all that its parent had open when it was forked."""
    process = program(
        ENDLESS.replace("STUCK", "threading.Event().wait()").replace(
            "    endless.map(range(4))",
            """    endless.map(range(2))
    sys.stdin = open(0)
    os.mkfifo("fifo")
    if os.fork() == 0:
        open("fifo").close()
        os._exit(0)""",
        )
    )
    read_until(process, "begun", times=2)
    process.kill()
    process.wait(timeout=20)

    left = [
        line
        for line in processes_of(process, timeout_seconds=3)
        if "threading" in line or "process_forks" in line
    ]
    assert left == []
    os.close(os.open(Path(str(process.args[-1])).parent / "fifo", os.O_WRONLY))  # type: ignore[index]


def test_shared_memory_and_temporary_files_are_gone_however_it_ends(program: Program, tmp_path: Path) -> None:
    shared = Path("/dev/shm")
    before = set(shared.glob("*"))
    process = program(
        """
@task
def large():
    return bytes(8_000_000)

@task
def endless(value):
    print("begun", flush=True)
    threading.Event().wait()

@flow(task_runner=ProcessTaskRunner(max_workers=2))
def endless_flow():
    endless(large())

os.environ["TMPDIR"] = os.path.abspath("temporary")
os.mkdir("temporary")
endless_flow()
"""
    )
    read_until(process, "begun")
    process.kill()
    process.communicate(timeout=20)

    assert processes_of(process, timeout_seconds=10) == []
    assert list((tmp_path / "temporary").iterdir()) == []
    assert not [path for path in set(shared.glob("*")) - before if "headrace" in path.name]


# -- how they may be written -----------------------------------------------------------------------


def test_a_script_needs_no_main_guard_and_its_classes_stay_what_they_are(
    run_python: RunPython, tmp_path: Path
) -> None:
    (tmp_path / "script.py").write_text(HEAD + DOUBLES + CALL, "utf-8")

    assert run_python("script.py").stdout == "[0, 2, 4]\n"


def test_what_is_typed_in_works_too(
    run_python: RunPython, user_environment: dict[str, str], tmp_path: Path
) -> None:
    source = HEAD + DOUBLES + CALL

    assert run_python("-c", source).stdout == "[0, 2, 4]\n"
    done = subprocess.run(
        [sys.executable, "-"], input=source, cwd=tmp_path, env=user_environment, capture_output=True, text=True,
        timeout=50, check=True,
    )  # fmt: skip
    assert done.stdout == "[0, 2, 4]\n"


def test_a_module_that_calls_its_flow_when_it_is_imported_gets_one_clear_message(
    run_python: RunPython, tmp_path: Path
) -> None:
    (tmp_path / "flows.py").write_text(HEAD + DOUBLES + "print('called')\ndoubles()\n", "utf-8")

    done = run_python("-c", "import flows", check=False)

    assert done.returncode == 1
    assert done.stdout == "called\n"
    assert (
        "MissingMainGuardError: task 'double' is called while its module 'flows' is imported, and each worker process"
        ' imports that. Put the call of the flow below `if __name__ == "__main__":`'
    ) in done.stderr


def test_a_flow_that_only_workers_would_call_gets_one_clear_message(
    run_python: RunPython, tmp_path: Path
) -> None:
    only_elsewhere = (
        "\nif os.environ.setdefault('FIRST', str(os.getpid())) != str(os.getpid()):\n    doubles()\n"
    )
    (tmp_path / "flows.py").write_text(HEAD + DOUBLES + only_elsewhere, "utf-8")
    (tmp_path / "script.py").write_text("from flows import doubles\ndoubles()\n", "utf-8")

    done = run_python("script.py", check=False)

    line = len((HEAD + DOUBLES).splitlines()) + 3
    assert re.search(
        rf"MissingMainGuardError: flow 'doubles' is called when its module is imported \(.*flows.py, line {line}\),"
        r' which each worker process does\. Put the call below `if __name__ == "__main__":`',
        done.stderr,
    )
    assert "cannot unpickle" not in done.stderr


def test_a_file_that_calls_its_flow_gets_one_clear_message_when_a_command_looks_for_the_flow(
    run_python: RunPython, tmp_path: Path
) -> None:
    (tmp_path / "flows.py").write_text(HEAD + DOUBLES + "doubles()\n", "utf-8")

    for place in ("flows.py", "flows"):
        done = run_python("-m", "headrace", "run", place, check=False)

        assert done.returncode == 1
        assert re.fullmatch(
            r"headrace: flow 'doubles' is called when its module is imported \(.*flows.py, line \d+\), which each worker"
            r' process does\. Put the call below `if __name__ == "__main__":`\n',
            done.stderr,
        )


def test_closures_and_lambdas_are_tasks_and_arguments(run_python: RunPython, tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(
        HEAD
        + """
def adder(by):
    @task
    def add(number, then):
        return then(number + by)
    return add

@flow(task_runner=ProcessTaskRunner(max_workers=1))
def added():
    return adder(3)(4, lambda number: 10 * number)

print(added(), task(lambda: "lone")().result())
""",
        "utf-8",
    )

    assert run_python("script.py").stdout == "70 lone\n"


def test_flows_run_in_threads_and_after_a_fork(run_python: RunPython, tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(
        HEAD
        + """
@task
def double(number):
    return 2 * number

@flow(task_runner=ProcessTaskRunner(max_workers=1))
def doubles(number):
    return sum(double(number).result() for _ in range(3))

doubles(1)
print(doubles(2), flush=True)
pid = os.fork()
print(doubles(3), flush=True)
if pid == 0:
    os._exit(0)
os.waitpid(pid, 0)
found = []
threads = [threading.Thread(target=lambda number=number: found.append(doubles(number))) for number in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(sorted(found))
""",
        "utf-8",
    )

    assert run_python("script.py").stdout == "12\n18\n18\n[0, 6, 12, 18]\n"
