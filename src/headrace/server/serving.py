"""Runs the application: uvicorn in this process, until a signal or another thread ends it.

What differs from uvicorn's own ways: nothing wakes up while nobody asks, a client that does not read is dropped, and a
signal ends the process as done, also while pages listen to events.
"""

from __future__ import annotations

import asyncio
import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator

    from starlette.types import ASGIApp

PATIENCE_SECONDS = 20.0
"""So long may a client not read while something waits for it."""

_GRACE_SECONDS = 1
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Server(uvicorn.Server):
    """Answers at the sockets until it is told to stop. ``before_stop`` ends what would go on for ever."""

    def __init__(self, app: ASGIApp, *, before_stop: Callable[[], None] = lambda: None) -> None:
        config = uvicorn.Config(
            app,
            http=ImpatientProtocol,
            ws="none",
            loop="asyncio",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            timeout_graceful_shutdown=_GRACE_SECONDS,
        )
        super().__init__(config)
        self._before_stop = before_stop
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop = asyncio.Event()

    def stop(self, *_: object) -> None:
        """Has it end, from any thread or signal handler."""
        self.should_exit = True
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._stop.set)

    async def main_loop(self) -> None:
        """Sleeps until the end. Uvicorn's own looks ten times a second whether it is time."""
        self._loop = asyncio.get_running_loop()
        if not self.should_exit:
            await self._stop.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Ends the streams, lets answers under way come to their end, and closes all connections."""
        self._before_stop()
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Ctrl-C and SIGTERM are how this server is meant to end. Uvicorn's own would raise them again afterwards."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self.stop) for number in _SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


class ImpatientProtocol(H11Protocol):
    """A connection that is cut when the other side has not read for a while, so that something of ours waits for it."""

    _cut: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Has :meth:`pause_writing` called for the least that waits, also for the rest of a connection that ends."""
        super().connection_made(transport)
        transport.set_write_buffer_limits(0)

    def pause_writing(self) -> None:
        """Something waits to be sent."""
        super().pause_writing()
        self._cut = self.loop.call_later(PATIENCE_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        """The other side has read all of it."""
        self._go_on()
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is over."""
        self._go_on()
        super().connection_lost(exc)

    def _go_on(self) -> None:
        if self._cut is not None:
            self._cut.cancel()
            self._cut = None


@contextmanager
def running(server: Server, listener: socket.socket) -> Iterator[None]:
    """Has it answer from another thread for the time of a ``with`` block."""
    thread = threading.Thread(target=server.run, args=([listener],), name="headrace-ui")
    thread.start()
    try:
        yield
    finally:
        server.stop()
        thread.join()
