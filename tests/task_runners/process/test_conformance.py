"""The process task runner does all that the others do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from headrace.task_runners import ProcessTaskRunner
from headrace.testing import TaskRunnerConformance

if TYPE_CHECKING:
    from collections.abc import Iterator

    from headrace.task_runners import TaskRunner


class TestProcessTaskRunner(TaskRunnerConformance):
    @pytest.fixture(scope="class", autouse=True)
    @classmethod
    def keep_workers(cls) -> Iterator[None]:
        with ProcessTaskRunner():
            yield

    def make_runner(self) -> TaskRunner:
        return ProcessTaskRunner(max_workers=3)

    def make_single_worker_runner(self) -> TaskRunner:
        return ProcessTaskRunner(max_workers=1)
