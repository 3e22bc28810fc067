"""Flows: functions in which tasks are called, and whose runs end when all of them have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Concatenate, Generic, ParamSpec, TypeVar, overload

from headrace.errors import HeadraceError
from headrace.functions import check_options, check_text, examine, is_bindable
from headrace.hooks import gather_hooks
from headrace.importable import found_by_name, leads_to
from headrace.naming import check_run_name
from headrace.parameters import Parameters
from headrace.task_runners import ConcurrentTaskRunner, TaskRunner
from headrace.tasks import check_persistence, check_retries, check_serialization, check_tags, check_timeout

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable, Sequence
    from typing import Protocol, TypedDict, Unpack

    from headrace.flow_runs import FlowRun
    from headrace.futures import FlowRunFuture, TaskFuture
    from headrace.history.serializers import Serializer
    from headrace.hooks import HookOption

P = ParamSpec("P")
P2 = ParamSpec("P2")
R_co = TypeVar("R_co", covariant=True)
T = TypeVar("T")

if TYPE_CHECKING:

    class FlowOptions(TypedDict, total=False):
        """What ``@flow`` and ``with_options`` take, for type checkers: the options of ``Flow``."""

        name: str | None
        description: str | None
        version: str | None
        task_runner: TaskRunner | type[TaskRunner] | None
        retries: int
        retry_delay_seconds: float | Sequence[float]
        timeout_seconds: float | None
        validate_parameters: bool
        persist_result: bool | None
        result_serializer: str | Serializer | None
        log_prints: bool
        flow_run_name: str | Callable[[], str] | None
        tags: Iterable[str]
        on_running: HookOption
        on_completion: HookOption
        on_failure: HookOption
        on_crashed: HookOption
        on_cancelled: HookOption


class Flow(Generic[P, R_co]):
    """A function whose calls become flow runs. Made by ``@flow``, whose options it takes.

    ``fn`` is the undecorated function, ``name`` what a person calls the flow. Calling the flow of a coroutine
    function gives a coroutine.

    >>> @flow
    ... def add(x: int, y: int) -> int:
    ...     return x + y
    >>> add, add(1, 2), add.fn(3, 4)
    (<flow add>, 3, 7)
    """

    kind = "flow"

    def __init__(
        self,
        fn: Callable[P, R_co],
        *,
        name: str | None = None,
        description: str | None = None,
        version: str | None = None,
        task_runner: TaskRunner | type[TaskRunner] | None = None,
        retries: int = 0,
        retry_delay_seconds: float | Sequence[float] = 0.0,
        timeout_seconds: float | None = None,
        validate_parameters: bool = True,
        persist_result: bool | None = None,
        result_serializer: str | Serializer | None = None,
        log_prints: bool = False,
        flow_run_name: str | Callable[[], str] | None = None,
        tags: Iterable[str] = (),
        on_running: HookOption = None,
        on_completion: HookOption = None,
        on_failure: HookOption = None,
        on_crashed: HookOption = None,
        on_cancelled: HookOption = None,
    ) -> None:
        anatomy = examine(fn, decorator="flow")
        self.fn = fn
        self.anatomy = anatomy
        self.is_async = anatomy.is_async
        self.name = check_text("name", name) or anatomy.name
        self.description = description if description is not None else getattr(fn, "__doc__", None)
        self.version = version
        self.task_runner = check_task_runner(task_runner)
        self.retry_policy = check_retries(retries, retry_delay_seconds)
        self.timeout_seconds = check_timeout(timeout_seconds)
        self.validate_parameters = validate_parameters
        self.persist_result = check_persistence(persist_result)
        self.result_serializer = check_serialization(result_serializer)
        self.log_prints = log_prints
        self.flow_run_name = check_run_name("flow_run_name", flow_run_name, anatomy)
        self.tags = check_tags(tags)
        self.hooks = gather_hooks(
            on_running=on_running,
            on_completion=on_completion,
            on_failure=on_failure,
            on_crashed=on_crashed,
            on_cancelled=on_cancelled,
        )
        self.parameters = Parameters(fn, anatomy)
        self.__doc__ = self.description
        self.__name__ = self.name
        self.__module__ = getattr(fn, "__module__", __name__)
        self.__qualname__ = getattr(fn, "__qualname__", self.name)

    # Futures in the function's value are replaced by theirs: told here for one, and for a list of them.
    @overload
    def __call__(self: Flow[Any, TaskFuture[T]], *args: object, **kwargs: object) -> T: ...
    @overload
    def __call__(self: Flow[Any, list[TaskFuture[T]]], *args: object, **kwargs: object) -> list[T]: ...
    @overload
    def __call__(
        self: Flow[Any, Coroutine[Any, Any, TaskFuture[T]]], *args: object, **kwargs: object
    ) -> Coroutine[Any, Any, T]: ...
    @overload
    def __call__(
        self: Flow[Any, Coroutine[Any, Any, list[TaskFuture[T]]]], *args: object, **kwargs: object
    ) -> Coroutine[Any, Any, list[T]]: ...
    @overload
    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co: ...
    @overload
    def __call__(self, *args: Any, **kwargs: Any) -> R_co: ...
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the flow: its function's value, futures inside it replaced by theirs.

        It ends when all its task runs have, and their history is on disk. Raises what the function raised;
        ``TaskFailures`` for failures of task runs that nobody retrieved; ``ParameterError`` for arguments that
        do not fit the annotations; ``TypeError`` for arguments that the function does not take.
        """
        from headrace.flow_runs import (
            FlowRun,  # half of what there is to load: not for who only imports flows
        )

        return self._conduct(FlowRun(self, self.parameters.bind(args, kwargs)))

    def _conduct(self, run: FlowRun) -> Any:
        if self.is_async:
            from headrace.async_conduct import conduct_async

            coroutine: Any = conduct_async(run)
            coroutine.__name__ = coroutine.__qualname__ = self.name  # so Python calls it if nobody awaits it
            return coroutine
        from headrace.flow_runs import conduct_sync

        return conduct_sync(run)

    @overload
    def submit(
        self: Flow[Any, TaskFuture[T] | Coroutine[Any, Any, TaskFuture[T]]], *args: object, **kwargs: object
    ) -> FlowRunFuture[T]: ...
    @overload
    def submit(
        self: Flow[Any, list[TaskFuture[T]] | Coroutine[Any, Any, list[TaskFuture[T]]]],
        *args: object,
        **kwargs: object,
    ) -> FlowRunFuture[list[T]]: ...
    @overload
    def submit(
        self: Flow[P, Coroutine[Any, Any, T]], *args: P.args, **kwargs: P.kwargs
    ) -> FlowRunFuture[T]: ...
    @overload
    def submit(self: Flow[P, Coroutine[Any, Any, T]], *args: Any, **kwargs: Any) -> FlowRunFuture[T]: ...
    @overload
    def submit(self, *args: P.args, **kwargs: P.kwargs) -> FlowRunFuture[R_co]: ...
    @overload
    def submit(self, *args: Any, **kwargs: Any) -> FlowRunFuture[R_co]: ...
    def submit(self, *args: Any, **kwargs: Any) -> Any:
        """Start a flow run beside you: its future, at once.

        A sync flow runs in a thread of its own, an async one on the running loop, or on the background loop if
        none runs. Inside a flow it is a subflow: the flow waits for it, and its failure must be retrieved.
        """
        from headrace.flow_runs import FlowRun
        from headrace.submitting import start_beside

        return start_beside(FlowRun(self, self.parameters.bind(args, kwargs)))

    def resume(
        self,
        run_id: str,
        /,
        *,
        rerun: Iterable[str] = (),
        take_over: bool = False,
        **parameters: Any,
    ) -> Any:
        """Go on with an earlier run of this flow, under its id: what completed is replayed, the rest runs.

        ``run_id`` is an id, its beginning, or a run's name. ``rerun`` names task runs that are executed again though they
        completed, as ``"fetch[3]"``, or ``"fetch"`` for all of a task. ``take_over`` takes the run from a process that
        is still there. ``parameters`` take the place of recorded ones. Of a coroutine function it gives a coroutine.

        Gives and raises what a call does; besides ``RunNotFoundError``, ``RunUnderWayError`` for a run whose process is
        still there, and ``ResumeError`` if arguments are lacking.

        >>> from headrace import flow, task
        >>> has_network = False
        >>> @task
        ... def fetch() -> str:
        ...     if not has_network:
        ...         raise ConnectionError("no network")
        ...     return "page"
        >>> @flow
        ... def report() -> str:
        ...     return fetch().result()
        >>> future = report.submit()
        >>> type(future.exception()).__name__
        'ConnectionError'
        >>> has_network = True
        >>> report.resume(future.flow_run_id)
        'page'
        """
        from headrace.resuming import resumed_run
        from headrace.tracebacks import hide_engine_frames

        try:
            run = resumed_run(self, run_id, rerun=tuple(rerun), takes_over=take_over, given=parameters)
            return self._conduct(run)
        except HeadraceError as error:
            hide_engine_frames(error)
            raise

    def with_options(self, **options: Unpack[FlowOptions]) -> Flow[P, R_co]:
        """A copy with some options changed. Raises ``TypeError`` for an option that does not exist.

        >>> from headrace.task_runners import SequentialTaskRunner
        >>> @flow
        ... def report() -> None: ...
        >>> report.with_options(name="slow report", task_runner=SequentialTaskRunner())
        <flow slow report>
        """
        check_options(Flow, options, decorator="flow")  # type: ignore[arg-type]
        return Flow(self.fn, **{**self._options(), **options})

    def _options(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "description": self.description,
            "version": self.version,
            "task_runner": self.task_runner,
            "retries": self.retry_policy.retries,
            "retry_delay_seconds": self.retry_policy.delays_seconds,
            "timeout_seconds": self.timeout_seconds,
            "validate_parameters": self.validate_parameters,
            "persist_result": self.persist_result,
            "result_serializer": self.result_serializer,
            "log_prints": self.log_prints,
            "flow_run_name": self.flow_run_name,
            "tags": self.tags,
            **self.hooks._asdict(),
        }

    @overload
    def __get__(self, instance: None, owner: Any = None) -> Flow[P, R_co]: ...
    @overload
    def __get__(
        self: Flow[Concatenate[Any, P2], R_co], instance: object, owner: Any = None
    ) -> Flow[P2, R_co]: ...
    @overload
    def __get__(self, instance: object, owner: Any = None) -> Flow[P, R_co]: ...
    def __get__(self, instance: Any, owner: Any = None) -> Any:
        """The flow of a method, bound to its object as a function would be."""
        if not is_bindable(self.fn, instance):
            return self
        return Flow(self.fn.__get__(instance, owner), **self._options())

    def __repr__(self) -> str:
        return f"<flow {self.name}>"

    def __stable_key__(self) -> object:
        """In a stable key, a flow counts as its function does."""
        return (self.name, self.fn)

    def __reduce__(self) -> tuple[Any, ...]:
        """A flow travels by its name where that leads to it, else whole, but for its task runner and its hooks."""
        if leads_to(self.__module__, self.__qualname__) is self:
            return found_by_name, (self.__module__, self.__qualname__)
        options = {**self._options(), **dict.fromkeys(self.hooks._fields), "task_runner": None}
        return _make_flow, (self.fn, options)


def _make_flow(fn: Any, options: dict[str, Any]) -> Flow[Any, Any]:
    return Flow(fn, **options)


@overload
def flow(fn: Callable[P, R_co], /, **options: Unpack[FlowOptions]) -> Flow[P, R_co]: ...
@overload
def flow(**options: Unpack[FlowOptions]) -> FlowDecorator: ...
def flow(fn: Any = None, /, **options: Any) -> Any:
    """Make a function a flow. ``@flow`` or ``@flow(option=...)``.

    ``name``, ``description``, ``version``, ``tags``: what a person sees. ``task_runner``: how its tasks are
    executed (default ``ConcurrentTaskRunner()``). ``retries``: how often it is called again after a failure, as a resume
    in memory: what completed is not executed once more. ``retry_delay_seconds``: a number, or a list with one entry a
    retry. ``timeout_seconds``: how long a run, and each retry of it, may take, before it is stopped and all that it has
    called. ``validate_parameters``: check and coerce arguments against annotations. ``persist_result``,
    ``result_serializer``: how its own result is kept, and those of its tasks that do not say so themselves.
    ``log_prints``: keep in the history what it and its tasks print. ``flow_run_name``: a template
    over the parameters, such as ``"report-{month}"``, or a function without parameters. ``on_running``,
    ``on_completion``, ``on_failure``, ``on_crashed``, ``on_cancelled``: hooks, called as ``hook(flow, run, state)``.

    Raises ``TypeError`` for a generator function and for what is no function.

    >>> @flow
    ... def greet(name: str) -> str:
    ...     return f"Hello, {name}"
    >>> greet("Ada")
    'Hello, Ada'
    """
    if options:
        check_options(Flow, options, decorator="flow")
    if fn is None:
        return lambda function: Flow(function, **options)
    return Flow(fn, **options)


if TYPE_CHECKING:

    class FlowDecorator(Protocol):
        """What ``flow(option=...)`` gives."""

        def __call__(self, fn: Callable[P, R_co], /) -> Flow[P, R_co]:
            """The flow of a function, with these options."""


def check_task_runner(task_runner: Any) -> TaskRunner:
    """The task runner of a flow. Raises ``TypeError`` for anything else."""
    if task_runner is None:
        return ConcurrentTaskRunner()
    if isinstance(task_runner, type) and issubclass(task_runner, TaskRunner):
        return task_runner()
    if not isinstance(task_runner, TaskRunner):
        raise TypeError(f"task_runner={task_runner!r}: give a task runner, such as ConcurrentTaskRunner()")
    return task_runner
