"""Which Dask cluster a task runner means, and how it is reached."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headrace.errors import ClusterUnavailableError
from headrace.importable import found_by_name
from headrace.tracebacks import describe

if TYPE_CHECKING:
    from collections.abc import Mapping

    from distributed import Client


class DaskCluster:
    """A cluster for one flow run: reached under an address, given, or started and stopped again."""

    def __init__(
        self,
        address: str | None,
        cluster: Any,
        cluster_class: Any,
        cluster_kwargs: Mapping[str, Any],
        adapt_kwargs: Mapping[str, Any] | None,
        client_kwargs: Mapping[str, Any],
    ) -> None:
        self._address = address
        self._cluster = cluster
        self._cluster_class = cluster_class
        self._cluster_kwargs = cluster_kwargs
        self._adapt_kwargs = adapt_kwargs
        self._client_kwargs = client_kwargs
        self._temporary: Any = None
        self._client: Client = None

    def open(self) -> Client:
        """A client of it. Raises ``ClusterUnavailableError``."""
        from distributed import Client

        where = self._address or self._cluster
        try:
            if where is None:
                where = self._temporary = self._start()
            self._client = Client(where, set_as_default=False, **self._client_kwargs)
        except Exception as error:
            name = self._address or "the cluster of this flow"
            raise ClusterUnavailableError(f"cannot reach Dask at {name}: {describe(error)}") from error
        return self._client

    def _start(self) -> Any:
        kind = self._cluster_class
        if kind is None:
            kind = "distributed.LocalCluster"
        if isinstance(kind, str):
            module, _, name = kind.rpartition(".")
            kind = found_by_name(module, name)
        cluster = kind(**self._cluster_kwargs)
        if self._adapt_kwargs is not None:
            cluster.adapt(**self._adapt_kwargs)
        return cluster

    def close(self) -> None:
        """Leave it; stop it, if it was started for this."""
        if self._client is not None:
            self._client.close()
        if self._temporary is not None:
            self._temporary.close()
