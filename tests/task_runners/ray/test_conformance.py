"""The Ray task runner does all that the others do, on a real instance with workers in processes of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from headrace.task_runners import RayTaskRunner
from headrace.testing import TaskRunnerConformance

if TYPE_CHECKING:
    from headrace.task_runners import TaskRunner


@pytest.mark.usefixtures("instance")
class TestRayTaskRunner(TaskRunnerConformance):
    def make_runner(self) -> TaskRunner:
        return RayTaskRunner()
