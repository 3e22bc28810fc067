"""Which Dask cluster a task runner means, how it is reached, and how one is started and stopped for a flow run."""

from __future__ import annotations

import logging
import threading
import warnings
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Any

from headrace.errors import ClusterUnavailableError
from headrace.importable import found_by_name
from headrace.logging import logger
from headrace.task_runners.dask_versions import COMPARED, describe_mismatch
from headrace.task_runners.main_guard import require_main_guard
from headrace.tracebacks import describe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from distributed import Client

_CONNECTING_SECONDS = 10
_COMPARING_SECONDS = 1
_LEAVING_SECONDS = 2
_STOPPING_SECONDS = 0.5
_LOCAL_CLUSTER = "distributed.LocalCluster"
_NOTHING_IS_LOGGED = logging.CRITICAL + 1


class DaskCluster:
    """A cluster that runs already, for one flow run: an address, or an object. It goes on running."""

    def __init__(self, running: Any, client_kwargs: Mapping[str, Any]) -> None:
        self._running = running
        self._client_kwargs = client_kwargs
        self._client: Client = None
        self._comparing = threading.Thread(
            target=self._compare_versions, name="headrace-versions", daemon=True
        )

    def open(self) -> Client:
        """A client of it. Raises ``ClusterUnavailableError``."""
        self._connect()
        self._comparing.start()
        return self._client

    def close(self) -> None:
        """Leave it."""
        if self._client is None:
            return
        if self._comparing.is_alive():
            self._comparing.join(_COMPARING_SECONDS)
        with _nothing_is_logged(), suppress(Exception):  # of a scheduler that is gone
            self._client.close(_LEAVING_SECONDS)

    def _connect(self) -> None:
        from headrace.task_runners.dask_client import HeadraceClient

        options = {"set_as_default": False, "timeout": _CONNECTING_SECONDS, **self._client_kwargs}
        try:
            with _mismatch_is_told_by_us():
                self._client = HeadraceClient(self._running, **options)
        except Exception as error:
            told = ClusterUnavailableError(
                f"the Dask scheduler at {_address_of(self._running)} cannot be reached: {describe(error)}"
            )
            raise told from (None if isinstance(error, OSError) else error)

    def _compare_versions(self) -> None:
        """Say where the cluster's versions are not ours. In a thread: a worker may be too busy to answer."""
        try:
            mismatch = describe_mismatch(self._client.get_versions(packages=list(COMPARED)))
        except Exception:  # nobody answers, or not as we expect: what that means, the tasks will show
            return
        if mismatch is not None:
            logger.warning(
                "The Dask cluster at %s has other versions, so tasks may fail there: %s",
                _address_of(self._running),
                mismatch,
            )


class TemporaryCluster(DaskCluster):
    """A cluster for one flow run alone."""

    def __init__(
        self,
        cluster_class: Callable[..., Any] | str | None,
        cluster_kwargs: Mapping[str, Any],
        adapt_kwargs: Mapping[str, Any] | None,
        client_kwargs: Mapping[str, Any],
    ) -> None:
        super().__init__(None, client_kwargs)
        self._cluster_class = cluster_class or _LOCAL_CLUSTER
        self._cluster_kwargs = cluster_kwargs
        self._adapt_kwargs = adapt_kwargs
        self._adaptive: Any = None

    def require_main_guard(self) -> None:
        """Raise ``MissingMainGuardError`` if its processes would call the flow again. To be called where that is called."""
        require_main_guard("DaskTaskRunner", if_=self._spawns_processes)

    def open(self) -> Client:
        """Start it: a client of it. Raises ``ClusterUnavailableError``."""
        self._running = self._start()
        if self._adapt_kwargs is not None:
            self._adaptive = self._adapt(self._adapt_kwargs)
        if _is_local(type(self._running)):
            self._connect()  # its versions are ours
            return self._client
        return super().open()

    def close(self) -> None:
        """Stop it, whatever it does."""
        with _nothing_is_logged():
            super().close()
            with suppress(Exception):  # what is left of it, its own processes see by themselves
                if _is_local(type(self._running)):
                    self._running.sync(self._stop_workers)
                if self._running is not None:
                    self._running.close()

    async def _stop_workers(self) -> None:
        """Stop them all at once, without much ado. Dask itself would wait for tasks that execute."""
        import asyncio

        if self._adaptive is not None:  # or it would start others
            self._adaptive.stop()
        workers = self._running.workers.values()
        stopping = [worker.close(timeout=_STOPPING_SECONDS) for worker in workers]
        await asyncio.gather(*stopping, return_exceptions=True)

    def _start(self) -> Any:
        kind = self._find_class()
        quiet = (
            {"dashboard_address": ":0", "silence_logs": _NOTHING_IS_LOGGED}
            if _takes_those_of_local(kind)
            else {}
        )
        try:
            with _ctrl_c_is_kept_from_children():
                return kind(**{**quiet, **self._cluster_kwargs})
        except Exception as error:
            raise self._not_started(error) from _origin(error)

    def _adapt(self, options: Mapping[str, Any]) -> Any:
        try:
            return self._running.adapt(**options)
        except Exception as error:
            raise self._not_started(error) from _origin(error)

    def _not_started(self, error: Exception) -> ClusterUnavailableError:
        return ClusterUnavailableError(
            f"{_name_of(self._cluster_class)} cannot be started: {describe(_origin(error))}"
        )

    def _find_class(self) -> Callable[..., Any]:
        kind = self._cluster_class
        if not isinstance(kind, str):
            return kind
        module, _, name = kind.rpartition(".")
        try:
            return found_by_name(module, name)  # type: ignore[no-any-return]
        except Exception as error:
            raise ClusterUnavailableError(
                f"cluster_class={kind!r} leads nowhere: {describe(error)}"
            ) from error

    def _spawns_processes(self) -> bool:
        from dask import config

        is_local = _is_local(self._find_class())
        method = config.get("distributed.worker.multiprocessing-method")
        return is_local and self._cluster_kwargs.get("processes") is not False and method != "fork"


def _is_local(kind: Any) -> bool:
    from distributed import LocalCluster

    return isinstance(kind, type) and issubclass(kind, LocalCluster)


def _takes_those_of_local(kind: Any) -> bool:
    """Whether it is a ``LocalCluster`` as far as its options go."""
    from distributed import LocalCluster

    return _is_local(kind) and kind.__init__ is LocalCluster.__init__


def _address_of(running: Any) -> str:
    return running if isinstance(running, str) else str(running.scheduler_address)


def _name_of(kind: Any) -> str:
    return kind if isinstance(kind, str) else getattr(kind, "__qualname__", repr(kind))


def _origin(error: BaseException) -> BaseException:
    """Where it came from: Dask raises one error about another, the last of which says least."""
    while (
        origin := error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    ) is not None:
        error = origin
    return error


@contextmanager
def _ctrl_c_is_kept_from_children() -> Iterator[None]:
    """Processes that are started meanwhile, or later by threads that are, do not hear of a Ctrl-C.

    A terminal sends it to all of them. Dask's workers ignore it, but for the moment until they are told to: those would
    die with a traceback each, and the cluster could not be started. Not for the main thread, which has to hear of it.
    """
    import signal

    if not hasattr(signal, "pthread_sigmask") or threading.current_thread() is threading.main_thread():
        yield
        return
    from multiprocessing import resource_tracker

    resource_tracker.ensure_running()  # now, for the thread that starts it hears of every Ctrl-C from then on
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _mismatch_is_told_by_us() -> Iterator[None]:
    """Keep Dask from warning of what ``_compare_versions`` says in one line.

    Not by ``catch_warnings``, which would undo what other threads do to the filters meanwhile.
    """
    from distributed.versions import VersionMismatchWarning

    before = list(warnings.filters)
    warnings.filterwarnings("ignore", category=VersionMismatchWarning)
    ours = warnings.filters[0]
    try:
        yield
    finally:
        if ours not in before:
            with suppress(ValueError):
                warnings.filters.remove(ours)  # type: ignore[attr-defined]


@contextmanager
def _nothing_is_logged() -> Iterator[None]:
    """Keep Dask from telling of workers that it loses because they are stopped."""

    def is_told(_record: logging.LogRecord) -> bool:
        return False

    with ExitStack() as stack:
        for handler in logging.getLogger("distributed").handlers:
            handler.addFilter(is_told)
            stack.callback(handler.removeFilter, is_told)
        yield
