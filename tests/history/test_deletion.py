"""A deletion on a full disk says what is gone."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, NoReturn

import pytest

from headrace.errors import HistoryUnavailableError
from headrace.history import History
from headrace.history.database import Database
from headrace.history.deletion import Eraser, delete_runs

if TYPE_CHECKING:
    from tests.facts import Facts
    from tests.history.conftest import Query


def fail_as_on_a_full_disk(*_: object, **__: object) -> NoReturn:
    failure = sqlite3.OperationalError("database or disk is full")
    failure.sqlite_errorcode = sqlite3.SQLITE_FULL
    raise failure


@pytest.fixture(autouse=True)
def _two_runs(path: str, make_facts: type[Facts]) -> None:
    history = History.open(path)
    for id_ in ("run-1", "run-2"):
        history.record(make_facts(id_).flow())
    history.close()


def test_a_database_that_cannot_grow_takes_up_the_log_later(
    path: str, query: Query, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Database, "checkpoint", fail_as_on_a_full_disk)

    assert delete_runs(path, ["run-1"], include_unfinished=True).deleted == ("run-1",)
    assert query("SELECT id FROM flow_runs") == [("run-2",)]


def test_what_is_gone_before_the_disk_is_full_is_told(
    path: str, query: Query, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Eraser, "delete_leftovers", fail_as_on_a_full_disk)

    with pytest.raises(HistoryUnavailableError, match=r"disk is full.* 1 flow run is gone all the same"):
        delete_runs(path, ["run-1"], include_unfinished=True)
    assert query("SELECT id FROM flow_runs") == [("run-2",)]


def test_where_nothing_is_gone_nothing_is_said_of_it(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Eraser, "delete_family", fail_as_on_a_full_disk)

    with pytest.raises(HistoryUnavailableError, match=r"another disk\.$"):
        delete_runs(path, ["run-1"], include_unfinished=True)
