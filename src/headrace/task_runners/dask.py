"""The Dask task runner: tasks on the workers of a Dask cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headrace.engine.policies import SlotPolicy
from headrace.task_runners.remote.extras import require_extra
from headrace.task_runners.runner import Capability, TaskRunner

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Callable, Mapping

    from headrace.task_runners.dask_cluster import DaskCluster
    from headrace.task_runners.runner import Session

_IN_FLIGHT = 1000


class DaskTaskRunner(TaskRunner):
    """Runs tasks on the workers of a Dask cluster; large results stay there.

    Without an option, each flow run starts a ``distributed.LocalCluster`` with its first task, and stops it at its end:
    processes on this machine, so a script calls the flow below ``if __name__ == "__main__":``.

    ``address`` is that of a scheduler that runs already (``"tcp://10.0.0.5:8786"``), ``cluster`` a cluster object that
    you have started; neither is stopped. ``cluster_class`` is what to start instead of a ``LocalCluster``: a class, or
    where it is to be found (``"dask_kubernetes.operator.KubeCluster"``). It is called with ``cluster_kwargs``. With
    ``adapt_kwargs`` the started cluster grows and shrinks: they go to its method ``adapt``. ``client_kwargs`` go to
    ``distributed.Client``, which gives up after 10 seconds unless they have another ``timeout``.

    Raises ``ValueError`` for options that exclude each other, ``TypeError`` for one of the wrong kind, and
    ``MissingExtraError`` where Dask is not installed. A flow run on a cluster that cannot be started or reached ends
    Crashed, caused by a ``ClusterUnavailableError``; ``MissingMainGuardError`` is raised by the call of a flow whose
    script lacks the line above.

    >>> from headrace.task_runners import DaskTaskRunner
    >>> DaskTaskRunner(cluster_kwargs={"n_workers": 4, "threads_per_worker": 2})
    DaskTaskRunner(cluster_kwargs={'n_workers': 4, 'threads_per_worker': 2})
    >>> DaskTaskRunner(address="tcp://10.0.0.5:8786")
    DaskTaskRunner(address='tcp://10.0.0.5:8786')
    """

    name = "dask"
    capabilities = frozenset({Capability.OVERLAPS})

    def __init__(
        self,
        address: str | None = None,
        cluster: Any = None,
        cluster_class: Callable[..., Any] | str | None = None,
        cluster_kwargs: Mapping[str, Any] | None = None,
        adapt_kwargs: Mapping[str, Any] | None = None,
        client_kwargs: Mapping[str, Any] | None = None,
    ) -> None:
        require_extra("DaskTaskRunner", "dask", "distributed")
        self.address = _checked_address(address)
        self.cluster = _checked_cluster(cluster)
        self.cluster_class = _checked_class(cluster_class)
        self.cluster_kwargs = _checked_kwargs("cluster_kwargs", cluster_kwargs, ("asynchronous",))
        self.adapt_kwargs = None if adapt_kwargs is None else _checked_kwargs("adapt_kwargs", adapt_kwargs)
        self.client_kwargs = _checked_kwargs("client_kwargs", client_kwargs, ("address", "asynchronous"))
        self._refuse_contradictions()

    def _refuse_contradictions(self) -> None:
        starting = [name for name in self._options() if name in _STARTING]
        if self.address is not None and self.cluster is not None:
            raise ValueError(
                "DaskTaskRunner(address=..., cluster=...): give one of them, they are two clusters"
            )
        if starting and (self.address is not None or self.cluster is not None):
            running = "cluster" if self.address is None else "address"
            raise ValueError(
                f"DaskTaskRunner({running}=..., {starting[0]}=...): {running} is a cluster that runs already, and"
                f" {starting[0]} is for one that the flow run starts; leave one of them out"
            )

    def _options(self) -> dict[str, Any]:
        """Those that were given. No arguments for a class are as good as none; for ``adapt`` they are a wish."""
        given = {name: getattr(self, name) for name in _OPTIONS}
        return {
            name: value
            for name, value in given.items()
            if value is not None and (name not in _KWARGS or value)
        }

    @property
    def slots(self) -> SlotPolicy:
        """A window of attempts that are with the cluster."""
        return SlotPolicy(_IN_FLIGHT, starts_ahead=True)

    def open(self, flow_run_id: str, loop: AbstractEventLoop | None) -> Session:
        """A session with a client of its own. Raises ``MissingMainGuardError``."""
        from headrace.task_runners.dask_engine import DaskEngine
        from headrace.task_runners.remote.session import RemoteSession

        return RemoteSession(DaskEngine(self._cluster_of_a_run(), flow_run_id[-8:]), flow_run_id)

    def _cluster_of_a_run(self) -> DaskCluster:
        from headrace.task_runners.dask_cluster import DaskCluster, TemporaryCluster

        if self.address is not None:
            return DaskCluster(self.address, self.client_kwargs)
        if self.cluster is not None and not getattr(self.cluster, "asynchronous", False):
            return DaskCluster(self.cluster, self.client_kwargs)
        if (
            self.cluster is not None
        ):  # it lives on the loop of the flow, which blocks in the moment when we leave it
            security = getattr(self.cluster, "security", None)
            return DaskCluster(self.cluster.scheduler_address, {"security": security, **self.client_kwargs})
        temporary = TemporaryCluster(
            self.cluster_class, self.cluster_kwargs, self.adapt_kwargs, self.client_kwargs
        )
        temporary.require_main_guard()
        return temporary

    def __repr__(self) -> str:
        return (
            f"DaskTaskRunner({', '.join([f'{name}={value!r}' for name, value in self._options().items()])})"
        )


_STARTING = ("cluster_class", "cluster_kwargs", "adapt_kwargs")
_KWARGS = ("cluster_kwargs", "client_kwargs")
_OPTIONS = ("address", "cluster", *_STARTING, "client_kwargs")


def _checked_address(address: Any) -> str | None:
    if address is not None and not isinstance(address, str):
        raise TypeError(f"DaskTaskRunner(address={address!r}): give a text, such as 'tcp://127.0.0.1:8786'")
    if address is not None and not address.strip():
        raise ValueError(
            f"DaskTaskRunner(address={address!r}): give the address of a scheduler, or leave it out"
        )
    return address


def _checked_cluster(cluster: Any) -> Any:
    if isinstance(cluster, type | str):
        raise TypeError(
            f"DaskTaskRunner(cluster={cluster!r}): give a cluster that runs; for one that the flow run starts there is"
            f" cluster_class, and for the place of a scheduler address"
        )
    if cluster is not None and not hasattr(cluster, "scheduler_address"):
        raise TypeError(
            f"DaskTaskRunner(cluster={cluster!r}): give a Dask cluster; this has no scheduler_address"
        )
    return cluster


def _checked_class(kind: Any) -> Any:
    if isinstance(kind, str):
        _check_place(kind)
    elif kind is not None and not callable(kind):
        raise TypeError(
            f"DaskTaskRunner(cluster_class={kind!r}): give a class, or where it is to be found as a text"
        )
    return kind


def _check_place(place: str) -> None:
    """No package is imported before a flow runs on it, so that only its outermost part is looked for here."""
    from importlib.util import find_spec

    package, *rest = place.split(".")
    if not rest or not all(part.isidentifier() for part in (package, *rest)):
        raise ValueError(
            f"DaskTaskRunner(cluster_class={place!r}): give module and class, such as 'distributed.LocalCluster'"
        )
    if find_spec(package) is None:
        raise ValueError(f"DaskTaskRunner(cluster_class={place!r}): there is no package {package!r} here")


def _checked_kwargs(option: str, kwargs: Any, taken: tuple[str, ...] = ()) -> dict[str, Any]:
    if kwargs is None:
        return {}
    if not hasattr(kwargs, "keys") or not all(isinstance(name, str) for name in kwargs):
        raise TypeError(f"DaskTaskRunner({option}={kwargs!r}): give a dict whose keys are names of arguments")
    for name in taken:
        if name in kwargs:
            raise ValueError(
                f"DaskTaskRunner({option}=...): {name!r} is not yours to give there, it is set already"
            )
    return dict(kwargs)
