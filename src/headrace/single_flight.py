"""Single flight: of all calls with the same key, in all processes, one is executed, and the others are given its value.

The first is the *leader*; those that come while it is under way *follow* it. A leader that does not complete is followed
by the next. The leader of a process holds a claim in the history, so that those of other processes follow it, too.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any, NamedTuple

from headrace.context import current_scope
from headrace.dependencies import find_futures
from headrace.history.cache import CacheShelf
from headrace.history.facts import CacheFact, StoredResult
from headrace.history.results import is_small
from headrace.logging import log_defect
from headrace.previews import preview_arguments
from headrace.task_runners.call import NO_CONTEXT, FoundValue

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from headrace.history import History
    from headrace.history.cache import CachedValue, Claim
    from headrace.task_runners.call import Call

_LOOK_SECONDS = 0.03
_CLAIM_AGAIN_SECONDS = 0.5


class _Follower(NamedTuple):
    """A run that waits for a value, or leads. ``go_on`` has it executed."""

    call: Call
    go_on: Callable[[], None]


class _Flight:
    """The runs of this process that want the value of one key. ``leader`` is there from its claim on to its end.

    ``holder`` is who leads in another process.
    """

    __slots__ = ("followers", "holder", "leader", "next_claim")

    def __init__(self) -> None:
        self.leader: _Follower | None = None
        self.followers: deque[_Follower] = deque()
        self.holder: str | None = None
        self.next_claim = 0.0


class SingleFlight:
    """The step of the admission desk that looks into the cache. ``put`` has something done by the desk's thread."""

    def __init__(self, history: History, put: Callable[[Callable[[], None]], None]) -> None:
        self._history = history
        self._put = put
        self._shelf = CacheShelf(history)
        self._flights: dict[str, _Flight] = {}

    def concerns(self, call: Call) -> bool:
        """Whether its task is cached."""
        return call.task.caching is not None

    def receive(self, call: Call, go_on: Callable[[], None]) -> None:
        """Give the run the value of its key, or have it lead, or follow."""
        if call.cache is None:
            if _is_given_far_values(call) and self._has_sent_for_values(call, go_on):
                return
            self._work_out_key(call)
        self._go_by_key(call, go_on)

    def _work_out_key(self, call: Call) -> None:
        key = _work_out_key(call)
        if key is not None:
            call.cache = CacheFact(key, refreshes=call.task.caching.refreshes)

    def _go_by_key(self, call: Call, go_on: Callable[[], None]) -> None:
        if call.cache is None:
            go_on()
            return
        key = call.cache.key
        if call.cache.refreshes:
            call.add_done_callback(lambda: self._when_refreshed(key, call))
            go_on()
        elif not self._give_what_is_known(key, call):
            self._join(key, _Follower(call, go_on))

    def _has_sent_for_values(self, call: Call, go_on: Callable[[], None]) -> bool:
        """Whether a thread is on its way to fetch what is on a cluster: the desk does not wait for that."""

        def fetch() -> None:
            self._work_out_key(call)
            self._put(lambda: self._go_by_key(call, go_on))

        try:
            threading.Thread(target=fetch, name="headrace-fetch", daemon=True).start()
        except RuntimeError:  # there are no more, or the interpreter shuts down
            return False
        return True

    def _join(self, key: str, follower: _Follower) -> None:
        flight = self._flights.get(key)
        if flight is None:
            flight = self._flights[key] = _Flight()
            flight.followers.append(follower)
            self._claim(key, flight)
        elif flight.leader is not None and follower.call.driver.is_within(follower.call, flight.leader.call):
            follower.go_on()  # it would wait for itself
        else:
            flight.followers.append(follower)

    def _give_what_is_known(self, key: str, call: Call) -> bool:
        """End the run with the value of the key, if there is one that can still be made."""
        while (found := self._shelf.find(key, call.driver.now_us())) is not None:
            event = self._event_of(call, found)
            if event is not None:
                call.driver.post(event)
                return True
        return False

    def _event_of(self, call: Call, found: CachedValue) -> FoundValue | None:
        """What ends the run with the value; ``None`` if that cannot be made any more."""
        assert call.cache is not None
        key = call.cache.key
        try:
            value = call.value_of(found)
        except Exception:
            self._shelf.reject(key, found)
            return None
        call.cache = CacheFact(key, None, found.source)
        reason = f"its value is that of {found.source}"
        return FoundValue(call, call.driver.now_us(), value, found.result, reason)

    def glance(self, call: Call) -> FoundValue | None:
        """The value of a call that needs no futures, if that can be told at once: in the caller's thread.

        A small key costs less than the way to the desk and back.
        """
        caching = call.task.caching
        if not (caching.is_quick and is_small(call.args) and is_small(call.kwargs)):
            return None
        try:
            key = _work_out_within(call, call.args, call.kwargs)
        except Exception:  # the desk will find the same, and say so
            return None
        if key is None:
            return None
        call.cache = CacheFact(key)
        found = self._shelf.find_remembered(key, call.driver.now_us())
        return None if found is None else self._event_of(call, found)

    def take_back(self, call: Call) -> None:
        """A leader that is tried again goes on leading."""

    def tend(self) -> float | None:
        """See what those in other processes have done for whom runs wait here."""
        waiting = [(key, flight) for key, flight in self._flights.items() if flight.holder is not None]
        if not waiting:
            return None
        has_changed = self._shelf.has_changed()
        now = time.monotonic()
        for key, flight in waiting:
            if has_changed or now >= flight.next_claim:
                self._claim(key, flight)
        return _LOOK_SECONDS

    def close(self) -> None:
        """Close the connection; what is remembered stays."""
        self._shelf.close()

    # -- who leads -----------------------------------------------------------------------------

    def _claim(self, key: str, flight: _Flight) -> None:
        """Have the first of them lead, if the value is still unknown and nobody elsewhere leads."""
        while flight.followers and flight.followers[0].call.is_done:
            flight.followers.popleft()
        if not flight.followers:
            del self._flights[key]
            return
        flight.holder = None
        leader = flight.leader = flight.followers.popleft()
        call = leader.call
        holder, now_us = f"{call.flow_run_id}/{call.id}", call.driver.now_us()
        self._history.transact(
            lambda writer: self._shelf.claim(writer, key, holder, now_us),
            lambda claim: self._put(lambda: self._take_claim(key, flight, leader, claim)),
        )

    def _take_claim(self, key: str, flight: _Flight, leader: _Follower, claim: Claim | None) -> None:
        if claim is not None and (claim.is_known or claim.holder is not None):
            flight.leader = None
            flight.followers.appendleft(leader)
            if claim.is_known:
                self._give_to_all(key, flight)
            else:
                flight.holder = claim.holder
                flight.next_claim = time.monotonic() + _CLAIM_AGAIN_SECONDS
            return
        leader.call.add_done_callback(lambda: self._when_landed(key, flight, leader.call))
        leader.go_on()

    def _give_to_all(self, key: str, flight: _Flight) -> None:
        """The value is in the history: give it to those that wait here. If it is not to be had, claim again."""
        waiting, flight.followers = flight.followers, deque()
        for follower in waiting:
            if not (follower.call.is_done or self._give_what_is_known(key, follower.call)):
                flight.followers.append(follower)
        self._claim(key, flight)

    # -- how a leader ends ---------------------------------------------------------------------

    def _when_landed(self, key: str, flight: _Flight, call: Call) -> None:
        """Called by whoever settles it, within the engine's work."""
        stored = _stored_result_of(call)
        self._put(lambda: self._land(key, flight, call, stored))

    def _when_refreshed(self, key: str, call: Call) -> None:
        stored = _stored_result_of(call)
        if stored is not None:
            self._shelf.forget(key)
            self._put(lambda: self._keep_refreshed(key, call, stored))

    def _keep_refreshed(self, key: str, call: Call, stored: StoredResult) -> None:
        self._keep(key, call, stored)

    def _land(self, key: str, flight: _Flight, call: Call, stored: StoredResult | None) -> None:
        """Give the leader's value to its followers. If it has none, the next leads; if none can be kept, all go on."""
        flight.leader = None
        if stored is None:
            self._claim(key, flight)
            return
        del self._flights[key]
        waiting = [follower for follower in flight.followers if not follower.call.is_done]
        value = self._keep(key, call, stored)
        if value is None:
            for follower in waiting:
                follower.go_on()
            return
        for follower in waiting:
            event = self._event_of(follower.call, value)
            if event is None:
                follower.go_on()
            else:
                follower.call.driver.post(event)

    def _keep(self, key: str, call: Call, stored: StoredResult) -> CachedValue | None:
        if not _is_storable(stored):
            return None
        return self._shelf.keep(key, stored, f"{call.flow_run_id}/{call.id}", call.cache_fact().expires_us)


def _work_out_key(call: Call) -> str | None:
    """Its key, if it has one. The functions of the user that are asked for it run in the call's context."""
    context = call.context
    if context is NO_CONTEXT:  # it has ended
        return None
    try:
        return context.copy().run(_work_out_in_context, call)
    except Exception as error:
        log_defect(f"{call.display_name} is not cached: its key could not be worked out", error)
        return None


def _work_out_in_context(call: Call) -> str | None:
    current_scope.set(call)
    return _work_out_within(call, *call.driver.resolve(call))


def _work_out_within(call: Call, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str | None:
    task = call.task
    if args or kwargs:
        call.parameters = preview_arguments(task.argument_names, args, kwargs)
    if task.task_run_name is not None and call.run_name is None:
        call.run_name = task.name_run(call, args, kwargs)
    return task.cache_key(call, args, kwargs)


def _is_given_far_values(call: Call) -> bool:
    """Whether asking for the arguments means to wait for them: they are on a cluster, or in files."""
    if not (call.upstreams or call.tolerated) or call.is_done:
        return False
    found = find_futures(*call.args, *call.kwargs.values())
    return any(future._source.is_elsewhere for future in (*found.strict, *found.tolerated))  # type: ignore[attr-defined]


def _stored_result_of(call: Call) -> StoredResult | None:
    """What the history is told of the value; ``None`` if the run gave none."""
    report = call.report
    if not call.has_completed or report is None:
        return None
    return report.stored or StoredResult(None, None)


def _is_storable(stored: StoredResult) -> bool:
    return stored.pickled is not None or stored.kept is not None
