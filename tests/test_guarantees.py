"""Promises of docs/guarantees.md that need a whole flow to be broken."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest

from headrace import flow, task
from headrace.errors import HistoryWarning
from headrace.history import History, use_history

if TYPE_CHECKING:
    from pathlib import Path


@task
def double(number: int) -> int:
    return 2 * number


@flow
def doubled(numbers: list[int]) -> int:
    return sum(double.map(numbers).result())


def test_a_flow_whose_history_fails_under_way_gives_its_value_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    history = History.open(str(tmp_path / "history.db"))
    try:
        with use_history(history):
            assert doubled([1, 2, 3]) == 12
            monkeypatch.setattr(history._writer, "write", refuse)

            with pytest.warns(HistoryWarning, match="Runs go on"):
                assert doubled([1, 2, 3]) == 12

        [run] = history.reader().list_runs()
        assert (run.state, run.task_runs) == ("Completed", {"COMPLETED": 3})
    finally:
        history.close()


def refuse(_facts: object) -> None:
    raise sqlite3.OperationalError("disk I/O error")
