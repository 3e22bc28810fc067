"""What a listener is told: signs of life, all that it has missed if that is kept, and one word if it is not."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import psutil

from headrace.server import streaming
from headrace.server.events import MAX_EVENT_BYTES, Event, Hub, Listener
from headrace.server.streaming import EventStream
from headrace.server.watch import Change
from tests.server.conftest import DEADLINE_SECONDS
from tests.server.test_launches import wait_until

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    import pytest

    from tests.server.conftest import Ui

KEPT_EVENTS = 1_000
KEPT_BYTES = 2_000_000
LISTENERS = 50


class SeesNothing:
    """Looks where nothing changes."""

    def look(self) -> None: ...

    def rest(self) -> None: ...


class Client:
    """A client of one stream, without a network. While it ``reads`` it takes what is sent; else the stream waits for it."""

    def __init__(self) -> None:
        self.reads = asyncio.Event()
        self.reads.set()
        self.is_offered = asyncio.Event()
        self._sent: asyncio.Queue[str] = asyncio.Queue()

    async def next(self) -> str:
        async with asyncio.timeout(DEADLINE_SECONDS):
            return await self._sent.get()

    async def receive(self) -> Any:
        await asyncio.Event().wait()  # it never leaves by itself

    async def send(self, message: Any) -> None:
        self.is_offered.set()
        await self.reads.wait()
        if message.get("body"):
            await self._sent.put(message["body"].decode())


def with_client(act: Callable[[Hub, Client], Awaitable[None]]) -> None:
    """Has a client listen to a hub that looks where nothing changes; `hello` is said already."""

    async def listen() -> None:
        hub, client = Hub(SeesNothing()), Client()
        stream = EventStream(hub, run=None, last_event_id=None)
        listening = asyncio.create_task(stream({"type": "http"}, client.receive, client.send))
        assert "event: hello" in await client.next()
        await act(hub, client)
        hub.close()
        await listening

    asyncio.run(listen())


def with_listener(act: Callable[[Hub, Listener], None]) -> None:
    """Has somebody listen to a hub that looks where nothing changes."""

    async def listen() -> None:
        hub = Hub(SeesNothing())
        with hub.listener() as listener:
            act(hub, listener)

    asyncio.run(listen())


def deleted(*ids: str) -> Change:
    return Change(deleted=ids)


def kinds(events: list[Event]) -> list[str]:
    return [event.kind for event in events]


# Signs of life --------------------------------------------------------------------------------------


def test_while_nothing_changes_there_are_signs_of_life(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming, "HEARTBEAT_SECONDS", 0.0)

    async def act(_: Hub, client: Client) -> None:
        assert [await client.next() for _ in range(3)] == [":\n\n"] * 3

    with_client(act)


def test_a_change_is_told_without_waiting_for_the_next_sign_of_life(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming, "HEARTBEAT_SECONDS", 2 * DEADLINE_SECONDS)

    async def act(hub: Hub, client: Client) -> None:
        hub.publish(deleted("run-1"))

        assert "event: change" in await client.next()

    with_client(act)


# Falling behind -------------------------------------------------------------------------------------


def test_who_is_late_is_told_all_that_is_kept() -> None:
    def act(hub: Hub, listener: Listener) -> None:
        for number in range(KEPT_EVENTS):
            hub.publish(deleted(f"run-{number}"))

        assert kinds(hub.news(listener)) == ["change"] * KEPT_EVENTS
        assert hub.news(listener) == []

    with_listener(act)


def test_who_is_too_late_is_told_to_begin_anew_and_then_what_follows() -> None:
    def act(hub: Hub, listener: Listener) -> None:
        for number in range(KEPT_EVENTS + 1):
            hub.publish(deleted(f"run-{number}"))
        assert kinds(hub.news(listener)) == ["reset"]

        hub.publish(deleted("another"))
        (event,) = hub.news(listener)
        assert event.ids == {"another"}

    with_listener(act)


def test_large_events_are_kept_as_long_as_there_is_room_for_them() -> None:
    def act(hub: Hub, listener: Listener) -> None:
        large = "x" * (MAX_EVENT_BYTES - 100)
        fitting = KEPT_BYTES // MAX_EVENT_BYTES
        for _ in range(fitting):
            hub.publish(deleted(large))
        assert kinds(hub.news(listener)) == ["change"] * fitting

        for _ in range(fitting + 1):
            hub.publish(deleted(large))
        assert kinds(hub.news(listener)) == ["reset"]

    with_listener(act)


def test_a_client_that_stops_reading_for_too_long_is_told_to_begin_anew() -> None:
    async def act(hub: Hub, client: Client) -> None:
        client.reads.clear()
        client.is_offered.clear()
        hub.publish(deleted("the first"))
        await client.is_offered.wait()
        for number in range(KEPT_EVENTS + 1):
            hub.publish(deleted(f"run-{number}"))
        client.reads.set()

        assert "the first" in await client.next()
        assert "event: reset" in await client.next()

    with_client(act)


def test_a_client_that_comes_back_after_what_is_kept_is_told_to_begin_anew() -> None:
    def act(hub: Hub, listener: Listener) -> None:
        first = hub.id_of(1)
        for number in range(KEPT_EVENTS + 2):
            hub.publish(deleted(f"run-{number}"))

        assert hub.go_back(listener, first)
        assert kinds(hub.news(listener)) == ["reset"]

    with_listener(act)


# What is left of them -------------------------------------------------------------------------------


def test_listeners_that_came_and_went_leave_no_descriptor_open(start_ui: Callable[..., Ui]) -> None:
    ui = start_ui()
    assert ui.get("/api/runs").status_code == 200
    process = psutil.Process(ui.process.pid)
    before = process.num_fds()

    with ExitStack() as stack:
        for _ in range(LISTENERS):
            stack.enter_context(ui.stream()).until("hello")
        assert process.num_fds() > LISTENERS

    wait_until(lambda: process.num_fds() <= before)
