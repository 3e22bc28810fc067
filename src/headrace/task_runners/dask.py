"""The Dask task runner: tasks on the workers of a Dask cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headrace.engine.policies import SlotPolicy
from headrace.task_runners.runner import Capability, TaskRunner

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Mapping

    from headrace.task_runners.runner import Session

_IN_FLIGHT = 1000


class DaskTaskRunner(TaskRunner):
    """Runs tasks on a Dask cluster."""

    name = "dask"
    capabilities = frozenset({Capability.OVERLAPS})

    def __init__(
        self,
        address: str | None = None,
        cluster: Any = None,
        cluster_class: Any = None,
        cluster_kwargs: Mapping[str, Any] | None = None,
        adapt_kwargs: Mapping[str, Any] | None = None,
        client_kwargs: Mapping[str, Any] | None = None,
    ) -> None:
        self.address = address
        self.cluster = cluster
        self.cluster_class = cluster_class
        self.cluster_kwargs = dict(cluster_kwargs or {})
        self.adapt_kwargs = adapt_kwargs
        self.client_kwargs = dict(client_kwargs or {})

    @property
    def slots(self) -> SlotPolicy:
        """A window of attempts that are with the cluster."""
        return SlotPolicy(_IN_FLIGHT, starts_ahead=True)

    def open(self, flow_run_id: str, loop: AbstractEventLoop | None) -> Session:
        """A session with a client of its own."""
        from headrace.task_runners.dask_cluster import DaskCluster
        from headrace.task_runners.dask_engine import DaskEngine
        from headrace.task_runners.remote.session import RemoteSession

        cluster = DaskCluster(
            self.address, self.cluster, self.cluster_class, self.cluster_kwargs, self.adapt_kwargs, self.client_kwargs
        )  # fmt: skip
        return RemoteSession(DaskEngine(cluster, flow_run_id[-8:]), flow_run_id)
