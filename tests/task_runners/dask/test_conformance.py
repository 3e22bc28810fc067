"""The Dask task runner does all that the others do, on a real cluster with workers in processes of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from headrace.task_runners import DaskTaskRunner
from headrace.testing import TaskRunnerConformance

if TYPE_CHECKING:
    from collections.abc import Iterator

    from distributed import LocalCluster

    from headrace.task_runners import TaskRunner


class TestDaskTaskRunner(TaskRunnerConformance):
    cluster: LocalCluster
    one_worker: LocalCluster

    @pytest.fixture(scope="class", autouse=True)
    @classmethod
    def clusters(cls) -> Iterator[None]:
        from distributed import LocalCluster

        with (
            LocalCluster(n_workers=2, threads_per_worker=4, dashboard_address=":0") as cluster,
            LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=":0") as one_worker,
        ):
            cls.cluster = cluster
            cls.one_worker = one_worker
            yield

    def make_runner(self) -> TaskRunner:
        return DaskTaskRunner(cluster=self.cluster)

    def make_single_worker_runner(self) -> TaskRunner:
        return DaskTaskRunner(cluster=self.one_worker)
