"""Several processes, and processes that end in every way there is."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PRELUDE = """
import os, sys, threading, time
from headrace.engine.states import State, StateName
from headrace.history import History, default_history
from headrace.history.facts import FlowRunFact, StoredResult, TaskRunFact

def flow(run, *names):
    states = tuple(State(name, time.time_ns() // 1000) for name in names or (StateName.PENDING, StateName.RUNNING))
    ended = states[-1].at_us if states[-1].is_terminal else None
    return FlowRunFact(run, "flow", "f", "busy-otter", None, (), states, states[0].at_us, ended, None,
                       "ConcurrentTaskRunner", None, None, None, None)

def task(run, number, result=None):
    now = time.time_ns() // 1000
    states = (State(StateName.PENDING, now), State(StateName.RUNNING, now), State(StateName.COMPLETED, now))
    return TaskRunFact(run, number, None, "t", number - 1, None, (), states, now, now, 1, (), (), None, "w",
                       result, None)
"""


def start(script: str, *arguments: str, **options: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", PRELUDE + script, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def finish(process: subprocess.Popen[str], timeout: float = 50) -> str:
    """What it printed; it must have said nothing else."""
    out, err = process.communicate(timeout=timeout)
    assert (process.returncode, err) == (0, "")
    return out


# Eight at once

WRITE_FLOWS = """
path, name, seconds, flows = sys.argv[1], sys.argv[2], float(sys.argv[3]), int(sys.argv[4])
history = History.open(path)
until = time.monotonic() + seconds
count = 0
while count < flows or time.monotonic() < until:
    run = f"{name}-{count}"
    history.record(flow(run))
    for number in range(1, 51):
        history.record(task(run, number, StoredResult(b"x" * (number * 40), "x")))
    history.record(flow(run, StateName.PENDING, StateName.RUNNING, StateName.COMPLETED))
    assert history.flush()
    count += 1
history.close()
print(count)
"""


def eight_processes_write(path: str, query: Any, *, seconds: float, flows: int) -> None:
    processes = [start(WRITE_FLOWS, path, str(number), str(seconds), str(flows)) for number in range(8)]
    counts = [int(finish(process, timeout=seconds + 50)) for process in processes]
    assert query("SELECT count(*) FROM flow_runs WHERE state = 'Completed'") == [(sum(counts),)]
    assert query("SELECT count(*), min(task_count), max(task_count) FROM "
                 "(SELECT count(*) AS task_count FROM task_runs GROUP BY flow_run)") == [(sum(counts), 50, 50)]  # fmt: skip
    assert query("SELECT count(*) FROM task_runs WHERE length(result) - 4 <> id * 40") == [(0,)]
    assert query("PRAGMA integrity_check") == [("ok",)]


def test_eight_processes_write_at_once_and_lose_nothing(path: str, query: Any) -> None:
    """From the first moment: all of them find no database."""
    eight_processes_write(path, query, seconds=0, flows=40)


@pytest.mark.nightly
def test_eight_processes_write_for_a_minute_and_lose_nothing(path: str, query: Any) -> None:
    eight_processes_write(path, query, seconds=60, flows=1)


# The end of a process

WRITE_UNTIL_KILLED = """
history = History.open(sys.argv[1])
history.record(flow("run-1"))
number = 0
while True:
    for _ in range(500):
        number += 1
        history.record(task("run-1", number))
    history.flush()
    print(number, flush=True)
"""


@pytest.mark.parametrize("acknowledged", [1, 5, 12])
def test_a_killed_process_leaves_a_prefix_that_holds_all_it_was_told_is_there(
    path: str, query: Any, acknowledged: int
) -> None:
    process = start(WRITE_UNTIL_KILLED, path)
    assert process.stdout is not None
    last = max(int(process.stdout.readline()) for _ in range(acknowledged))
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert query("PRAGMA quick_check") == [("ok",)]
    count, greatest = query("SELECT count(*), max(id) FROM task_runs")[0]
    assert count == greatest >= last


EXITS = {
    "falls off the end": "",
    "sys.exit": "sys.exit(3)",
    "an exception": "raise ValueError",
    "with a thread": "threading.Thread(target=lambda: history.record(task('run-1', 1001))).start()",
}


@pytest.mark.parametrize("ending", EXITS.values(), ids=EXITS.keys())
def test_a_process_that_ends_has_written_everything(path: str, query: Any, ending: str) -> None:
    script = """
history = History.open(sys.argv[1])
history.record(flow("run-1"))
for number in range(1, 1001):
    history.record(task("run-1", number))
"""
    process = start(script + ending, path)
    process.communicate(timeout=30)
    expected = 1001 if "1001" in ending else 1000
    assert query("SELECT count(*) FROM task_runs") == [(expected,)]


def test_a_process_that_ends_leaves_a_short_log_to_the_next_one(path: str, query: Any) -> None:
    """Moving it into the file takes longer than a small flow."""
    finish(start("history = History.open(sys.argv[1]); history.record(flow('run-1'))", path))
    assert Path(path + "-wal").stat().st_size > 0
    assert query("SELECT id FROM flow_runs") == [("run-1",)]


def test_a_process_that_ends_moves_a_long_log_into_the_file(path: str, query: Any) -> None:
    script = """
history = History.open(sys.argv[1])
history.record(flow("run-1"))
for number in range(1, 11):
    history.record(task("run-1", number, StoredResult(b"x" * 1_000_000, None)))
"""
    finish(start(script, path))
    assert Path(path + "-wal").stat().st_size == 0
    assert query("SELECT count(*), sum(length(result) - 4) FROM task_runs") == [(10, 10_000_000)]


# A fork

FORKS = """
os.environ["HEADRACE_DATABASE"] = sys.argv[1]
history = default_history()
history.record(flow("parent"))
stop = threading.Event()
count = 0

def work():
    global count
    while not stop.is_set():
        count += 1
        history.record(task("parent", count))
        if count % 50 == 0:
            history.flush()

def child(name):
    mine = default_history()
    mine.record(flow(name))
    for number in range(1, 101):
        mine.record(task(name, number))
    return mine.flush(timeout=20)

thread = threading.Thread(target=work)
thread.start()
pids = []
for number in range(8):
    pid = os.fork()
    if pid == 0:
        os._exit(0 if child(f"child-{number}") else 1)
    pids.append(pid)
codes = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids]
stop.set()
thread.join()
assert history.flush()
print(codes, count)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_forked_children_write_by_connections_of_their_own(path: str, query: Any) -> None:
    out = finish(start(FORKS, path))
    codes, _, count = out.strip().rpartition(" ")
    assert codes == str([0] * 8)
    expected = {("parent", int(count))} | {(f"child-{number}", 100) for number in range(8)}
    assert set(query("SELECT flow_runs.id, count(*) FROM task_runs JOIN flow_runs ON flow_run = flow_runs.key "
                     "GROUP BY 1")) == expected  # fmt: skip
    assert query("PRAGMA integrity_check") == [("ok",)]


FORK_WITH_UNWRITTEN_FACTS = """
history = History.open(sys.argv[1])
history.record(flow("run-1"))
history.record(task("run-1", 1))
if os.fork() == 0:
    os._exit(0 if history.flush() else 1)
os.wait()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_what_the_parent_has_recorded_is_written_by_the_parent(path: str, query: Any) -> None:
    finish(start(FORK_WITH_UNWRITTEN_FACTS, path))
    assert query("SELECT count(*) FROM task_runs") == [(1,)]


# A full disk

FULL_DISK = """
import resource, warnings
history = History.open(sys.argv[1])
history.record(flow("run-1"))
history.flush()
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    for number in range(1, 3001):
        history.admit(1000)
        history.record(task("run-1", number, StoredResult(b"x" * 1000, None)))
    assert history.flush() is False
print(len(caught), caught[0].category.__name__, history.failure)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="limits as POSIX knows them")
def test_a_file_system_that_refuses_to_grow_the_file_ends_the_recording_only(path: str, query: Any) -> None:
    process = start(FULL_DISK, path)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    assert out.startswith(f"1 HistoryWarning The history {path} cannot be written (disk I/O error)")
    assert err.count("cannot be written") == 1
    assert query("PRAGMA quick_check") == [("ok",)]
    count, greatest = query("SELECT count(*), max(id) FROM task_runs")[0]
    assert count == (greatest or 0)
