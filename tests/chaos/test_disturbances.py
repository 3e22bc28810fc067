"""What a machine and its other users can do to a run under way: stop it, take it over, fill the disk, lock the file, move the clock."""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    from tests.chaos.conftest import Workshop

    Lock = Callable[..., subprocess.Popen[str]]

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals and limits as POSIX knows them")

ALL_ROWS = (
    "SELECT 'flow', key, id, state, states, epoch, ended_us, result FROM flow_runs UNION ALL "
    "SELECT 'task', key, id, state, states, epoch, ended_us, result FROM task_runs UNION ALL "
    "SELECT 'line', key, flow_run, at_us, logger, message, 0, 0 FROM logs"
)

# -- stopped, taken over, woken ------------------------------------------------------------------------


def test_a_process_that_was_taken_over_from_while_it_was_stopped_is_refused_and_says_so(
    workshop: Workshop,
) -> None:
    stopped = workshop.start_work()
    stopped.send_signal(signal.SIGSTOP)
    refused = workshop.run("resume", "latest")
    assert refused.returncode == 1
    assert "is under way in process" in refused.stderr
    assert "--take-over" in refused.stderr

    successor = workshop.run("resume", "latest", "--take-over")
    assert successor.returncode == 0, successor.stderr
    assert workshop.states() == [("Completed", 10), ("Replayed", 10)]
    before = workshop.query(ALL_ROWS)

    stopped.send_signal(signal.SIGCONT)
    _, said = stopped.communicate("\n", timeout=50)
    assert stopped.returncode == 1, said
    assert "is no longer this process's" in said
    assert "has taken it over (epoch 2)" in said
    assert workshop.query(ALL_ROWS) == before
    assert set(workshop.executions()) == set(range(20))


# -- a disk that is full -----------------------------------------------------------------------------------

FULL_HALF_WAY = """
import builtins, resource
print_ = builtins.print
def print(*args, **options):
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
    print_(*args, **options)
builtins.print = print
"""


def test_a_disk_that_fills_up_lets_the_run_go_on_and_it_is_resumed_when_there_is_room(
    workshop: Workshop,
) -> None:
    process = workshop.start_work(prelude=FULL_HALF_WAY)
    _, said = process.communicate("\n", timeout=50)
    assert "Runs go on, but from here on nothing of them is recorded" in said
    assert "ended Completed" in said
    assert workshop.query("PRAGMA quick_check") == [("ok",)]
    assert workshop.states() == [("Completed", 10)]

    resumed = workshop.run("resume", "latest")
    assert resumed.returncode == 0, resumed.stderr
    assert workshop.states() == [("Completed", 10), ("Replayed", 10)]
    assert workshop.executions() == sorted([*range(20), *range(10, 20)])  # in flight: what was not recorded


# -- a file that is locked ------------------------------------------------------------------------------------


IMPATIENT = """
import sqlite3
connect = sqlite3.connect
sqlite3.connect = lambda *args, **options: connect(*args, **{**options, "timeout": 0.05})
"""


def test_a_run_waits_while_the_history_is_locked_and_loses_nothing(workshop: Workshop, lock: Lock) -> None:
    process = workshop.start_work()
    shell = lock()
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()
    while len(workshop.executions()) < 20:
        assert process.poll() is None
    shell.communicate("\n")
    assert process.wait(50) == 0
    assert workshop.states() == [("Completed", 20)]
    assert workshop.flow_states() == ["Completed"]


def test_a_resume_waits_while_the_history_is_locked_longer_than_sqlite_waits(
    workshop: Workshop, lock: Lock
) -> None:
    workshop.kill_half_way()
    shell = lock()
    resumed = workshop.start("resume", "latest", prelude=IMPATIENT)
    assert resumed.stderr is not None
    assert "the latest is run" in resumed.stderr.readline()
    assert "keeps the history" in resumed.stderr.readline()
    shell.communicate("\n")
    _, said = resumed.communicate("\n", timeout=50)
    assert resumed.returncode == 0, said
    assert workshop.states() == [("Completed", 10), ("Replayed", 10)]


@pytest.mark.nightly
@pytest.mark.timeout(200)
def test_a_history_that_is_locked_for_twenty_seconds_stops_no_run_and_no_resume(
    workshop: Workshop, lock: Lock
) -> None:
    process = workshop.start_work()
    lock("20")
    _, said = process.communicate("\n", timeout=100)
    assert process.returncode == 0, said
    assert workshop.states() == [("Completed", 20)]
    workshop.kill_half_way()
    lock("20")
    resumed = workshop.run("resume", "latest")
    assert resumed.returncode == 0, resumed.stderr
    assert workshop.flow_states() == ["Completed", "Completed"]
    assert workshop.states() == [("Completed", 30), ("Replayed", 10)]


# -- a clock that is moved --------------------------------------------------------------------------------------

MOVED = """
import builtins, time
time_ns, moved = time.time_ns, []
time.time_ns = lambda: time_ns() + {seconds} * 10**9 * len(moved)
time.time = lambda: time.time_ns() / 1e9
print_ = builtins.print
def print(*args, **options):
    moved.append(1)
    print_(*args, **options)
builtins.print = print
"""


@pytest.mark.parametrize("seconds", [86_400, -86_400])
def test_a_clock_that_is_moved_by_a_day_crashes_nothing(workshop: Workshop, seconds: int) -> None:
    process = workshop.start_work(prelude=MOVED.format(seconds=seconds))
    shown = workshop.run("runs", "list", "--json")
    assert '"state": "Running"' in shown.stdout, shown.stdout  # for all who have another time
    _, said = process.communicate("\n", timeout=50)
    assert process.returncode == 0, said
    assert workshop.flow_states() == ["Completed"]
    assert workshop.states() == [("Completed", 20)]
    assert workshop.query("SELECT count(*) FROM flow_runs WHERE ended_us < started_us") == [(0,)]


@pytest.mark.parametrize("seconds", [86_400, -86_400])
def test_a_resume_goes_by_a_clock_that_was_moved_by_a_day_meanwhile(workshop: Workshop, seconds: int) -> None:
    workshop.kill_half_way()
    prelude = MOVED.format(seconds=seconds) + "moved.append(1)\n"
    resumed = workshop.run("resume", "latest", prelude=prelude)
    assert resumed.returncode == 0, resumed.stderr
    assert workshop.flow_states() == ["Completed"]
    assert workshop.states() == [("Completed", 10), ("Replayed", 10)]
    shown = workshop.run("runs", "show", "latest")
    assert shown.returncode == 0, shown.stderr
    assert "completed in" in shown.stdout


# -- forks ---------------------------------------------------------------------------------------------------------

FORKING = """
import multiprocessing, os, sys, warnings
from headrace import flow, task

warnings.simplefilter("ignore", DeprecationWarning)     # of forks in a process that has threads


@task
def ask(number):
    return number


@flow
def asked(count):
    return sum(ask.map(range(count)).result())


@task
def ask_in_a_fork():
    pid = os.fork()
    if not pid:
        import contextvars

        contextvars.Context().run(asked, 4)     # a run of its own, and none of the flow that goes on in the parent
        from headrace.history import default_history

        os._exit(0 if default_history().flush() else 1)
    assert asked(5) == 10
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


@flow
def forking():
    return ask_in_a_fork().result()


if __name__ == "__main__":
    asked(1)
    child = multiprocessing.get_context("fork").Process(target=asked, args=(2,))
    child.start()
    asked(3)
    child.join()
    print(child.exitcode, forking())
"""


def test_after_a_fork_of_a_process_with_an_open_history_parent_and_child_both_record(
    workshop: Workshop,
) -> None:
    (workshop.folder / "forking.py").write_text(FORKING)
    done = workshop.run_program("forking.py")
    assert done.stdout == "0 0\n", done.stderr
    assert workshop.query("PRAGMA quick_check") == [("ok",)]
    assert set(workshop.flow_states()) == {"Completed"}
    counts = workshop.query(
        "SELECT count(*) FROM task_runs JOIN flow_runs ON flow_run = flow_runs.key "
        "WHERE flow = 'asked' GROUP BY flow_runs.id ORDER BY 1"
    )
    assert counts == [(1,), (2,), (3,), (4,), (5,)]
    owners = "SELECT count(DISTINCT process) FROM flow_runs WHERE flow = 'asked'"
    assert workshop.query(owners) == [(3,)]
