"""What was deleted gives its room back to the disk."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from headrace.errors import HistoryUnavailableError
from headrace.history import History
from headrace.history.deletion import delete_runs
from headrace.history.facts import StoredResult
from headrace.history.vacuum import vacuum
from tests.history.test_processes import finish, start
from tests.history.test_pruning import WRITE_UNTIL_TOLD

if TYPE_CHECKING:
    from tests.facts import Facts
    from tests.history.conftest import Query


def record(path: str, facts: Facts) -> None:
    history = History.open(path)
    history.record(facts.flow())
    for number in range(1, 101):
        history.record(facts.task(number, result=StoredResult(b"x" * 50_000, None)))
    history.close()


def test_the_file_gets_smaller(path: str, facts: Facts, make_facts: type[Facts], query: Query) -> None:
    record(path, facts)
    record(path, make_facts("run-2"))
    delete_runs(path, ["run-2"], include_unfinished=True)
    sizes = vacuum(path)

    assert sizes.before > 10_000_000
    assert 5_000_000 < sizes.after < 7_000_000
    assert Path(path).stat().st_size <= sizes.after
    assert query("SELECT id FROM flow_runs") == [("run-1",)]
    assert query("PRAGMA integrity_check") == [("ok",)]
    assert query("PRAGMA journal_mode") == [("wal",)]


def test_a_process_that_writes_meanwhile_waits_and_loses_nothing(
    path: str, facts: Facts, query: Query
) -> None:
    record(path, facts)
    writer = start(WRITE_UNTIL_TOLD, path, stdin=subprocess.PIPE)
    assert writer.stdout is not None
    assert writer.stdout.readline() == "ready\n"
    for _ in range(5):
        vacuum(path)
    assert writer.stdin is not None
    writer.stdin.write("stop\n")
    count, _slowest = finish(writer).split()

    assert query("SELECT count(*) FROM flow_runs WHERE state = 'Completed'") == [(int(count),)]
    assert query("PRAGMA integrity_check") == [("ok",)]


def test_without_room_for_the_copies_nothing_is_begun(
    path: str, facts: Facts, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(path, facts)
    usage = shutil.disk_usage(path)._replace(free=1_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    before = Path(path).stat().st_size

    with pytest.raises(HistoryUnavailableError, match="Make room"):
        vacuum(path)
    assert Path(path).stat().st_size == before


def test_the_environment_is_as_it_was(path: str, facts: Facts, monkeypatch: pytest.MonkeyPatch) -> None:
    record(path, facts)
    monkeypatch.delenv("SQLITE_TMPDIR", raising=False)
    vacuum(path)
    assert "SQLITE_TMPDIR" not in os.environ
    monkeypatch.setenv("SQLITE_TMPDIR", "/somewhere")
    vacuum(path)
    assert os.environ["SQLITE_TMPDIR"] == "/somewhere"


def test_a_history_in_memory_is_refused() -> None:
    with pytest.raises(HistoryUnavailableError):
        vacuum(":memory:")
