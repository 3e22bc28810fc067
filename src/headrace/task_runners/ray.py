"""The Ray task runner: tasks on the workers of a Ray instance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headrace.engine.policies import SlotPolicy
from headrace.task_runners.remote.extras import require_extra
from headrace.task_runners.runner import Capability, TaskRunner

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Mapping

    from headrace.task_runners.runner import Session

_IN_FLIGHT = 1000
_OF_NEW_INSTANCES = frozenset({
    "dashboard_host", "dashboard_port", "include_dashboard", "labels", "num_cpus", "num_gpus", "object_store_memory",
    "resources",
})  # fmt: skip


class RayTaskRunner(TaskRunner):
    """Runs tasks on Ray: an instance of its own, or a running one.

    Without ``address`` an instance is started on this machine for the flow run, and stopped with it. ``"host:port"``
    is a running one that this machine belongs to, ``"ray://host:port"`` one that it reaches as a client, and
    ``"auto"`` whichever is found. ``init_kwargs`` are passed on to ``ray.init``. Where the program has called
    ``ray.init`` itself, a runner without ``address`` uses that connection, and leaves it as it is: Ray knows only one a process.

    Raises ``MissingExtraError`` if Ray is not installed.

    >>> from headrace import flow, task
    >>> from headrace.task_runners import RayTaskRunner
    >>> @flow(task_runner=RayTaskRunner(init_kwargs={"num_cpus": 4}))  # doctest: +SKIP
    ... def train(): ...
    """

    name = "ray"
    capabilities = frozenset({Capability.OVERLAPS})

    def __init__(self, address: str | None = None, init_kwargs: Mapping[str, Any] | None = None) -> None:
        require_extra("RayTaskRunner", "ray", "ray")
        self.address = address
        self.init_kwargs = dict(init_kwargs or {})
        _check(address, self.init_kwargs)

    def __repr__(self) -> str:
        options = {"address": self.address, "init_kwargs": self.init_kwargs}
        told = ", ".join(f"{name}={value!r}" for name, value in options.items() if value)
        return f"RayTaskRunner({told})"

    @property
    def slots(self) -> SlotPolicy:
        """A window of attempts that are with Ray."""
        return SlotPolicy(_IN_FLIGHT, starts_ahead=True)

    def open(self, flow_run_id: str, loop: AbstractEventLoop | None) -> Session:
        """A session on the connection of this process, which others may use at the same time."""
        from headrace.task_runners.ray_cluster import RayCluster
        from headrace.task_runners.ray_engine import RayEngine
        from headrace.task_runners.remote.session import RemoteSession

        return RemoteSession(RayEngine(RayCluster(self.address, self.init_kwargs)), flow_run_id)


def _check(address: str | None, init_kwargs: Mapping[str, Any]) -> None:
    if address is not None and not isinstance(address, str):
        raise TypeError(f"address is a text such as 'auto' or 'ray://host:10001', not {address!r}")
    if "address" in init_kwargs:
        raise ValueError(
            "the address is an option of its own: RayTaskRunner(address=...), not one of init_kwargs"
        )
    if address is None or address == "local":
        return
    unfit = sorted(_OF_NEW_INSTANCES.intersection(init_kwargs))
    if unfit:
        raise ValueError(
            f"{', '.join(unfit)} of init_kwargs is for a new Ray instance, and address={address!r} means a running one:"
            " leave out the one or the other"
        )
