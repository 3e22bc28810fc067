"""How news of workers reach the flow's process on Ray: a post box, which is an actor, and who empties it.

There is one box for each process that is connected to Ray, and it lives as long as the connection. Workers find it by
the job that they belong to.
"""

from __future__ import annotations

import asyncio
import threading
import time
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    Hear = Callable[[bytes], None]
    Letter = tuple[str, bytes]

_NAMESPACE = "headrace"
_TAKE_SECONDS = 5.0
_CLOSING_SECONDS = 1.0
_PAUSE_SECONDS = 0.1


class PostBox:
    """The actor. Letters lie in it until they are taken."""

    def __init__(self) -> None:
        self._letters: list[Letter] = []
        self._there_are_some = asyncio.Event()

    async def put(self, address: str, news: bytes) -> None:
        """Leave a letter."""
        self._letters.append((address, news))
        self._there_are_some.set()

    async def take(self, seconds: float) -> list[Letter]:
        """All letters, as soon as there are any; none after so many seconds."""
        try:
            await asyncio.wait_for(self._there_are_some.wait(), seconds)
        except TimeoutError:
            return []
        self._there_are_some.clear()
        letters, self._letters = self._letters, []
        return letters


def send(address: str, news: bytes) -> None:
    """Called on a worker: leave a letter in the box of the job that it works for."""
    _box_of_this_job().put.remote(address, news)


@cache
def _box_of_this_job() -> Any:
    import ray

    return ray.get_actor(_name(), namespace=_NAMESPACE)


def _name() -> str:
    import ray

    return f"post-{ray.get_runtime_context().get_job_id()}"


class Post:
    """The box of this process, and a thread that takes the letters to those who listen."""

    def __init__(self) -> None:
        import ray

        actor = ray.remote(num_cpus=0, max_restarts=-1, max_concurrency=1000)(PostBox)
        self._box = actor.options(name=_name(), namespace=_NAMESPACE, get_if_exists=True).remote()
        self._listeners: dict[str, Hear] = {}
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def listen(self, address: str, hear: Hear) -> None:
        """Have letters to this address delivered."""
        with self._lock:
            self._listeners[address] = hear
            if self._thread is None:
                self._thread = threading.Thread(target=self._deliver, name="headrace-post", daemon=True)
                self._thread.start()

    def leave(self, address: str) -> None:
        """Nobody listens there any more."""
        with self._lock:
            self._listeners.pop(address, None)
            if self._listeners or self._thread is None:
                return
        self._box.put.remote("", b"")  # wakes the thread, which sees that nobody is left

    def close(self) -> None:
        """Take the box away, and wait until nobody looks into it."""
        import ray

        with self._lock:
            self._listeners.clear()
            thread = self._thread
        ray.kill(self._box)
        if thread is not None:
            thread.join(_CLOSING_SECONDS)

    def _deliver(self) -> None:
        import ray

        while self._is_needed():
            try:
                letters = ray.get(self._box.take.remote(_TAKE_SECONDS))
            except Exception:  # Ray starts the box anew, if it can
                time.sleep(_PAUSE_SECONDS)
                continue
            for address, news in letters:
                hear = self._listeners.get(address)
                if hear is not None:
                    hear(news)

    def _is_needed(self) -> bool:
        with self._lock:
            if not self._listeners:
                self._thread = None
            return self._thread is not None
