"""Many tasks in one flow: nothing of a task is left when it is done and its future is dropped, but its row in the history."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PROGRAM = Path(__file__).with_name("soak.py")

# After the first tenth come 90,000 task runs, 45,000 on each worker. The flow keeps 81 bytes of each, which the bench measures; the
# least that could be kept besides is a key, some 200 bytes. A worker is to keep nothing, and a key of each would take 9 MB.
BYTES_OF_FLOW_ALLOWED = 18_000_000
BYTES_OF_WORKER_ALLOWED = 8_000_000


@pytest.fixture(scope="module")
def address() -> Any:
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster:
        yield cluster.scheduler_address


def soak(address: str, count: int, home: Path, *, timeout: float) -> list[dict[str, Any]]:
    """Runs the program to its end with a home of its own: what it measured after each tenth."""
    done = subprocess.run(
        [sys.executable, str(PROGRAM), address, str(count)],
        env=os.environ | {"HEADRACE_HOME": str(home)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def count_recorded(home: Path) -> tuple[int, int]:
    """The completed task runs in the history, and how many of them have a result."""
    connection = sqlite3.connect(home / "history.db")
    try:
        statement = "SELECT count(*), count(result) FROM task_runs WHERE state = 'Completed'"
        runs, results = connection.execute(statement).fetchone()
    finally:
        connection.close()
    return runs, results


def test_the_scheduler_holds_nothing_of_a_task_whose_future_was_dropped_while_its_flow_still_runs(
    address: str, tmp_path: Path
) -> None:
    after_tenths = soak(address, 1_000, tmp_path, timeout=50)

    assert len(after_tenths) == 10
    assert count_recorded(tmp_path) == (1_000, 1_000)


@pytest.mark.nightly
@pytest.mark.timeout(1800)
def test_memory_of_the_flow_and_of_the_workers_is_flat_over_100_000_tasks(
    address: str, tmp_path: Path
) -> None:
    first, *_, last = soak(address, 100_000, tmp_path, timeout=1700)

    assert count_recorded(tmp_path) == (100_000, 100_000)
    assert last["flow"] - first["flow"] < BYTES_OF_FLOW_ALLOWED
    grown = [after - before for before, after in zip(first["workers"], last["workers"], strict=True)]
    assert max(grown) < BYTES_OF_WORKER_ALLOWED
