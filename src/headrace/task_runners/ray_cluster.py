"""Which Ray instance a task runner means, and the one connection of this process to it.

Ray connects a process once. All sessions that mean the same instance share the connection, and the last one to leave closes it;
a connection that the program made itself is used, and left as it is.
"""

from __future__ import annotations

import logging
import os
import threading
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from headrace.errors import ClusterUnavailableError
from headrace.task_runners.ray_post import Post
from headrace.task_runners.ray_watch import Place, Watch, is_there
from headrace.tracebacks import describe

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_CLOSING_SECONDS = 10.0
_CLOSING_SECONDS_WHEN_LOST = 1.0
_CLIENT = "ray://"


class Connection:
    """The connection of this process. ``is_ours`` if a session made it, with that address and these ``init_kwargs``."""

    def __init__(self, address: str, init_kwargs: Mapping[str, Any], *, is_ours: bool) -> None:
        self.init_kwargs = init_kwargs
        self.is_ours = is_ours
        self.is_client = _is_client()
        self.job = _job()
        self.users = 0
        self.where = _address_in_use() or address
        self.names = {address, self.where, "auto"}
        if not is_ours:
            self.names.add("local")
        self.dashboard = _dashboard_in_use()
        self.post = Post()
        self.watch = Watch(_places(address))
        self.closing: threading.Thread | None = None

    def close(self) -> None:
        """Let it go. Where Ray is lost that takes long, and is not waited for."""
        if not self.is_ours:
            return
        self.closing = threading.Thread(target=self._close, name="headrace-ray-close", daemon=True)
        self.closing.start()
        self.closing.join(_CLOSING_SECONDS_WHEN_LOST if self.watch.is_lost else _CLOSING_SECONDS)

    def _close(self) -> None:
        import ray

        with suppress(Exception):
            self.post.close()
        with suppress(Exception), _quiet():
            ray.shutdown()


class RayCluster:
    """The instance that one runner means."""

    def __init__(self, address: str | None, init_kwargs: Mapping[str, Any]) -> None:
        self._address = address or "local"
        self._init_kwargs = init_kwargs
        self._connection: Connection | None = None

    def open(self) -> Connection:
        """The connection to it. Raises ``ClusterUnavailableError``."""
        global _the_connection
        import ray

        with _connecting:
            connection = _the_connection
            if connection is not None and connection.closing is not None:
                connection.closing.join()
                connection = None
            if not ray.is_initialized():
                connection = _start(self._address, self._init_kwargs)
            elif connection is None or connection.job != _job():  # the program's own, or another one since
                connection = Connection(_CLIENT, {}, is_ours=False)
            self._require_same(connection)
            connection.users += 1
            self._connection = _the_connection = connection
        return connection

    def _require_same(self, connection: Connection) -> None:
        """Whether the connection of this process is the one that is meant."""
        if self._address in connection.names:
            if not self._init_kwargs or (connection.is_ours and self._init_kwargs == connection.init_kwargs):
                return
            wanted = f"init_kwargs={self._init_kwargs!r}"
        else:
            wanted = f"address={self._address!r}"
        raise ClusterUnavailableError(
            f"this process is connected to Ray at {connection.where} already, and Ray connects a process once:"
            f" {wanted} cannot be had beside it"
        )

    def close(self) -> None:
        """Leave it; the last one closes the connection, and stops what was started for it."""
        with _connecting:
            connection, self._connection = self._connection, None
            if connection is None:
                return
            connection.users -= 1
            if connection.users == 0:
                connection.close()


_connecting = threading.Lock()
_the_connection: Connection | None = None


def _start(address: str, init_kwargs: Mapping[str, Any]) -> Connection:
    import ray

    if ":" in address:
        _require_there(address)
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    # Ray complains of every value that was lost and that nobody asked for: whoever needs it is told by us.
    os.environ.setdefault("RAY_IGNORE_UNHANDLED_ERRORS", "1")
    options: dict[str, Any] = {"configure_logging": False, **init_kwargs}
    if address == "local":
        options.setdefault(
            "include_dashboard", find_spec("aiohttp_cors") is not None
        )  # `ray[default]` brings it
    try:
        with _quiet():
            ray.init(address, **options)
            return Connection(address, init_kwargs, is_ours=True)
    except Exception as error:
        with suppress(Exception):
            ray.shutdown()  # half of it may have been started
        raise ClusterUnavailableError(_told(address, error)) from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what Ray says of its starting and stopping."""
    logger = logging.getLogger("ray")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def _require_there(address: str) -> None:
    """Ray itself would try for minutes."""
    place = _place(address)
    if place is not None and not is_there(place):
        raise ClusterUnavailableError(f"cannot reach Ray at {address}: nobody listens there")


def _told(address: str, error: Exception) -> str:
    if address == "local":
        return f"cannot start a Ray instance: {describe(error)}"
    hint = ""
    if "AuthenticationError" in repr(error.__cause__) or "RAY_AUTH_MODE" in f"{error}{error.__cause__}":
        hint = "; it may ask for a token: export RAY_AUTH_MODE=token and its RAY_AUTH_TOKEN here, too"
    elif "ray[client]" in str(error):
        hint = '; pip install "headrace[ray]" installs it'
    return f"cannot reach Ray at {address}: {describe(error)}{hint}"


def _is_client() -> bool:
    """Whether this process is connected by Ray's client, through another process."""
    from ray._private.client_mode_hook import client_mode_should_convert

    return bool(client_mode_should_convert())


def _job() -> str:
    """What Ray calls a connection."""
    import ray

    return str(ray.get_runtime_context().get_job_id())


def _address_in_use() -> str | None:
    """Where the head is; a client knows only whom it asks."""
    import ray

    return None if _is_client() else str(ray.get_runtime_context().gcs_address)


def _dashboard_in_use() -> str | None:
    import ray

    if _is_client():
        return None
    url = ray._private.worker.get_dashboard_url()
    return f"http://{url}" if url else None


def _places(address: str) -> list[Place]:
    """Where the processes listen without which nothing goes on: the head, and the node that this process belongs to."""
    import ray

    if _is_client():
        return [place for place in [_place(address)] if place is not None]
    context = ray.get_runtime_context()
    places = [_place(context.gcs_address)]
    node_id = context.get_node_id()
    places += [
        (node["NodeManagerAddress"], node["NodeManagerPort"])
        for node in ray.nodes()
        if node["NodeID"] == node_id
    ]
    return [place for place in places if place is not None]


def _place(address: str) -> Place | None:
    host, _, port = address.removeprefix(_CLIENT).partition("/")[0].rpartition(":")
    return (host.strip("[]"), int(port)) if host and port.isdecimal() else None
