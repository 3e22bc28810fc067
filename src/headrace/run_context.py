"""What code inside a run can know of it: ``get_run_context()``, and what hooks and retry conditions receive."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from headrace.context import current_scope

if TYPE_CHECKING:
    from headrace.task_runners.call import Call


class FlowRunContext(NamedTuple):
    """A flow run. ``parameters`` are the values its function was called with.

    >>> from headrace import FlowRunContext, flow
    >>> def tell(flow, run: FlowRunContext, state) -> None:
    ...     print(run.flow_name, run.parameters, state)
    >>> @flow(on_completion=tell)
    ... def greet(name: str) -> str:
    ...     return f"Hello, {name}"
    >>> greet("Ada")
    greet {'name': 'Ada'} Completed
    'Hello, Ada'
    """

    flow_run_id: str
    flow_name: str
    flow_run_name: str
    tags: tuple[str, ...]
    parameters: dict[str, Any]

    @property
    def display_name(self) -> str:
        """What a person calls the run."""
        return self.flow_run_name

    # Declared, so that what `get_run_context()` gives inside a task need not be told from this.

    @property
    def task_run_id(self) -> NoReturn:
        """Not of a flow run: raises ``AttributeError``, as the other three."""
        _raise_known_in_a_task("task_run_id")

    @property
    def task_name(self) -> NoReturn:  # noqa: D102
        _raise_known_in_a_task("task_name")

    @property
    def task_run_name(self) -> NoReturn:  # noqa: D102
        _raise_known_in_a_task("task_run_name")

    @property
    def attempt(self) -> NoReturn:  # noqa: D102
        _raise_known_in_a_task("attempt")


def _raise_known_in_a_task(name: str) -> NoReturn:
    raise AttributeError(f"a flow run has no {name}: that is known inside a task")


class TaskRunContext(NamedTuple):
    """A task run. ``task_run_id`` counts from 1 inside its flow run, ``attempt`` from 1 inside the task run.

    >>> from headrace import TaskRunContext, task
    >>> def is_early(task, run: TaskRunContext, state) -> bool:
    ...     return run.attempt < 3
    >>> @task(retries=9, retry_condition_fn=is_early)
    ... def ask() -> None:
    ...     raise ConnectionError(get_run_context().attempt)
    >>> ask().exception()
    ConnectionError(3)
    """

    flow_run_id: str
    flow_name: str
    flow_run_name: str
    task_run_id: int
    task_name: str
    task_run_name: str
    attempt: int
    tags: tuple[str, ...]

    @property
    def display_name(self) -> str:
        """What a person calls the run."""
        return self.task_run_name

    @property
    def parameters(self) -> NoReturn:
        """Not of a task run: raises ``AttributeError``."""
        raise AttributeError(
            "a task run has no parameters in its context: they are the arguments of its function"
        )


def get_run_context() -> FlowRunContext | TaskRunContext:
    """The run that this code belongs to: a ``TaskRunContext`` inside a task, else a ``FlowRunContext``.

    Raises ``RuntimeError`` outside a run.

    >>> from headrace import flow, get_run_context
    >>> @flow
    ... def who_am_i() -> str:
    ...     return get_run_context().flow_name
    >>> who_am_i()
    'who_am_i'
    """
    scope: Any = current_scope.get()
    if scope is None:
        raise RuntimeError("get_run_context() was called outside a flow or task run")
    if scope.call is not None:
        return context_of_call(scope.call)
    context: FlowRunContext = scope.context
    return context


def context_of_call(call: Call) -> TaskRunContext:
    """A task run, as its hooks and conditions see it."""
    flow_run: Any = call.driver.flow_run
    return TaskRunContext(
        call.flow_run_id,
        flow_run.flow_name,
        flow_run.name,
        call.id,
        call.task.name,
        call.display_name,
        max(call.number, 1),
        call.tags,
    )
