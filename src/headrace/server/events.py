"""Tells many listeners what one watch sees. While nobody listens, nobody looks.

What was told lately is kept, numbered, so that who lost the connection goes on where it was. Each listener has its own place in
that; nothing is kept for it besides. Everything here happens on the event loop, but for the looks.
"""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from headrace.server.api.encoding import encoded
from headrace.server.api.run_rows import row_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Protocol

    from headrace.history.watching import LiveRun
    from headrace.server.watch import Change

    class Looks(Protocol):
        """What looks, see ``Watch``."""

        def look(self) -> Change | None:
            """What has changed since the last look."""

        def rest(self) -> None:
            """Nobody looks for a while."""


MAX_EVENT_BYTES = 500_000
_KEPT_BYTES = 2_000_000
_KEPT_EVENTS = 1_000
_INTERVAL_SECONDS = 0.1
_LONGEST_INTERVAL_SECONDS = 0.3
_SHARE_OF_TIME = 0.05
_log = logging.getLogger(__name__)


class Event(NamedTuple):
    """Something that was told to all. ``ids`` are the flow runs that it is about; those of a ``reset`` are unknown."""

    number: int
    kind: str
    data: str
    """A JSON object."""
    ids: frozenset[str] = frozenset()

    def about(self, run: str | None) -> str:
        """Its data for a listener who cares for one flow run most."""
        if self.kind != "change":
            return self.data
        return f'{self.data[:-1]},"run_changed":{json.dumps(run in self.ids)}}}'


class Listener:
    """One who is told. ``place`` is the number of the last event that was."""

    def __init__(self, place: int) -> None:
        self.place = place
        self.is_gone = False
        self.bell = asyncio.Event()

    def leave(self) -> None:
        """Has it be told nothing more."""
        self.is_gone = True
        self.bell.set()


class Hub:
    """Who listens, and what was told lately."""

    def __init__(self, watch: Looks) -> None:
        self._watch = watch
        self._boot = secrets.token_hex(4)
        self._last = 0
        self._kept: deque[Event] = deque()
        self._kept_bytes = 0
        self._listeners: set[Listener] = set()
        self._watching: asyncio.Task[None] | None = None
        self._has_looked = asyncio.Event()
        self._is_closed = False

    @contextmanager
    def listener(self) -> Iterator[Listener]:
        """A listener for the time of a ``with`` block, to whom what comes now is new."""
        listener = Listener(self._last)
        if self._is_closed:
            listener.leave()
        self._listeners.add(listener)
        if self._watching is None:
            self._has_looked.clear()
            self._watching = asyncio.create_task(self._look_while_somebody_listens())
        try:
            yield listener
        finally:
            self._listeners.discard(listener)

    async def ready(self) -> None:
        """Waits until what happens from now on is seen."""
        await self._has_looked.wait()

    def close(self) -> None:
        """Nothing more is told to anybody."""
        self._is_closed = True
        self._dismiss_all()

    def news(self, listener: Listener) -> list[Event]:
        """What the listener has not been told yet. What is not kept any more is one ``reset``."""
        oldest = self._kept[0].number if self._kept else self._last + 1
        events = [event for event in self._kept if event.number > listener.place]
        if listener.place < oldest - 1:
            events = [Event(self._last, "reset", "{}")]
        listener.place = self._last
        listener.bell.clear()
        return events

    def go_back(self, listener: Listener, last_event_id: str) -> bool:
        """Has the listener be told again what came after that event, if that is known."""
        boot, _, number = last_event_id.partition("-")
        is_known = boot == self._boot and number.isascii() and number.isdigit() and len(number) < 16
        if not is_known or int(number) > self._last:
            return False
        listener.place = int(number)
        return True

    def id_of(self, number: int) -> str:
        """What a client knows an event by."""
        return f"{self._boot}-{number}"

    def publish(self, change: Change) -> None:
        """Tells all listeners of it."""
        self._last += 1
        event = _event_of(self._last, change)
        self._kept.append(event)
        self._kept_bytes += len(event.data)
        while len(self._kept) > _KEPT_EVENTS or self._kept_bytes > _KEPT_BYTES:
            self._kept_bytes -= len(self._kept.popleft().data)
        for listener in self._listeners:
            listener.bell.set()

    async def _look_while_somebody_listens(self) -> None:
        clock = asyncio.get_running_loop().time
        try:
            while self._listeners and not self._is_closed:
                began = clock()
                change = await asyncio.to_thread(self._watch.look)
                if change is not None:
                    self.publish(change)
                self._has_looked.set()
                await asyncio.sleep(interval_after(clock() - began))
        except Exception:
            _log.exception("Nobody looks for changes any more: a defect of Headrace.")
            self._dismiss_all()
        finally:
            self._watching = None
            self._has_looked.set()
            self._watch.rest()

    def _dismiss_all(self) -> None:
        """They come back by themselves, if there is somebody to come back to."""
        for listener in self._listeners:
            listener.leave()


def interval_after(look_seconds: float) -> float:
    """How long to wait after a look that took so long: looks shall cost little, and be seldom late."""
    return min(max(_INTERVAL_SECONDS, look_seconds / _SHARE_OF_TIME), _LONGEST_INTERVAL_SECONDS)


def _event_of(number: int, change: Change) -> Event:
    if not change.is_total:
        rows = [_row_of(run) for run in change.runs]
        data = encoded({"runs": rows, "deleted": list(change.deleted)}).decode()
        if len(data) <= MAX_EVENT_BYTES:
            ids = frozenset(change.deleted).union(run.summary.id for run in change.runs)
            return Event(number, "change", data, ids)
    return Event(number, "reset", "{}")


def _row_of(run: LiveRun) -> dict[str, object]:
    row = row_of(run.summary)
    fields: dict[str, object] = {name: getattr(row, name) for name in row.__slots__}
    return {**fields, "last_task_run": run.last_task_run, "last_log": run.last_log}
