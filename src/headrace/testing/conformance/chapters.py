"""All chapters of the suite, in one class."""

from __future__ import annotations

from headrace.testing.conformance.caching import Caching
from headrace.testing.conformance.calls import Calls
from headrace.testing.conformance.cancelling import Cancelling
from headrace.testing.conformance.dependencies import Dependencies
from headrace.testing.conformance.failures import Failures
from headrace.testing.conformance.nesting import Nesting
from headrace.testing.conformance.records import Records
from headrace.testing.conformance.resuming import Resuming
from headrace.testing.conformance.retries import Retries
from headrace.testing.conformance.shapes import Shapes
from headrace.testing.conformance.stopping import Stopping
from headrace.testing.conformance.storage import Storage
from headrace.testing.conformance.surroundings import Surroundings


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
    Resuming,
    Cancelling,
    Stopping,
    Shapes,
):
    """All that is expected of a task runner. Subclass it and give it ``make_runner``.

    >>> from headrace.task_runners import SequentialTaskRunner
    >>> class TestSequentialTaskRunner(TaskRunnerConformance):
    ...     def make_runner(self) -> SequentialTaskRunner:
    ...         return SequentialTaskRunner()
    """
