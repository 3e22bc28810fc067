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

from headrace.testing.conformance.caching import Caching
from headrace.testing.conformance.calls import Calls
from headrace.testing.conformance.cancelling import Cancelling
from headrace.testing.conformance.dependencies import Dependencies
from headrace.testing.conformance.failures import Failures
from headrace.testing.conformance.nesting import Nesting
from headrace.testing.conformance.records import Records
from headrace.testing.conformance.retries import Retries
from headrace.testing.conformance.shapes import Shapes
from headrace.testing.conformance.storage import Storage
from headrace.testing.conformance.suite import lacks, needs
from headrace.testing.conformance.surroundings import Surroundings

__all__ = ["TaskRunnerConformance", "lacks", "needs"]


class TaskRunnerConformance(
    Calls,
    Dependencies,
    Failures,
    Retries,
    Nesting,
    Surroundings,
    Records,
    Storage,
    Caching,
    Cancelling,
    Shapes,
):
    """All that is expected of a task runner. Subclass it and give it ``make_runner``.

    >>> from headrace.task_runners import SequentialTaskRunner
    >>> class TestSequentialTaskRunner(TaskRunnerConformance):
    ...     def make_runner(self) -> SequentialTaskRunner:
    ...         return SequentialTaskRunner()
    """
