"""The conformance suite of task runners: what a flow may expect of every one of them.

Headrace's own runners pass it, and a runner of yours has to. In a test module of your project::

    from headrace.testing import TaskRunnerConformance

    class TestMyTaskRunner(TaskRunnerConformance):
        def make_runner(self) -> TaskRunner:
            return MyTaskRunner()

Each case is a sentence about behaviour. A case that asks for a ``Capability`` is skipped if the runner does not
declare it; another case then says what a user gets instead. No case sleeps, none shares memory with a task run
unless ``Capability.SHARES_MEMORY`` is declared, and every task of the suite can be imported by a worker elsewhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headrace.testing.conformance.chapters import TaskRunnerConformance
    from headrace.testing.conformance.suite import lacks, needs

__all__ = ["TaskRunnerConformance", "lacks", "needs"]

_LAZY = {"TaskRunnerConformance": "chapters", "lacks": "suite", "needs": "suite"}
"""Workers import the tasks of the suite, and not pytest with them."""


def __getattr__(name: str) -> Any:
    module = _LAZY.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"headrace.testing.conformance.{module}"), name)
