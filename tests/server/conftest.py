"""The server over a history that a test makes: its application alone, and served by uvicorn on a port of its own."""

from __future__ import annotations

import asyncio
import http.client
import json
import re
import socket
import subprocess
import sys
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import httpx
import pytest

from headrace.clock import now_us
from headrace.history import History
from headrace.server.access import Access
from headrace.server.addresses import listen, names_of, port_of
from headrace.server.app import create_app, create_routes
from headrace.server.events import Hub
from headrace.server.serving import Server, running
from headrace.server.source import Source
from headrace.server.watch import Watch
from tests.facts import Facts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from starlette.routing import Route

    from headrace.server.guard import Guard

TOKEN = "a-token-that-nobody-guesses-so-easily"
PORT = 4242
HOST = f"127.0.0.1:{PORT}"
BEARER = {"authorization": f"Bearer {TOKEN}"}
DEADLINE_SECONDS = 20.0
_UI = ("ui", "--port", "0", "--no-browser")


class Site:
    """The application, as browsers and programs reach it at port 4242."""

    def __init__(self, location: str, port: int = PORT, *, routes: list[Route] | None = None) -> None:
        self.location = location
        source = Source(location)
        self.access = Access(TOKEN, port=port, started_us=now_us())
        self.hub = Hub(Watch(source))
        self.routes = create_routes(source, self.access, self.hub) if routes is None else routes
        self.app: Guard = create_app(self.routes, self.access, names_of("127.0.0.1", port))

    def request(self, method: str, path: str, **headers: str) -> httpx.Response:
        """What comes back; a header ``sec_fetch_site`` is sent as such. ``host`` is ours if none is given."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}

        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url=f"http://{HOST}") as client:
                return await client.request(method, path, headers=sent)

        return asyncio.run(ask())

    def get(self, path: str, **headers: str) -> httpx.Response:
        return self.request("GET", path, **headers)


class Message(NamedTuple):
    """A server-sent event."""

    kind: str
    id: str
    data: Any


class Stream:
    """A client of ``/api/events``."""

    def __init__(self, port: int, path: str = "/api/events", **headers: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE_SECONDS)
        self._connection.request("GET", path, headers={**BEARER, **headers})
        self._answer = self._connection.getresponse()
        assert self._answer.status == 200

    def next(self) -> Message | None:
        """The next event; ``None`` when the stream has ended. Waits for it until the deadline."""
        fields: dict[str, str] = {}
        while line := self._answer.readline().decode():
            name, _, value = line.rstrip("\n").partition(": ")
            if name:
                fields[name] = value
            elif "event" in fields:
                return Message(fields["event"], fields["id"], json.loads(fields["data"]))
        return None

    def until(self, kind: str) -> Message:
        """The next event of that kind."""
        while message := self.next():
            if message.kind == kind:
                return message
        raise AssertionError(f"the stream ended without a {kind}")

    def close(self) -> None:
        self._answer.close()
        self._connection.close()


class Served(NamedTuple):
    """A site at a real port."""

    site: Site
    server: Server
    port: int
    listener: socket.socket

    @contextmanager
    def stream(self, path: str = "/api/events", **headers: str) -> Iterator[Stream]:
        with closing(Stream(self.port, path, **headers)) as stream:
            yield stream

    @contextmanager
    def stubborn(self) -> Iterator[socket.socket]:
        """A connection for which next to nothing may wait unread."""
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)  # what it accepts has the same
        with socket.socket() as connection:
            connection.settimeout(DEADLINE_SECONDS)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.connect(("127.0.0.1", self.port))
            yield connection


class Ui:
    """``headrace ui`` in a process of its own, on the history of its user."""

    def __init__(self, environment: dict[str, str], program: str = "") -> None:
        """``program`` is run before it, in the same process."""
        command = [sys.executable, "-c", f"{program}\nfrom headrace.cli import main\nmain()", *_UI]
        self.process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        found = re.search(r":(\d+)/login", self.process.stdout.readline())
        assert found
        self.port = int(found[1])
        token = Path(environment["HEADRACE_HOME"], "access-token").read_text("ascii").strip()
        self._bearer = {"authorization": f"Bearer {token}"}

    def get(self, path: str) -> httpx.Response:
        return httpx.get(
            f"http://127.0.0.1:{self.port}{path}", headers=self._bearer, timeout=DEADLINE_SECONDS
        )

    @contextmanager
    def stream(self) -> Iterator[Stream]:
        with closing(Stream(self.port, **self._bearer)) as stream:
            yield stream

    def end(self) -> str:
        """Has it end, and gives what it printed besides the link."""
        self.process.terminate()
        printed, _ = self.process.communicate(timeout=DEADLINE_SECONDS)
        assert self.process.returncode == 0
        return printed


@pytest.fixture
def start_ui(user_environment: dict[str, str]) -> Iterator[Callable[..., Ui]]:
    """Starts ``headrace ui``."""
    started: list[Ui] = []

    def start(program: str = "") -> Ui:
        started.append(Ui(user_environment, program))
        return started[-1]

    yield start
    for ui in started:
        ui.process.kill()
        ui.process.communicate()


@pytest.fixture
def facts() -> Facts:
    return Facts()


@pytest.fixture
def history(tmp_path: Path) -> Iterator[History]:
    history = History.open(str(tmp_path / "history.db"))
    yield history
    history.close()


@pytest.fixture
def site(history: History) -> Site:
    return Site(history.location)


@pytest.fixture
def served(history: History) -> Iterator[Served]:
    with listen("127.0.0.1", 0, has_own_token=False) as listener:
        port = port_of(listener)
        site = Site(history.location, port)
        server = Server(site.app, before_stop=site.hub.close)
        with running(server, listener):
            yield Served(site, server, port, listener)
