"""What code inside a run can know of it: ``get_run_context()``, and what hooks and retry conditions receive."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from headrace.context import current_scope

if TYPE_CHECKING:
    from headrace.task_runners.call import Call


class FlowRunContext(NamedTuple):
    """A flow run. ``parameters`` are the values its function was called with."""

    flow_run_id: str
    flow_name: str
    flow_run_name: str
    tags: tuple[str, ...]
    parameters: dict[str, Any]

    @property
    def display_name(self) -> str:
        """What a person calls the run."""
        return self.flow_run_name


class TaskRunContext(NamedTuple):
    """A task run. ``task_run_id`` counts from 1 inside its flow run, ``attempt`` from 1 inside the task run."""

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
