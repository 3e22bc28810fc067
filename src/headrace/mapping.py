"""``task.map``: one call an item."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, SupportsIndex, TypeVar, overload

from headrace.context import current_scope
from headrace.dependencies import FutureLike, FutureList, allow_failure, quote, unmapped
from headrace.errors import FutureMisuseError
from headrace.futures import running_loop
from headrace.history.results import is_plain_and_large

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from headrace.engine.states import State
    from headrace.futures import Future, TaskFuture
    from headrace.tasks import Task

R = TypeVar("R")


class MappedFutures(FutureList["TaskFuture[R]"], Generic[R]):
    """The futures of ``task.map``, in the order of the items.

    ``result()`` gives the list of their values, ``wait()`` that of their final states, and so does ``await``
    with the values. While a future among the mapped arguments has not ended, the list is not known; in an async
    flow it is then to be awaited before anything else.
    """

    _unfinished: tuple[Task[Any, R], tuple[Any, ...], dict[str, Any]] | None = None
    _called: Callable[[], object] | None = None

    def result(self, timeout: float | None = None) -> list[R]:
        """The values, in order. Waits for all; raises what the first failed one in that order raised."""
        self._require_begun()
        deadline = _Deadline(timeout)
        return [future.result(deadline.seconds_left()) for future in self]

    def wait(self, timeout: float | None = None) -> list[State | None]:
        """The final states, in order; ``None`` for those that have not ended in ``timeout`` seconds."""
        self._require_begun()
        deadline = _Deadline(timeout)
        return [future.wait(deadline.seconds_left()) for future in self]

    def __await__(self) -> Generator[Any, None, list[R]]:
        yield from self._begin()
        values = []
        for future in list.__iter__(self):
            value = yield from future.__await__()
            values.append(value)
        return values

    def _begin(self) -> Generator[Any, None, None]:
        if self._unfinished is None:
            return
        task, args, kwargs = self._unfinished
        known_args = []
        for value in args:
            known_args.append((yield from _value_when_done(value)))  # noqa: PERF401 - nor can a comprehension yield
        known_kwargs = {}
        for name, value in kwargs.items():
            known_kwargs[name] = yield from _value_when_done(value)
        self._unfinished = None
        if self._called is not None:
            self._called()
        waited_for = [value for value in (*args, *kwargs.values()) if isinstance(value, FutureLike)]
        self.extend(_call_each(task, tuple(known_args), known_kwargs, waited_for))

    def _require_begun(self) -> None:
        if self._unfinished is not None:
            message = (
                f"{self._unfinished[0].name}.map(...) waits for the list that it maps over: await it first"
            )
            raise FutureMisuseError(message)

    def __repr__(self) -> str:
        if self._unfinished is not None:
            return f"<{self._unfinished[0].name}.map(...), not called yet: await it>"
        return super().__repr__()

    def __iter__(self) -> Iterator[TaskFuture[R]]:
        self._require_begun()
        return super().__iter__()

    def __len__(self) -> int:
        self._require_begun()
        return super().__len__()

    @overload
    def __getitem__(self, index: SupportsIndex, /) -> TaskFuture[R]: ...
    @overload
    def __getitem__(self, index: slice, /) -> list[TaskFuture[R]]: ...
    def __getitem__(self, index: Any, /) -> Any:
        self._require_begun()
        return super().__getitem__(index)


def map_task(task: Task[Any, R], args: tuple[Any, ...], kwargs: dict[str, Any]) -> MappedFutures[R]:
    """The futures of one call an item."""
    futures: MappedFutures[R] = MappedFutures()
    waited_for = [value for value in (*args, *kwargs.values()) if isinstance(value, FutureLike)]
    if any(_must_be_awaited(future) for future in waited_for):
        futures._unfinished = (task, args, kwargs)
        scope: Any = current_scope.get()
        if scope is not None:  # the flow run warns at its end if nobody has awaited it by then
            futures._called = scope.driver.flow_run.note_unawaited_map(task.name)
        return futures
    known_args = tuple(_value_now(value) for value in args)
    known_kwargs = {name: _value_now(value) for name, value in kwargs.items()}
    futures.extend(_call_each(task, known_args, known_kwargs, waited_for))
    return futures


def _call_each(
    task: Task[Any, R], args: tuple[Any, ...], kwargs: dict[str, Any], waited_for: list[Any]
) -> list[TaskFuture[R]]:
    """One call for each item; the futures of the mapped lists are upstreams of all of them."""
    wait_for = [*waited_for]
    if not task._takes_wait_for and (given := kwargs.pop("wait_for", None)) is not None:
        wait_for.append(given)
    args = tuple([_sent_once(value) for value in args])
    kwargs = {name: _sent_once(value) for name, value in kwargs.items()}
    columns = [_column(value) for value in args]
    named_columns = {name: _column(value) for name, value in kwargs.items()}
    count = _common_length(task, args, columns, named_columns)
    order = {"wait_for": wait_for} if wait_for else {}
    return [
        task(
            *(
                value if column is None else column[row]
                for value, column in zip(_plain(args), columns, strict=True)
            ),
            **{
                name: _unwrapped(kwargs[name]) if column is None else column[row]
                for name, column in named_columns.items()
            },
            **order,
        )
        for row in range(count)
    ]


def _sent_once(value: Any) -> Any:
    """What every run receives whole is one and the same ``quote``, if it is large: so a cluster is sent it once."""
    return quote(value.value) if isinstance(value, unmapped) and is_plain_and_large(value.value) else value


def _plain(values: tuple[Any, ...]) -> list[Any]:
    return [_unwrapped(value) for value in values]


def _unwrapped(value: Any) -> Any:
    return value.value if isinstance(value, unmapped) else value


def _column(value: Any) -> list[Any] | None:
    """The items to map over; ``None`` for what every run receives whole."""
    if isinstance(value, unmapped | quote | FutureLike | str | bytes | bytearray):
        return None
    if isinstance(value, allow_failure):
        column = _column(value.value)
        return None if column is None else [allow_failure(item) for item in column]
    if isinstance(value, dict) or not hasattr(value, "__iter__"):
        return None
    return list(value)


def _common_length(
    task: Task[Any, Any],
    args: tuple[Any, ...],
    columns: list[list[Any] | None],
    named_columns: dict[str, list[Any] | None],
) -> int:
    names = [*task.argument_names[: len(args)], *(f"argument {n}" for n in range(len(args)))][: len(args)]
    lengths = {
        name: len(column)
        for name, column in [*zip(names, columns, strict=True), *named_columns.items()]
        if column is not None
    }
    if not lengths:
        message = f"{task.name}.map(...) was given nothing to map over: give a list, or call {task.name}(...)"
        raise ValueError(message)
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{name} has {length}" for name, length in lengths.items())
        raise ValueError(
            f"{task.name}.map(...) needs iterables of one length: {told}. Mark what all runs share with unmapped()"
        )
    return next(iter(lengths.values()))


def _must_be_awaited(value: FutureLike) -> bool:
    future: Future[Any] = value  # type: ignore[assignment]
    loop = None if future.done() else running_loop()
    return loop is not None and future._needs(loop)


def _value_now(value: Any) -> Any:
    """The list that a future stands for; anything else as it is."""
    if isinstance(value, FutureLike):
        future: Future[Any] = value  # type: ignore[assignment]
        return future.result()
    return value


def _value_when_done(value: Any) -> Generator[Any, None, Any]:
    if isinstance(value, FutureLike):
        future: Future[Any] = value  # type: ignore[assignment]
        return (yield from future.__await__())
    return value


class _Deadline:
    """A timeout that several waits share."""

    def __init__(self, seconds: float | None) -> None:
        import time

        self._clock = time.monotonic
        self._end = None if seconds is None else self._clock() + seconds

    def seconds_left(self) -> float | None:
        return None if self._end is None else max(self._end - self._clock(), 0.0)
