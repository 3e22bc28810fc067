"""Limits on what runs at once, or in a time, across all processes that write to one history.

A limit has a name. ``headrace limits set`` says how much there is of it; ``concurrency`` and ``rate_limit`` take of it, and
so does every task run with a tag of that name.
"""

from __future__ import annotations

from threading import get_ident
from typing import TYPE_CHECKING, Any, NamedTuple

from headrace.admission import leases_by_tags
from headrace.completion import Gate
from headrace.context import current_scope
from headrace.engine.leases import Claim
from headrace.errors import TaskRunnerError
from headrace.futures import running_loop
from headrace.history import default_history
from headrace.interrupts import calls_user_code, deliver, noted, shielded
from headrace.slot_loans import lend_slot, reclaim_slot

if TYPE_CHECKING:
    from collections.abc import Awaitable, Generator, Iterable
    from typing import Self

    from headrace.engine.leases import Demand
    from headrace.history.lease_desk import Lease, LeaseDesk


class concurrency:
    """Holds slots of a limit, or of several, for as long as a block runs: ``with`` in sync code, ``async with`` in async code.

    ``headrace limits set NAME N`` says how many slots there are, for all processes that write to the same history;
    where nobody has, ``slots`` does, and without it there is no limit. ``occupy`` is how many this block takes. Who asks
    first goes first. A block waits until there is room, and raises ``TimeoutError`` after ``timeout_seconds`` of that;
    a task run that waits lets another one have its worker meanwhile. The slots of a process that is killed are free at
    once. Raises ``ValueError`` for more slots than there are, and ``WouldDeadlockError`` where the same thread, asyncio task
    or task run holds so many already that it would wait for itself.

    >>> from headrace import concurrency, task
    >>> @task
    ... def query(number: int) -> int:
    ...     with concurrency("database", slots=2):
    ...         return number * number
    >>> query.map([1, 2, 3]).result()
    [1, 4, 9]
    """

    def __init__(
        self,
        names: str | Iterable[str],
        slots: int | None = None,
        *,
        occupy: int = 1,
        timeout_seconds: float | None = None,
    ) -> None:
        _check_count("occupy", occupy)
        if slots is not None:
            _check_count("slots", slots)
        if slots is not None and occupy > slots:
            raise ValueError(f"occupy={occupy} is more than there is: slots={slots}")
        self._demand = {name: Claim(slots=occupy, most=slots) for name in _names(names)}
        self._timeout_seconds = timeout_seconds

    def __enter__(self) -> Self:
        _enter(self, *_take(self._demand, self._timeout_seconds))
        if noted.is_set:
            deliver()
        return self

    def __exit__(self, *_: object) -> None:
        _leave(self)

    async def __aenter__(self) -> Self:
        _enter(self, *await _take_on_loop(self._demand, self._timeout_seconds))
        return self

    async def __aexit__(self, *_: object) -> None:
        _leave(self)


def rate_limit(
    names: str | Iterable[str], *, occupy: int = 1, timeout_seconds: float | None = None
) -> Awaitable[None]:
    """Waits until one more may begin. Sync code blocks here; async code awaits it.

    ``headrace limits set NAME N --per second`` (or ``minute``, ``hour``) says how many may in all processes together; as
    long as nobody has said so, there is no limit. A bucket of N tokens is full at first and fills up evenly: N may begin
    at once, and N in each further period. ``occupy`` is how many this one counts for. Raises ``TimeoutError`` after
    ``timeout_seconds``, ``ValueError`` for more tokens than the bucket holds.

    >>> from headrace import flow, rate_limit
    >>> @flow
    ... def remind(names: list[str]) -> None:
    ...     for name in names:
    ...         rate_limit("mails")
    ...         print(f"Dear {name}")
    >>> remind(["Ada", "Grace"])
    Dear Ada
    Dear Grace
    """
    _check_count("occupy", occupy)
    demand = {name: Claim(tokens=occupy) for name in _names(names)}
    if is_async_here():
        return _pass_on_loop(demand, timeout_seconds)
    desk, lease = _take(demand, timeout_seconds)
    desk.end(lease)
    return DONE


async def _pass_on_loop(demand: Demand, timeout_seconds: float | None) -> None:
    desk, lease = await _take_on_loop(demand, timeout_seconds)
    desk.end(lease)


class _Done:
    """What sync code gets that has waited already. To await it changes nothing."""

    def __await__(self) -> Generator[Any, None, None]:
        return
        yield

    def __repr__(self) -> str:
        return "<done>"


DONE: Awaitable[None] = _Done()


def is_async_here() -> bool:
    """Whether the code that asks belongs to an async function: of a task, a flow, or whatever runs on this loop."""
    if running_loop() is None:
        return False
    scope: Any = current_scope.get()
    if scope is None:
        return True
    if scope.call is not None:
        return bool(scope.call.task.is_async)
    return bool(scope.flow.is_async)


# -- who is inside which block ---------------------------------------------------------------------

_Place = tuple[int, Any]
"""A thread, and an asyncio task of it or ``None``."""


class _Inside(NamedTuple):
    """Somebody is in a block, and holds its lease until it leaves."""

    block: concurrency
    desk: LeaseDesk
    lease: Lease


_inside: dict[_Place, list[_Inside]] = {}


def _place() -> _Place:
    if running_loop() is None:
        return get_ident(), None
    import asyncio

    return get_ident(), asyncio.current_task()


def _enter(block: concurrency, desk: LeaseDesk, lease: Lease) -> None:
    _inside.setdefault(_place(), []).append(_Inside(block, desk, lease))


def _leave(block: concurrency) -> None:
    """Give back what was taken last here, or else anywhere: an ``ExitStack`` may be closed by another thread."""
    here = _place()
    if not _give_back(block, here):
        any(_give_back(block, place) for place in list(_inside))


def _give_back(block: concurrency, place: _Place) -> bool:
    """Give back what was taken last in that place by this block, if there is something."""
    entered = _inside.get(place, [])
    for inside in reversed(entered):
        if inside.block is block:
            entered.remove(inside)
            if not entered:
                _inside.pop(place, None)
            inside.desk.end(inside.lease)
            return True
    return False


def _own(desk: LeaseDesk, scope: Any, *, blocks: bool) -> dict[str, int]:
    """How many slots of which limits are held here, and are not given back before the code here goes on.

    Who ``blocks`` a loop keeps all of its asyncio tasks from going on.
    """
    here = _place()
    thread, asyncio_task = here
    if blocks and asyncio_task is not None:
        places = [place for place in list(_inside) if place[0] == thread]
    else:
        places = list({here, (thread, None)})
    leases = [inside.lease for place in places for inside in _inside.get(place, ()) if inside.desk is desk]
    if scope is not None and scope.call is not None:
        leases += leases_by_tags(scope.call)
    own: dict[str, int] = {}
    for lease in leases:
        if lease.key is not None:  # what nobody had limited is counted nowhere
            for name, claim in lease.demand.items():
                own[name] = own.get(name, 0) + claim.slots
    return own


# -- waiting for a lease ---------------------------------------------------------------------------


@shielded
def _take(demand: Demand, timeout_seconds: float | None) -> tuple[LeaseDesk, Lease]:
    """A lease, once it is granted; it is given back if the wait is cut short."""
    desk, lease = _ask(demand, blocks=True)
    try:
        if not lease.is_done:
            loan = lend_slot(None)
            try:
                _wait(lease, timeout_seconds)
            finally:
                reclaim_slot(loan)
        _check(lease, timeout_seconds)
    except BaseException:
        desk.end(lease)
        raise
    return desk, lease


@calls_user_code  # it waits as long as user code may, and a Ctrl-C cuts it as short
def _wait(lease: Lease, timeout_seconds: float | None) -> None:
    if noted.is_set:
        deliver()
    gate = Gate(retrieves=False)
    lease.add_done_callback(gate)
    gate.wait(timeout_seconds)


async def _take_on_loop(demand: Demand, timeout_seconds: float | None) -> tuple[LeaseDesk, Lease]:
    import asyncio

    from headrace.loop_waits import LoopGate

    desk, lease = _ask(demand, blocks=False)
    gate = LoopGate(retrieves=False)
    lease.add_done_callback(gate)
    loan = lend_slot(None)
    try:
        await asyncio.wait([gate.waiter], timeout=timeout_seconds)
        _check(lease, timeout_seconds)
    except BaseException:
        desk.end(lease)
        raise
    finally:
        reclaim_slot(loan)
    return desk, lease


def _ask(demand: Demand, *, blocks: bool) -> tuple[LeaseDesk, Lease]:
    scope: Any = current_scope.get()
    if scope is not None and scope.driver.flow_run.is_on_worker:
        raise TaskRunnerError(
            f"Limit {', '.join(demand)}: task run {scope.call.display_name!r} executes on a remote worker, which does "
            "not reach the history. Give its task a tag, and set the limit on that: @task(tags=[...])"
        )
    history = default_history() if scope is None else scope.driver.history
    desk: LeaseDesk = history.lease_desk
    return desk, desk.ask(demand, _holder(scope), own=_own(desk, scope, blocks=blocks))


def _holder(scope: Any) -> str:
    if scope is None:
        import os

        return f"process {os.getpid()}"
    if scope.call is None:
        return str(scope.flow_run_id)
    return f"{scope.flow_run_id}/{scope.call.id}"


def _check(lease: Lease, timeout_seconds: float | None) -> None:
    if lease.error is not None:
        raise lease.error
    if not lease.is_done:
        names = ", ".join(lease.demand)
        raise TimeoutError(f"Limit {names}: no room within {timeout_seconds} s")


def _names(names: str | Iterable[str]) -> list[str]:
    try:
        listed: list[Any] = [names] if isinstance(names, str) else list(dict.fromkeys(names))
    except TypeError:  # not iterable, or holds what cannot be hashed
        listed = []
    if not listed or not all(isinstance(name, str) and name.strip() for name in listed):
        raise TypeError(f"{names!r}: give the name of a limit, or a list of names")
    return listed


def _check_count(option: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(f"{option}={value!r}: give a whole number, 1 or more")
