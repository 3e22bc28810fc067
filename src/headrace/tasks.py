"""Tasks: functions whose calls are tracked, ordered, retried and recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Concatenate, Generic, ParamSpec, TypeVar, overload

from headrace.context import current_scope
from headrace.engine.policies import NO_RETRIES, RetryPolicy
from headrace.engine.states import State, StateName
from headrace.functions import check_options, check_text, examine, is_bindable
from headrace.hooks import gather_hooks
from headrace.importable import found_by_name, leads_to
from headrace.logging import log_defect, print_capture
from headrace.naming import check_run_name, render_run_name
from headrace.parameters import Parameters

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
    from datetime import timedelta
    from typing import Protocol, Self, TypedDict, Unpack

    from headrace.cache_policies import CachePolicy, Caching, KeyMaker
    from headrace.child_runs import ChildRuns
    from headrace.futures import TaskFuture
    from headrace.history.serializers import Serializer
    from headrace.hooks import HookOption
    from headrace.mapping import MappedFutures
    from headrace.run_context import TaskRunContext
    from headrace.task_runners.call import Call
    from headrace.task_runners.remote.outpost import Outpost

    RetryCondition = Callable[["Task[Any, Any]", TaskRunContext, State], bool]
    RetryDelay = float | Sequence[float] | Callable[[int], float]

_scope = current_scope.get

P = ParamSpec("P")
P2 = ParamSpec("P2")
R = TypeVar("R")
V = TypeVar("V")

if TYPE_CHECKING:

    class TaskOptions(TypedDict, total=False):
        """What ``@task`` and ``with_options`` take, for type checkers: the options of ``Task``."""

        name: str | None
        description: str | None
        tags: Iterable[str]
        retries: int
        retry_delay_seconds: RetryDelay
        retry_jitter_factor: float
        retry_condition_fn: RetryCondition | None
        timeout_seconds: float | None
        persist_result: bool | None
        result_serializer: str | Serializer | None
        log_prints: bool | None
        task_run_name: str | Callable[[], str] | None
        cache_policy: CachePolicy | None
        cache_key_fn: Callable[[Any, dict[str, Any]], str | None] | None
        cache_expiration: timedelta | float | None
        refresh_cache: bool
        on_running: HookOption
        on_completion: HookOption
        on_failure: HookOption
        on_crashed: HookOption
        on_cancelled: HookOption


class TaskKind:
    """What tasks have in common that are one task with several options, or bound to several objects: name and code."""

    __slots__ = ("fn", "name")

    def __init__(self, name: str, fn: Callable[..., Any]) -> None:
        self.name = name
        self.fn = fn


class Task(Generic[P, R]):
    """A function whose calls become task runs. Made by ``@task``, whose options it takes.

    ``fn`` is the undecorated function, ``name`` what a person calls the task.

    >>> @task
    ... def double(number: int) -> int:
    ...     return 2 * number
    >>> double, double.fn(4)
    (<task double>, 8)
    """

    def __init__(
        self,
        fn: Callable[P, R],
        *,
        name: str | None = None,
        description: str | None = None,
        tags: Iterable[str] = (),
        retries: int = 0,
        retry_delay_seconds: RetryDelay = 0.0,
        retry_jitter_factor: float = 0.0,
        retry_condition_fn: RetryCondition | None = None,
        timeout_seconds: float | None = None,
        persist_result: bool | None = None,
        result_serializer: str | Serializer | None = None,
        log_prints: bool | None = None,
        task_run_name: str | Callable[[], str] | None = None,
        cache_policy: CachePolicy | None = None,
        cache_key_fn: Callable[[Any, dict[str, Any]], str | None] | None = None,
        cache_expiration: timedelta | float | None = None,
        refresh_cache: bool = False,
        on_running: HookOption = None,
        on_completion: HookOption = None,
        on_failure: HookOption = None,
        on_crashed: HookOption = None,
        on_cancelled: HookOption = None,
    ) -> None:
        anatomy = examine(fn, decorator="task")
        self.fn = fn
        self.anatomy = anatomy
        self.argument_names = anatomy.positional
        self.is_async = anatomy.is_async
        self.name = check_text("name", name) or anatomy.name
        self.kind = TaskKind(self.name, fn)
        self.description = description if description is not None else getattr(fn, "__doc__", None)
        self.tags = check_tags(tags)
        self.retry_policy, self._delay_fn = _check_retries(retries, retry_delay_seconds, retry_jitter_factor)
        if retry_condition_fn is not None and not callable(retry_condition_fn):
            raise TypeError(f"retry_condition_fn={retry_condition_fn!r} cannot be called")
        self.retry_condition_fn = retry_condition_fn
        self.asks_before_retry = retry_condition_fn is not None or self._delay_fn is not None
        self.timeout_seconds = check_timeout(timeout_seconds)
        self.persist_result = check_persistence(persist_result)
        self.result_serializer = check_serialization(result_serializer)
        self.keeps_otherwise = persist_result is not None or result_serializer is not None
        self.log_prints = log_prints
        if log_prints:
            print_capture.install()
        self.task_run_name = check_run_name("task_run_name", task_run_name, anatomy)
        self.cache_policy = cache_policy
        self.cache_key_fn = cache_key_fn
        self.cache_expiration = cache_expiration
        self.refresh_cache = refresh_cache
        self.caching: Caching | None = None
        if (
            cache_policy is not None
            or cache_key_fn is not None
            or cache_expiration is not None
            or refresh_cache
        ):
            from headrace.cache_policies import check_caching

            self.caching = check_caching(cache_policy, cache_key_fn, cache_expiration, refresh_cache, anatomy)
        self.needs_admission = self.caching is not None
        self._key_maker: KeyMaker | None = None
        self.hooks = gather_hooks(
            on_running=on_running,
            on_completion=on_completion,
            on_failure=on_failure,
            on_crashed=on_crashed,
            on_cancelled=on_cancelled,
        )
        self.has_hooks = bool(self.hooks)
        self.is_ordinary = not (
            self.is_async
            or self.tags
            or self.has_hooks
            or self.retry_policy.retries
            or self.keeps_otherwise
            or self.timeout_seconds is not None
            or self.needs_admission
        )
        self._takes_wait_for = "wait_for" in anatomy.parameters
        self.__doc__ = self.description
        self.__name__ = self.name
        self.__module__ = getattr(fn, "__module__", __name__)
        self.__qualname__ = getattr(fn, "__qualname__", self.name)

    # -- calling -------------------------------------------------------------------------------

    @overload
    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> TaskFuture[R]: ...
    @overload
    def __call__(self, *args: Any, **kwargs: Any) -> TaskFuture[R]: ...
    def __call__(self, *args: Any, **kwargs: Any) -> TaskFuture[R]:
        """Run the task beside you: its future, at once.

        Futures among the arguments are upstreams: the task starts when they are done, and receives their
        values. ``wait_for=[futures]`` orders without data. Outside a flow the run is one of its own, and is
        finished when the call returns (that of an async task on a running loop when it is awaited).

        What the function raises, its future raises, the ``TypeError`` for arguments that do not fit included.
        Raises ``WouldDeadlockError`` itself where the run could never end, and ``TypeError`` for a task or function in
        ``wait_for`` that was not called. ``task.submit(...)`` is the same call.
        """
        wait_for = None
        if kwargs and "wait_for" in kwargs and not self._takes_wait_for:
            from headrace.dependencies import check_wait_for  # few calls name what they wait for

            check_wait_for(wait_for := kwargs.pop("wait_for"))
        scope: Any = _scope()
        if scope is None:
            from headrace.lone_tasks import run_task_alone  # most are called in a flow

            return run_task_alone(self, args, kwargs, wait_for)  # type: ignore[no-any-return]
        return scope.driver.submit(self, args, kwargs, scope.call, wait_for)  # type: ignore[no-any-return]

    submit = __call__

    def map(self, *args: Any, **kwargs: Any) -> MappedFutures[R]:
        """Call the task once for each item of the iterables, which must be of one length: a list of futures.

        ``unmapped(value)`` marks what every run receives whole; so does anything that is not iterable, and
        text. A future of a list among the arguments is waited for first; in an async flow write
        ``await task.map(...)``. Raises ``ValueError`` when lengths differ, or when there is nothing to map over.

        >>> from headrace import flow, task, unmapped
        >>> @task
        ... def scale(number: int, factors: list[int]) -> int:
        ...     return number * sum(factors)
        >>> @flow
        ... def scaled() -> list[int]:
        ...     return scale.map([1, 2, 3], unmapped([5, 5])).result()
        >>> scaled()
        [10, 20, 30]
        """
        from headrace.mapping import map_task

        return map_task(self, args, kwargs)

    # -- variants ------------------------------------------------------------------------------

    def with_options(self, **options: Unpack[TaskOptions]) -> Self:
        """A copy with some options changed. Raises ``TypeError`` for an option that does not exist.

        >>> @task
        ... def load() -> None: ...
        >>> load.with_options(name="load again", retries=3)
        <task load again>
        """
        check_options(Task, options, decorator="task")  # type: ignore[arg-type]
        kept = self._options()
        if "cache_policy" in options or "cache_key_fn" in options:  # the one takes the other's place
            kept["cache_policy"] = kept["cache_key_fn"] = None
        copy = type(self)(self.fn, **{**kept, **options})
        if copy.name == self.name:
            copy.kind = self.kind
        return copy

    def _options(self) -> dict[str, Any]:
        policy = self.retry_policy
        return {
            "name": self.name,
            "description": self.description,
            "tags": self.tags,
            "retries": policy.retries,
            "retry_delay_seconds": self._delay_fn or policy.delays_seconds,
            "retry_jitter_factor": policy.jitter_factor,
            "retry_condition_fn": self.retry_condition_fn,
            "timeout_seconds": self.timeout_seconds,
            "persist_result": self.persist_result,
            "result_serializer": self.result_serializer,
            "log_prints": self.log_prints,
            "task_run_name": self.task_run_name,
            "cache_policy": self.cache_policy,
            "cache_key_fn": self.cache_key_fn,
            "cache_expiration": self.cache_expiration,
            "refresh_cache": self.refresh_cache,
            **self.hooks._asdict(),
        }

    @overload
    def __get__(self, instance: None, owner: Any = None) -> Self: ...
    @overload
    def __get__(self: Task[Concatenate[Any, P2], R], instance: object, owner: Any = None) -> Task[P2, R]: ...
    @overload
    def __get__(self, instance: object, owner: Any = None) -> Self: ...
    def __get__(self, instance: Any, owner: Any = None) -> Any:
        """The task of a method, bound to its object as a function would be."""
        if not is_bindable(self.fn, instance):
            return self
        bound = object.__new__(type(self))
        bound.__dict__.update(self.__dict__)
        bound.fn = self.fn.__get__(instance, owner)
        bound._key_maker = None
        bound.anatomy = examine(bound.fn, decorator="task")
        bound.argument_names = bound.anatomy.positional
        return bound

    def __repr__(self) -> str:
        return f"<task {self.name}>"

    def __reduce__(self) -> tuple[Any, ...]:
        """A task travels as its function would: by its name where that leads to it, else whole."""
        if leads_to(self.__module__, self.__qualname__) is self:
            return found_by_name, (self.__module__, self.__qualname__)
        return make_task, (self.fn, self._options())

    def __stable_key__(self) -> object:
        """In a stable key, a task counts as its function does: its options change how it runs, not what it gives."""
        return (self.name, self.fn)

    # -- what a remote worker asks ---------------------------------------------------------------

    def for_workers(self) -> Self:
        """A copy without what the flow's process decides: retries, the cache, hooks."""
        return self.with_options(
            retries=0,
            retry_delay_seconds=0.0,
            retry_jitter_factor=0.0,
            retry_condition_fn=None,
            cache_policy=None,
            cache_expiration=None,
            refresh_cache=False,
            timeout_seconds=None,
            on_running=None,
            on_completion=None,
            on_failure=None,
            on_crashed=None,
            on_cancelled=None,
        )

    def open_children(self, outpost: Outpost) -> ChildRuns:
        """Who decides about the tasks that an attempt calls on a remote worker."""
        from headrace.child_runs import ChildRuns

        return ChildRuns(outpost)

    # -- what a task run asks ------------------------------------------------------------------

    def name_run(self, call: Call, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str | None:
        """What ``task_run_name`` gives for these arguments; ``None``, and a line in the log, if it cannot."""
        option = self.task_run_name
        if option is None:
            return None
        try:
            arguments = {}
            if isinstance(option, str):
                arguments = Parameters(self.fn, self.anatomy).bind(args, dict(kwargs))
            return render_run_name(option, arguments)
        except Exception as error:
            log_defect(f"task_run_name of {call.display_name} raised, so the run keeps this name", error)
            return None

    def cache_key(self, call: Call, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str | None:
        """What the call has in common with those that may be given its value; ``None`` if it is not cached."""
        maker = self._key_maker
        if maker is None:
            from headrace.cache_policies import KeyMaker

            assert self.caching is not None
            maker = self._key_maker = KeyMaker(self, self.caching.policy)
        return maker.key_of(call, args, kwargs)

    def wants_retry(self, call: Call, error: BaseException) -> bool:
        """What ``retry_condition_fn`` says of this failure."""
        if self.retry_condition_fn is None:
            return True
        from headrace.run_context import context_of_call
        from headrace.tracebacks import describe

        state = State(StateName.FAILED, call.driver.now_us(), describe(error))
        return bool(self.retry_condition_fn(self, context_of_call(call), state))

    def retry_delays(self, call: Call) -> RetryPolicy:
        """The policy that gives the delay before the next attempt."""
        if self._delay_fn is None:
            return self.retry_policy
        return self.retry_policy._replace(delays_seconds=(float(self._delay_fn(call.number)),))


class AsyncTask(Task[P, R]):
    """A task of a coroutine function; its calls give the same futures."""

    fn: Callable[P, Coroutine[Any, Any, R]]  # type: ignore[assignment]

    if TYPE_CHECKING:

        @overload
        def __get__(self, instance: None, owner: Any = None) -> Self: ...
        @overload
        def __get__(
            self: AsyncTask[Concatenate[Any, P2], R], instance: object, owner: Any = None
        ) -> AsyncTask[P2, R]: ...
        @overload
        def __get__(self, instance: object, owner: Any = None) -> Self: ...
        def __get__(self, instance: Any, owner: Any = None) -> Any: ...


@overload
def task(  # type: ignore[overload-overlap]  # a future has a coroutine's methods, but is a value here
    fn: Callable[P, TaskFuture[V]], /, **options: Unpack[TaskOptions]
) -> Task[P, TaskFuture[V]]: ...
@overload
def task(fn: Callable[P, Coroutine[Any, Any, R]], /, **options: Unpack[TaskOptions]) -> AsyncTask[P, R]: ...
@overload
def task(fn: Callable[P, R], /, **options: Unpack[TaskOptions]) -> Task[P, R]: ...
@overload
def task(**options: Unpack[TaskOptions]) -> TaskDecorator: ...
def task(fn: Any = None, /, **options: Any) -> Any:
    """Make a function a task. ``@task`` or ``@task(option=...)``.

    ``name``, ``description``, ``tags``: what a person sees. ``retries``: how often a failed run is tried
    again. ``retry_delay_seconds``: a number, a list with one entry a retry, or a function of the number of
    the attempt that failed (from 1). ``retry_jitter_factor``: stretches each delay by a random share of itself,
    up to this factor. ``retry_condition_fn(task, run, state)``: whether a failure is worth a retry.
    ``timeout_seconds``: how long an attempt may execute, before it is stopped and counts as failed.
    ``persist_result``: ``True`` keeps results of any size, those larger than 1 MiB in files; ``False`` none; the default, that
    of the flow, is those up to 1 MiB. ``result_serializer``: ``"pickle"``, ``"json"``, ``"arrow"``, or an object with ``name``,
    ``dump`` and ``load``. ``log_prints``: keep what it prints in the history. ``task_run_name``: a template over the parameters, such
    as ``"clean-{month}"``, or a function without parameters. ``on_running``, ``on_completion``, ``on_failure``,
    ``on_crashed``, ``on_cancelled``: hooks, called as ``hook(task, run, state)``. ``cache_policy``: what has to be the
    same for a call to be given what another one gave, in whatever run and process, such as ``INPUTS + TASK_SOURCE``;
    ``cache_key_fn(context, parameters)``: a function that says so by a text. ``cache_expiration``: for how long, as a
    ``timedelta`` or in seconds. ``refresh_cache``: calls are executed, and give others a new value.

    Raises ``TypeError`` for a generator function and for what is no function, ``ValueError`` for an option out
    of range.

    >>> @task(retries=2)
    ... def add(x: int, y: int) -> int:
    ...     return x + y
    >>> add(1, 2).result()
    3
    """
    if options:
        check_options(Task, options, decorator="task")
    if fn is None:
        return lambda function: make_task(function, options)
    return make_task(fn, options)


def make_task(fn: Any, options: dict[str, Any]) -> Task[Any, Any]:
    """The task of a function, of the class that its kind asks for."""
    kind: type[Task[Any, Any]] = AsyncTask if examine(fn, decorator="task").is_async else Task
    return kind(fn, **options)


if TYPE_CHECKING:

    class TaskDecorator(Protocol):
        """What ``task(option=...)`` gives."""

        @overload
        def __call__(  # type: ignore[overload-overlap]  # as above
            self, fn: Callable[P, TaskFuture[V]], /
        ) -> Task[P, TaskFuture[V]]: ...
        @overload
        def __call__(self, fn: Callable[P, Coroutine[Any, Any, R]], /) -> AsyncTask[P, R]: ...
        @overload
        def __call__(self, fn: Callable[P, R], /) -> Task[P, R]: ...


def check_tags(tags: Iterable[str]) -> tuple[str, ...]:
    """The tags, each once, in order. Raises ``TypeError`` for what is no text."""
    if isinstance(tags, str):
        raise TypeError(f"tags={tags!r}: give a list of texts, such as tags=[{tags!r}]")
    checked = tuple(dict.fromkeys(tags))
    if not all(isinstance(tag, str) for tag in checked):
        raise TypeError(f"tags={checked!r}: every tag must be a text")
    return checked


def check_persistence(persist_result: Any) -> bool | None:
    """The option as it is. Raises ``TypeError`` for what is neither a truth value nor ``None``."""
    if persist_result is not None and not isinstance(persist_result, bool):
        raise TypeError(f"persist_result={persist_result!r}: give True, False or None")
    return persist_result


def check_serialization(result_serializer: Any) -> Serializer | None:
    """The serializer that the option stands for. Raises ``ValueError`` or ``TypeError`` if there is none such."""
    if result_serializer is None:
        return None
    from headrace.history.serializers import check_serializer  # few tasks need it

    return check_serializer(result_serializer)


def _check_retries(
    retries: Any, delay: RetryDelay, jitter_factor: float
) -> tuple[RetryPolicy, Callable[[int], float] | None]:
    if jitter_factor < 0:
        raise ValueError(f"retry_jitter_factor={jitter_factor!r}: give a number, 0 or more")
    if callable(delay):
        return check_retries(retries, 0.0)._replace(jitter_factor=jitter_factor), delay
    policy = check_retries(retries, delay)
    return (policy._replace(jitter_factor=jitter_factor) if jitter_factor else policy), None


def check_retries(retries: Any, delay: float | Sequence[float]) -> RetryPolicy:
    """The policy of a flow or a task. Raises ``ValueError`` for what is out of range."""
    if not isinstance(retries, int) or retries < 0:
        raise ValueError(f"retries={retries!r}: give a whole number, 0 or more")
    delays = _as_seconds(delay)
    if not delays or any(not item >= 0 for item in delays):
        raise ValueError(f"retry_delay_seconds={delay!r}: give seconds, 0 or more, or a list of such")
    return NO_RETRIES if retries == 0 and delays == (0.0,) else RetryPolicy(retries, delays)


def check_timeout(seconds: Any) -> float | None:
    """The timeout, if there is one. Raises ``ValueError`` unless it is a number above 0."""
    is_number = isinstance(seconds, int | float) and not isinstance(seconds, bool)
    if seconds is not None and not (is_number and 0 < seconds < float("inf")):
        raise ValueError(f"timeout_seconds={seconds!r}: give a number above 0, or None for no timeout")
    return seconds  # type: ignore[no-any-return]


def _as_seconds(delay: float | Sequence[float]) -> tuple[float, ...]:
    """The delays, one or several; none if they are no numbers."""
    if isinstance(delay, str | bytes):  # whose letters would be numbers of their own
        return ()
    try:
        return tuple(float(item) for item in ((delay,) if isinstance(delay, int | float) else delay))
    except (TypeError, ValueError):
        return ()
