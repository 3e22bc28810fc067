"""ACT: how attempts are executed. One file a runner, one interface, one conformance suite."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headrace.task_runners.concurrent import ConcurrentTaskRunner
from headrace.task_runners.runner import Capability, Session, TaskRunner
from headrace.task_runners.sequential import SequentialTaskRunner

if TYPE_CHECKING:
    from headrace.task_runners.dask import DaskTaskRunner
    from headrace.task_runners.process import ProcessTaskRunner
    from headrace.task_runners.ray import RayTaskRunner
    from headrace.task_runners.ray_options import remote_options
    from headrace.task_runners.registry import available, load

__all__ = [
    "Capability",
    "ConcurrentTaskRunner",
    "DaskTaskRunner",
    "ProcessTaskRunner",
    "RayTaskRunner",
    "SequentialTaskRunner",
    "Session",
    "TaskRunner",
    "available",
    "load",
    "remote_options",
]


_LAZY = {
    "DaskTaskRunner": "dask",
    "ProcessTaskRunner": "process",
    "RayTaskRunner": "ray",
    "available": "registry",
    "load": "registry",
    "remote_options": "ray_options",
}
"""Few programs ask for these, and a flow does not pay for the others."""


def __getattr__(name: str) -> Any:
    module = _LAZY.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"headrace.task_runners.{module}"), name)
