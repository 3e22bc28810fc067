"""Futures: handles on task runs and flow runs that have begun elsewhere.

A future is both: blocking code calls ``result()``, async code awaits it. It is also all that asyncio asks of
a coroutine, so ``gather``, ``create_task``, ``TaskGroup``, ``wait_for`` and ``run`` take it as one.
"""

from __future__ import annotations

import sys
from functools import cache, partial
from typing import TYPE_CHECKING, Any, Generic, NoReturn, TypeVar

from headrace.clock import current_clock
from headrace.dependencies import FutureLike
from headrace.engine.states import StateName
from headrace.errors import FutureMisuseError, HistoryError, WouldDeadlockError
from headrace.interrupts import deliver, noted, tell, untold
from headrace.slot_loans import lend_slot, reclaim_slot

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Callable, Coroutine, Generator, Mapping, Sequence
    from contextvars import Context
    from types import TracebackType
    from typing import Protocol

    from headrace.engine.states import Change, State
    from headrace.gathering import GatherGate
    from headrace.task_runners.call import Call, FlowRunOfCall

    class Source(Protocol):
        """The run that a future stands for."""

        is_done: bool
        is_elsewhere: bool
        has_completed: bool
        value: Any
        traceback: TracebackType | None

        @property
        def driver(self) -> FlowRunOfCall:
            """The driver of the flow run that it belongs to."""

        @property
        def state(self) -> State:
            """Where the run stands."""

        @property
        def display_name(self) -> str:
            """What a person calls the run."""

        def exception(self) -> BaseException | None:
            """What the run raised, once it has ended."""

        def mark_retrieved(self) -> None:
            """Somebody looks at how it failed."""

        def block(self, timeout: float | None = None, *, retrieves: bool = False) -> bool:
            """Wait until it has ended."""

        def add_done_callback(self, callback: Callable[[], None]) -> None:
            """Call back when it has ended."""

        def remove_done_callback(self, callback: Callable[[], None]) -> None:
            """Take a callback back."""


T_co = TypeVar("T_co", covariant=True)

if TYPE_CHECKING:
    AsCoroutine = Coroutine[Any, Any, T_co]
else:  # it has a coroutine's methods: that is all that asyncio asks
    AsCoroutine = Generic


class Future(FutureLike, AsCoroutine[T_co]):
    """What ``TaskFuture`` and ``FlowRunFuture`` have in common."""

    __slots__ = ("__weakref__", "_source", "_waits")

    _source: Source
    _waits: dict[Any, Generator[Any, None, T_co]]

    def __init__(self, source: Any) -> None:
        self._source = source

    # -- blocking ------------------------------------------------------------------------------

    def result(self, timeout: float | None = None) -> T_co:
        """The value of the run; waits for its end.

        Raises what the run raised, with its own traceback; ``TaskCancelled``, ``TaskCrashed`` or
        ``UpstreamFailedError`` if it has no value for another reason; the builtin ``TimeoutError`` if
        ``timeout`` seconds run out first; ``WouldDeadlockError`` on the event loop that the run needs.
        """
        source = self._source
        if source.has_completed:
            return source.value  # type: ignore[no-any-return]
        if not source.is_done:
            self._block(timeout, retrieves=True)
        return self._retrieve()

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """What the run raised, or ``None`` if it completed; waits for its end.

        Raises ``TimeoutError`` and ``WouldDeadlockError`` as ``result`` does.
        """
        source = self._source
        if not source.is_done:
            self._block(timeout, retrieves=True)
        error = source.exception()
        if error is not None:
            source.mark_retrieved()
        return error

    def wait(self, timeout: float | None = None) -> State | None:
        """The final state; ``None`` if ``timeout`` seconds run out first. Looks, and retrieves nothing."""
        source = self._source
        if not source.is_done:
            try:
                self._block(timeout, retrieves=False)
            except TimeoutError:
                return None
        return source.state

    @property
    def state(self) -> State:
        """Where the run stands now."""
        return self._source.state

    @property
    def name(self) -> str:
        """What a person calls the run."""
        return self._source.display_name

    def done(self) -> bool:
        """Whether the run has ended."""
        return self._source.is_done

    def _retrieve(self) -> T_co:
        source = self._source
        if source.has_completed:
            return source.value  # type: ignore[no-any-return]
        error = source.exception()
        assert error is not None
        source.mark_retrieved()
        raise error.with_traceback(source.traceback)

    def _block(self, timeout: float | None, *, retrieves: bool) -> None:
        """Wait in this thread, lending the slot that the running task run holds."""
        source = self._source
        self._refuse_deadlock()
        if untold:
            tell()
        loan = lend_slot(source)
        try:
            ended = source.block(timeout, retrieves=retrieves)
        finally:
            reclaim_slot(loan)
        if noted.is_set:
            deliver()
        if not ended:
            message = f"{source.display_name} has not ended within {timeout} s; it goes on ({source.state})"
            raise TimeoutError(message)

    def _refuse_deadlock(self) -> None:
        loop = running_loop()
        if loop is not None and self._needs(loop):
            message = (
                f"{self.name} has not ended, and it needs the event loop that this call would block: "
                f"await it instead"
            )
            raise WouldDeadlockError(message)

    def _needs(self, loop: Any) -> bool:
        """Whether the run needs that event loop to go on."""
        return self._source.driver.blocks(loop)

    # -- awaiting ------------------------------------------------------------------------------

    def __await__(self) -> Generator[Any, None, T_co]:
        if not self._source.is_done:
            yield from self._suspend()
        if self._source.is_elsewhere:
            yield from self._fetch()
        return self._retrieve()

    def _fetch(self) -> Generator[Any, None, None]:
        """Get the value from where it is, without blocking the loop."""
        import asyncio

        yield from asyncio.to_thread(getattr, self._source, "value").__await__()

    def _suspend(self) -> Generator[Any, None, None]:
        import asyncio

        from headrace.loop_waits import LoopGate

        gate = LoopGate(retrieves=True)
        self._source.add_done_callback(gate)
        loan = lend_slot(self._source)
        try:
            yield from gate.waiter
        except asyncio.CancelledError:
            self._source.remove_done_callback(gate)
            self.cancel()
            raise
        finally:
            reclaim_slot(loan)

    def send(self, value: None) -> Any:
        """Part of what asyncio asks of a coroutine."""
        asyncio_task = _current_asyncio_task()
        try:
            waits = self._waits
        except AttributeError:
            waits = self._waits = {}
        if asyncio_task not in waits:
            waits[asyncio_task] = self.__await__()
        try:
            return waits[asyncio_task].send(value)
        except BaseException:  # it has ended, with a value too: that is what StopIteration says
            del waits[asyncio_task]
            raise

    def throw(self, error: Any, *details: Any) -> Any:
        """Part of what asyncio asks of a coroutine."""
        waiting = getattr(self, "_waits", {}).pop(_current_asyncio_task(), None)
        if waiting is None:  # cancelled before the first step: nobody waits, and the run is to stop
            if isinstance(error, BaseException) and type(error).__name__ == "CancelledError":
                self.cancel()
            waiting = self.__await__()
        return waiting.throw(error, *details)

    def close(self) -> None:
        """Part of what asyncio asks of a coroutine."""

    def cancel(self) -> bool:
        """Cancel the run; ``False`` if it has ended. One that cannot be stopped goes on unheard."""
        raise NotImplementedError

    # -- in a notebook -------------------------------------------------------------------------

    def _repr_html_(self) -> str:
        """What a notebook shows of the run. Waits for nothing, and retrieves no failure."""
        from headrace.notebooks import run_html  # few scripts are notebooks
        from headrace.tracebacks import describe

        source: Any = self._source
        state = source.state
        error = source.exception() if source.is_done else None
        return run_html(
            source.display_name,
            state.name,
            state.type,
            seconds=_seconds_of(source.changes),
            task_runs=self._task_runs(),
            failure=None if error is None else describe(error),
        )

    def _task_runs(self) -> Mapping[str, int]:
        """How many task runs it has, by types of states."""
        return {}

    # -- misuse --------------------------------------------------------------------------------

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name} {self.state.name}>"

    def __reduce__(self) -> NoReturn:
        message = f"{self!r} cannot be pickled: pass it to a task as an argument, which receives its value"
        raise TypeError(message)

    def __format__(self, specification: str) -> str:
        return self._misused() if specification else repr(self)

    def _misused(self, *_: Any, **__: Any) -> NoReturn:
        message = f"{self!r} is a future, not its value: call .result() (or await it) to get the value"
        raise FutureMisuseError(message)

    def __bool__(self) -> bool:
        # Python >= 3.12 asks it of the coroutine of an asyncio task that it prints, and asyncio.run() prints one.
        if sys._getframe(1).f_globals.get("__name__") == "asyncio.base_tasks":
            return True
        return self._misused()

    if not TYPE_CHECKING:  # a type checker knows which attributes there are

        def __getattr__(self, name: str) -> NoReturn:
            kind = type(self).__name__
            message = f"{kind!r} object has no attribute {name!r}"
            if not name.startswith("_"):  # others are asked for by Python and asyncio, to see what this is
                message = f"{self!r} has no attribute {name!r}: it is a future, not its value: call .result() (or await it) to get the value"
            raise AttributeError(message, name=name, obj=self)

    __len__ = __iter__ = __getitem__ = __setitem__ = __delitem__ = __contains__ = _misused
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __matmul__ = __rmatmul__ = _misused
    __truediv__ = __rtruediv__ = __floordiv__ = __rfloordiv__ = __mod__ = __rmod__ = _misused
    __divmod__ = __rdivmod__ = __pow__ = __rpow__ = __lshift__ = __rlshift__ = __rshift__ = _misused
    __rrshift__ = __and__ = __rand__ = __or__ = __ror__ = __xor__ = __rxor__ = _misused
    __neg__ = __pos__ = __abs__ = __invert__ = __int__ = __float__ = __complex__ = __index__ = _misused
    __trunc__ = __bytes__ = __round__ = __lt__ = __le__ = __gt__ = __ge__ = __enter__ = __exit__ = (
        __call__
    ) = _misused


class TaskFuture(Future[T_co]):
    """A task run that was called, and the value that it will have.

    Pass it to another task, which then waits for it and receives the value; or call ``result()``, or await it.
    Using it as if it were its value raises ``FutureMisuseError``, a ``TypeError``.

    >>> from headrace import task
    >>> @task
    ... def double(number: int) -> int:
    ...     return 2 * number
    >>> double(21).result()
    42
    """

    __slots__ = ("_is_given_up",)

    _is_given_up: bool

    def cancel(self, **told_by_asyncio: object) -> bool:
        """Cancel the task run; ``False`` if it has ended.

        A run that has not begun never begins. One that executes is interrupted; what cannot be stopped within a
        few seconds goes on unheard, and what it returns is dropped.
        """
        call: Call = self._source  # type: ignore[assignment]
        if call.is_done:
            return False
        if told_by_asyncio:  # a message, which a person does not give: the `gather` around it is cancelled
            self._is_given_up = True
        call.driver.cancel(call)
        return True

    # -- as a child of asyncio.gather ----------------------------------------------------------

    _cancel_message = None

    @property
    def _asyncio_future_blocking(self) -> bool | None:
        """What asyncio knows its futures by: not ``None``. A coroutine, which this is to all but ``gather``, has none."""
        try:
            is_gathering = sys._getframe(3).f_code.co_name == "gather"
        except ValueError:
            return None
        return False if is_gathering else None

    def get_loop(self) -> AbstractEventLoop:
        """The event loop that runs in this thread: part of what ``gather`` asks."""
        import asyncio

        return asyncio.get_running_loop()

    def add_done_callback(self, callback: Callable[[Any], object], *, context: Context | None = None) -> None:
        """Call back on the running event loop when the run has ended: part of what ``gather`` asks."""
        self._source.add_done_callback(_gather_gate()(self, callback, context))

    def cancelled(self) -> bool:
        """Whether it ended since the ``gather`` around it was cancelled: part of what ``gather`` asks.

        A run that was cancelled for another reason raises ``TaskCancelled``.
        """
        return getattr(self, "_is_given_up", False) and self._source.state.name is StateName.CANCELLED

    def _make_cancelled_error(self) -> BaseException:
        import asyncio

        return asyncio.CancelledError()


@cache
def _gather_gate() -> type[GatherGate]:
    from headrace.gathering import GatherGate  # which imports asyncio

    return GatherGate


new_task_future = partial(object.__new__, TaskFuture)
"""A task future that has yet to be told its call: a third of the price of calling the class."""


class FlowRunFuture(Future[T_co]):
    """A flow run that ``flow.submit`` started, and the value that it will have.

    It has the methods of a ``TaskFuture``, and may be an argument of a task like one.

    >>> from headrace import flow
    >>> @flow
    ... def add(x: int, y: int) -> int:
    ...     return x + y
    >>> future = add.submit(1, 2)
    >>> future.result(), str(future.state)
    (3, 'Completed')
    """

    __slots__ = ()

    @property
    def flow_run_id(self) -> str:
        """The id under which the history knows the run."""
        source: Any = self._source
        return source.flow_run_id  # type: ignore[no-any-return]

    def _needs(self, loop: Any) -> bool:
        source: Any = self._source
        return source.needs(loop)  # type: ignore[no-any-return]

    def _task_runs(self) -> Mapping[str, int]:
        """As far as the history has them."""
        source: Any = self._source
        if source.driver is None:  # it has not begun
            return {}
        try:
            with source.driver.history.reader() as reader:
                counts: Mapping[str, int] = reader.get_run(source.flow_run_id).task_runs
        except HistoryError:
            return {}
        return counts

    def cancel(self) -> bool:
        """Cancel the flow run: nothing more starts, and all that runs is interrupted; ``False`` if it has ended."""
        source: Any = self._source
        if source.is_done:
            return False
        source.cancel()
        return True

    def answer(self, value: Any, *, prompt: str | None = None) -> None:
        """Answer the question for which the flow run is Paused; ``prompt`` says which, if there are several.

        Raises ``LookupError`` if it waits for no answer, ``ValueError`` for what is none.
        """
        source: Any = self._source
        source.answer(value, prompt)


def _seconds_of(changes: Sequence[Change]) -> float | None:
    """From its first state to its end, or until now."""
    if not changes:
        return None
    has_ended = changes[-1][0].type.is_terminal
    return ((changes[-1][1] if has_ended else current_clock().now_us()) - changes[0][1]) / 1e6


def running_loop() -> Any:
    """The event loop that runs in this thread, if one does."""
    asyncio = sys.modules.get("asyncio")
    try:
        return None if asyncio is None else asyncio._get_running_loop()
    except AttributeError:  # another thread is just importing it: no loop can run in this one
        return None


def _current_asyncio_task() -> Any:
    """Which asyncio task drives a future as if it were a coroutine: each has a wait of its own."""
    import asyncio

    return asyncio.current_task() if running_loop() is not None else None
