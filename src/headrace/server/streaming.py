"""``/api/events``: what changes, as server-sent events.

A stream begins with `hello`: what a client asks for from then on, and what it is told, leave no gap. A client that reads slowly is
told less often; one that does not read at all is dropped by the connection (``ImpatientProtocol``).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from starlette.responses import Response
from starlette.routing import Route

from headrace.clock import now_us

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import Receive, Scope, Send

    from headrace.server.events import Hub, Listener

EVENTS = "/api/events"
HEARTBEAT_SECONDS = 15.0
_COME_BACK_AFTER_MS = 1_000


def events_route(hub: Hub) -> Route:
    """The stream of what the hub tells."""

    async def listen(request: Request) -> Response:
        if request.method == "HEAD":
            return Response(media_type=EventStream.media_type)
        last = request.headers.get("last-event-id")
        return EventStream(hub, run=request.query_params.get("run"), last_event_id=last)

    return Route(EVENTS, listen)


class EventStream(Response):
    """An answer that goes on until the client leaves, or the server ends."""

    media_type = "text/event-stream"

    def __init__(self, hub: Hub, *, run: str | None, last_event_id: str | None) -> None:
        super().__init__(headers={"cache-control": "no-store", "x-accel-buffering": "no"})
        del self.headers["content-length"]
        self._hub = hub
        self._run = run
        self._last_event_id = last_event_id

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI's signature
        """Tells what there is to tell."""
        with self._hub.listener() as listener:
            leaving = asyncio.create_task(_leave_with_the_client(listener, receive))
            try:
                await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
                await self._tell(listener, send)
                await send({"type": "http.response.body", "body": b""})
            finally:
                leaving.cancel()

    async def _tell(self, listener: Listener, send: Send) -> None:
        await self._hub.ready()
        await _send(send, self._greeting(listener))
        while not listener.is_gone:
            news = self._hub.news(listener)
            for event in news:
                await _send(send, _block(event.kind, self._hub.id_of(event.number), event.about(self._run)))
            if not news and not await _hears_the_bell(listener):
                await _send(send, ":\n\n")

    def _greeting(self, listener: Listener) -> str:
        """`hello`; then `reset` for a client that was told something before which is not known here."""
        is_lost = self._last_event_id is not None and not self._hub.go_back(listener, self._last_event_id)
        id = self._hub.id_of(listener.place)
        hello = f"retry: {_COME_BACK_AFTER_MS}\n" + _block("hello", id, f'{{"now_us":{now_us()}}}')
        return hello + _block("reset", id, "{}") if is_lost else hello


def _block(kind: str, id: str, data: str) -> str:
    return f"id: {id}\nevent: {kind}\ndata: {data}\n\n"


async def _send(send: Send, text: str) -> None:
    await send({"type": "http.response.body", "body": text.encode(), "more_body": True})


async def _hears_the_bell(listener: Listener) -> bool:
    """Whether there is something to tell before it is time for a sign of life."""
    try:
        async with asyncio.timeout(HEARTBEAT_SECONDS):
            await listener.bell.wait()
    except TimeoutError:
        return False
    return True


async def _leave_with_the_client(listener: Listener, receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    listener.leave()
