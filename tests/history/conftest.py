"""Histories to put facts into."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any

import pytest

from headrace.history import History
from tests.facts import Facts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def facts() -> Facts:
    return Facts()


@pytest.fixture(scope="session")
def make_facts() -> type[Facts]:
    return Facts


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "history.db")


@pytest.fixture
def history(path: str) -> Iterator[History]:
    """A history in a file, with the run of ``facts`` in it."""
    history = History.open(path)
    yield history
    history.close()


class Query:
    """Asks a database file by SQL, as somebody with a shell would."""

    def __init__(self, path: str) -> None:
        self._path = path

    def __call__(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        connection = sqlite3.connect(self._path)
        try:
            with connection:
                return connection.execute(sql, values).fetchall()
        finally:
            connection.close()


@pytest.fixture
def query(path: str) -> Query:
    return Query(path)
