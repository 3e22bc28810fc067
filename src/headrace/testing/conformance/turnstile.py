"""A turnstile: task runs, in whatever thread or process, wait at it until the test lets them pass.

It is a socket on this machine, since that is all that a test can be sure to share with a worker. Nobody sleeps,
and whoever waits in vain is told so.
"""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Self

DEADLINE_SECONDS = 60.0
Address = tuple[str, int]


class Turnstile:
    """Opens when it is told to, or, with ``opens_at``, by itself as soon as so many wait at it at once."""

    def __init__(self, *, opens_at: int | None = None) -> None:
        self._opens_at = opens_at
        self._server = socket.create_server(("127.0.0.1", 0))
        self._changed = threading.Condition()
        self._waiting: list[socket.socket] = []
        self._arrived = 0
        self._is_open = False
        self._is_over = False
        self._thread = threading.Thread(target=self._admit, name="turnstile", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.open()
        self._is_over = True
        with socket.create_connection(
            self.address, DEADLINE_SECONDS
        ):  # wakes the thread, which sees that it is over
            self._thread.join(DEADLINE_SECONDS)
        self._server.close()

    @property
    def address(self) -> Address:
        """What a task needs to find it."""
        host, port = self._server.getsockname()
        return host, port

    def await_arrivals(self, count: int = 1) -> None:
        """Wait until so many have come to it. Raises ``TimeoutError`` when they do not."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._arrived >= count, DEADLINE_SECONDS):
                raise TimeoutError(f"{self._arrived} task runs came to the turnstile, not {count}")

    def open(self) -> None:
        """Let everybody pass, those who come later too."""
        with self._changed:
            self._is_open = True
            self._let_pass()

    def _admit(self) -> None:
        while True:
            connection, _ = self._server.accept()
            with self._changed:
                self._arrived += 1
                self._waiting.append(connection)
                if self._opens_at is not None and self._arrived >= self._opens_at:
                    self._is_open = True
                if self._is_open:
                    self._let_pass()
                self._changed.notify_all()
            if self._is_over:
                return

    def _let_pass(self) -> None:
        for connection in self._waiting:
            connection.close()
        self._waiting.clear()


def pass_turnstile(address: Address) -> None:
    """Wait at the turnstile. Raises ``TimeoutError`` if it stays shut."""
    with _Connection() as connection:
        connection.open(address)
        try:
            connection.recv(1)
        except ConnectionResetError:  # it was let pass in the moment of its coming
            return


class _Connection(socket.socket):
    """One that also closes if an interrupt comes between its making and the block that would close it."""

    def open(self, address: Address) -> None:
        self.settimeout(DEADLINE_SECONDS)
        self.connect(address)

    def __del__(self) -> None:
        self.close()


async def pass_turnstile_async(address: Address) -> None:
    """Wait at the turnstile, on the running loop. Raises ``TimeoutError`` if it stays shut."""
    import asyncio

    reader, writer = await asyncio.open_connection(*address)
    try:
        async with asyncio.timeout(DEADLINE_SECONDS):
            await reader.read(1)
    except ConnectionResetError:
        return
    finally:
        writer.close()


def arrive(address: Address) -> None:
    """Be counted at the turnstile, and do not wait there."""
    with _Connection() as connection:
        connection.open(address)
