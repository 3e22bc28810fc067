"""Headrace: plain functions become flows of tasks, tracked, ordered, retried and recorded.

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

from headrace.dependencies import allow_failure, quote, unmapped
from headrace.engine.states import State, StateType
from headrace.flows import Flow, flow
from headrace.futures import FlowRunFuture, TaskFuture
from headrace.logging import get_run_logger
from headrace.run_context import get_run_context
from headrace.tagging import tags
from headrace.tasks import Task, task
from headrace.waiting import as_completed, wait

__version__ = "0.1.0"

__all__ = [
    "Flow",
    "FlowRunFuture",
    "State",
    "StateType",
    "Task",
    "TaskFuture",
    "allow_failure",
    "as_completed",
    "flow",
    "get_run_context",
    "get_run_logger",
    "quote",
    "tags",
    "task",
    "unmapped",
    "wait",
]
