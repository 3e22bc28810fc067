"""ACT: how attempts are executed. One file a runner, one interface, one conformance suite."""

from __future__ import annotations

from headrace.task_runners.concurrent import ConcurrentTaskRunner
from headrace.task_runners.runner import Capability, Session, TaskRunner
from headrace.task_runners.sequential import SequentialTaskRunner

__all__ = ["Capability", "ConcurrentTaskRunner", "SequentialTaskRunner", "Session", "TaskRunner"]
