"""ACT: how attempts are executed. One file a runner, one interface, one conformance suite."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headrace.task_runners.concurrent import ConcurrentTaskRunner
from headrace.task_runners.runner import Capability, Session, TaskRunner
from headrace.task_runners.sequential import SequentialTaskRunner

if TYPE_CHECKING:
    from headrace.task_runners.registry import available, load

__all__ = [
    "Capability",
    "ConcurrentTaskRunner",
    "SequentialTaskRunner",
    "Session",
    "TaskRunner",
    "available",
    "load",
]


def __getattr__(name: str) -> Any:
    if name not in {"available", "load"}:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from headrace.task_runners import registry  # few programs ask: a flow does not pay for it

    return getattr(registry, name)
