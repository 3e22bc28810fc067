"""The concurrent task runner passes the conformance suite."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from headrace.task_runners import ConcurrentTaskRunner
from headrace.testing import TaskRunnerConformance

if TYPE_CHECKING:
    from headrace.task_runners import TaskRunner


class TestConcurrentTaskRunner(TaskRunnerConformance):
    def make_runner(self) -> TaskRunner:
        return ConcurrentTaskRunner()

    def make_single_worker_runner(self) -> TaskRunner:
        return ConcurrentTaskRunner(max_workers=1)


@pytest.mark.parametrize("max_workers", [0, -1, 1.5, "8"])
def test_a_number_of_workers_that_makes_no_sense_is_refused(max_workers: object) -> None:
    with pytest.raises(ValueError, match="give a whole number above 0"):
        ConcurrentTaskRunner(max_workers=max_workers)  # type: ignore[arg-type]
