"""Headrace: plain functions become flows of tasks, tracked, ordered, retried and recorded.

``headrace.task_runners`` says how the tasks of a flow are executed, ``headrace.errors`` has every exception as
one tree, and ``headrace.testing`` is for tests of flows.

>>> from headrace import flow, task
>>> @task
... def double(number: int) -> int:
...     return 2 * number
>>> @flow
... def total(numbers: list[int]) -> int:
...     return sum(double.map(numbers).result())
>>> total([1, 2, 3])
12
"""

from __future__ import annotations

TYPE_CHECKING = False  # as `typing` has it, which costs as much to import as Python takes to start
if TYPE_CHECKING:
    from headrace.cache_policies import INPUTS, NO_CACHE, RUN_ID, TASK_SOURCE, by_function, task_input_hash
    from headrace.dependencies import allow_failure, quote, unmapped
    from headrace.engine.states import State, StateType
    from headrace.flows import Flow, flow
    from headrace.futures import FlowRunFuture, TaskFuture
    from headrace.limits import concurrency, rate_limit
    from headrace.logging import get_run_logger
    from headrace.pausing import pause
    from headrace.run_context import FlowRunContext, TaskRunContext, get_run_context
    from headrace.sleeping import sleep
    from headrace.tagging import tags
    from headrace.tasks import Task, task
    from headrace.waiting import as_completed, wait

__version__ = "0.1.0"

__all__ = [
    "INPUTS",
    "NO_CACHE",
    "RUN_ID",
    "TASK_SOURCE",
    "Flow",
    "FlowRunContext",
    "FlowRunFuture",
    "State",
    "StateType",
    "Task",
    "TaskFuture",
    "TaskRunContext",
    "allow_failure",
    "as_completed",
    "by_function",
    "concurrency",
    "flow",
    "get_run_context",
    "get_run_logger",
    "pause",
    "quote",
    "rate_limit",
    "sleep",
    "tags",
    "task",
    "task_input_hash",
    "unmapped",
    "wait",
]

_PLACES = {
    "INPUTS": "headrace.cache_policies",
    "NO_CACHE": "headrace.cache_policies",
    "RUN_ID": "headrace.cache_policies",
    "TASK_SOURCE": "headrace.cache_policies",
    "Flow": "headrace.flows",
    "FlowRunContext": "headrace.run_context",
    "FlowRunFuture": "headrace.futures",
    "State": "headrace.engine.states",
    "StateType": "headrace.engine.states",
    "Task": "headrace.tasks",
    "TaskFuture": "headrace.futures",
    "TaskRunContext": "headrace.run_context",
    "allow_failure": "headrace.dependencies",
    "as_completed": "headrace.waiting",
    "by_function": "headrace.cache_policies",
    "concurrency": "headrace.limits",
    "flow": "headrace.flows",
    "get_run_context": "headrace.run_context",
    "get_run_logger": "headrace.logging",
    "pause": "headrace.pausing",
    "quote": "headrace.dependencies",
    "rate_limit": "headrace.limits",
    "sleep": "headrace.sleeping",
    "tags": "headrace.tagging",
    "task": "headrace.tasks",
    "task_input_hash": "headrace.cache_policies",
    "unmapped": "headrace.dependencies",
    "wait": "headrace.waiting",
}


def __getattr__(name: str) -> object:
    """Imports a public name when it is first asked for: who wants one does not pay for all."""
    place = _PLACES.get(name)
    if place is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = globals()[name] = getattr(import_module(place), name)
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
