"""The API over histories that a test makes."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from starlette.applications import Starlette

from headrace.history import History, Reader
from headrace.server.api import api_routes
from tests.facts import Facts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


class Lender:
    """Lends a reader of its own to everybody who asks."""

    def __init__(self, path: str) -> None:
        self._path = path

    def reader(self) -> Reader:
        return Reader.open(self._path)


class Api:
    """What a client of the API sees."""

    def __init__(self, path: str) -> None:
        self.app = Starlette(routes=api_routes(Lender(path)))

    def request(self, path: str, **query: Any) -> httpx.Response:
        """What comes back, whatever it is."""
        return self._send("GET", path, params=query)

    def _send(self, method: str, path: str, **options: Any) -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
                return await client.request(method, path, **options)

        return asyncio.run(ask())

    def post(self, path: str, body: object) -> Any:
        """The JSON of the answer to an action that has to be done."""
        answer = self._send("POST", path, content=json.dumps(body))
        assert answer.status_code == 200, answer.text
        return answer.json()

    def refused(self, path: str, body: object) -> tuple[int, str]:
        """Status and detail of the problem that an action has to be."""
        return _told(self._send("POST", path, content=json.dumps(body)))

    def get(self, path: str, **query: Any) -> Any:
        """The JSON of an answer that has to be one."""
        answer = self.request(path, **query)
        assert answer.status_code == 200, answer.text
        assert len(answer.content) <= 1_000_000
        return answer.json()

    def problem(self, path: str, **query: Any) -> tuple[int, str]:
        """Status and detail of an answer that has to be a problem."""
        return _told(self.request(path, **query))


def _told(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    body = answer.json()
    assert set(body) == {"type", "title", "status", "detail"}
    assert body["status"] == answer.status_code
    return answer.status_code, body["detail"]


@pytest.fixture
def facts() -> Facts:
    return Facts()


@pytest.fixture(scope="session")
def make_facts() -> type[Facts]:
    return Facts


@pytest.fixture
def history(tmp_path: Path) -> Iterator[History]:
    history = History.open(str(tmp_path / "history.db"))
    yield history
    history.close()


@pytest.fixture
def api(history: History) -> Api:
    return Api(history.location)


@pytest.fixture
def query(history: History) -> Callable[..., None]:
    """Changes the history's file by SQL, as nobody should."""

    def run(sql: str, *values: object) -> None:
        connection = sqlite3.connect(history.location)
        try:
            with connection:
                connection.execute(sql, values)
        finally:
            connection.close()

    return run
