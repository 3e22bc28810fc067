"""The server as a process serves it: many listeners, clients that do not read, and an end that comes at once."""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from headrace.engine.states import StateName
from headrace.server import serving
from tests.server.conftest import BEARER, DEADLINE_SECONDS, Served, Ui

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    import pytest

    from headrace.history import History
    from tests.facts import Facts

CLIENTS = 100


def test_a_change_that_another_process_makes_is_told(
    served: Served, user_environment: dict[str, str]
) -> None:
    program = "from headrace import flow\n@flow\ndef elsewhere(): pass\nelsewhere()"
    with served.stream() as stream:
        stream.until("hello")
        elsewhere = user_environment | {"HEADRACE_DATABASE": served.site.location}
        subprocess.run([sys.executable, "-c", program], env=elsewhere, check=True, capture_output=True)

        rows = stream.until("change").data["runs"]

    assert [row["flow"] for row in rows] == ["elsewhere"]


def test_a_change_tells_whether_the_run_in_view_is_in_it(
    served: Served, history: History, facts: Facts
) -> None:
    with served.stream("/api/events?run=run-1") as this, served.stream("/api/events?run=other") as other:
        this.until("hello")
        other.until("hello")
        record(history, facts)

        assert this.until("change").data["run_changed"] is True
        assert other.until("change").data["run_changed"] is False


def test_who_comes_back_goes_on_where_it_was(served: Served, history: History, facts: Facts) -> None:
    with served.stream() as stream:
        hello = stream.until("hello")
        record(history, facts)
        change = stream.until("change")

    with served.stream(**{"Last-Event-ID": hello.id}) as again:
        assert again.until("change") == change
    with served.stream(**{"Last-Event-ID": "00000000-7"}) as stranger:
        assert [message.kind for message in (stranger.next(), stranger.next()) if message] == [
            "hello", "reset",
        ]  # fmt: skip


def test_a_hundred_listeners_are_told_the_same(served: Served, history: History, facts: Facts) -> None:
    with ExitStack() as stack:
        streams = [stack.enter_context(served.stream()) for _ in range(CLIENTS)]
        for stream in streams:
            stream.until("hello")
        record(history, facts)

        told = {stream.until("change").id for stream in streams}

    assert len(told) == 1


def test_a_client_that_never_reads_is_dropped_and_hurts_nobody(
    served: Served, history: History, facts: Facts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "PATIENCE_SECONDS", 0.2)
    with served.stubborn() as stubborn, served.stream() as stream:
        # Many answers are asked for, and none is taken.
        request = f"GET /api/openapi.json HTTP/1.1\r\nHost: 127.0.0.1:{served.port}\r\nAuthorization: {BEARER['authorization']}\r\n\r\n"
        assert is_dropped(stubborn, request.encode())

        stream.until("hello")
        record(history, facts)
        assert stream.until("change").data["runs"]


def test_a_client_that_never_reads_the_last_answer_is_dropped(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rest of an answer after which the server itself ends the connection."""
    monkeypatch.setattr(serving, "PATIENCE_SECONDS", 0.2)
    with served.stubborn() as stubborn:
        request = f"GET /app.css HTTP/1.1\r\nHost: 127.0.0.1:{served.port}\r\nAuthorization: {BEARER['authorization']}\r\nConnection: close\r\n\r\n"
        stubborn.sendall(request.encode())
        assert is_dropped(stubborn, b"more")


def test_the_end_of_the_server_ends_the_streams(served: Served) -> None:
    with served.stream() as stream:
        stream.until("hello")
        served.server.stop()

        assert stream.next() is None


def test_sigterm_ends_the_process_while_somebody_listens(
    start_ui: Callable[..., Ui], user_environment: dict[str, str]
) -> None:
    ui = start_ui()
    with ui.stream() as stream:
        stream.until("hello")

        assert ui.end() == ""
    assert [file.name for file in Path(user_environment["HEADRACE_HOME"]).iterdir()] == ["access-token"]


def record(history: History, facts: Facts) -> None:
    history.record(facts.flow(StateName.PENDING, StateName.RUNNING))
    history.flush()


def is_dropped(connection: socket.socket, request: bytes) -> bool:
    """Whether the other side ends the connection before the deadline, while it is sent one request after the other."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    connection.settimeout(0.5)
    left = b""
    while time.monotonic() < deadline:
        left = left or request * 50
        try:
            left = left[connection.send(left) :]
        except TimeoutError:
            continue
        except OSError:
            return True
    return False
