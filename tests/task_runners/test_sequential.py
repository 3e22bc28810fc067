"""The sequential task runner passes the conformance suite."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.task_runners import SequentialTaskRunner
from headrace.testing import TaskRunnerConformance

if TYPE_CHECKING:
    from headrace.task_runners import TaskRunner


class TestSequentialTaskRunner(TaskRunnerConformance):
    def make_runner(self) -> TaskRunner:
        return SequentialTaskRunner()
