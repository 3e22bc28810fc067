"""Clusters of the Dask runner: which are started, how they are reached, and that nothing of them is left."""

from __future__ import annotations

import asyncio
import os
import re
import socket
import sys
import threading
from contextlib import suppress
from functools import partial
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from distributed import LocalCluster

from headrace import flow, task
from headrace.errors import ClusterUnavailableError, FlowRunCrashed
from headrace.task_runners import DaskTaskRunner, dask_cluster
from headrace.task_runners.dask_engine import DaskEngine
from headrace.task_runners.remote.session import RemoteSession
from headrace.testing import in_memory_history

if TYPE_CHECKING:
    from collections.abc import Iterator

    from headrace.testing import RecordedHistory

OUR_LINE = re.compile(r"\d\d:\d\d:\d\d\.\d\d\d \| (INFO|WARNING|ERROR) ")
ONE_WORKER = {"n_workers": 1, "threads_per_worker": 1}


@task
def process_id() -> int:
    return os.getpid()


@task
def begin_and_go_on(fifo: str) -> None:
    Path(fifo).write_text("it has begun", "utf-8")
    threading.Event().wait()


@pytest.fixture(scope="module")
def cluster() -> Iterator[LocalCluster]:
    with LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=":0") as cluster:
        yield cluster


@pytest.fixture
def history() -> Iterator[RecordedHistory]:
    with in_memory_history() as history:
        yield history


def run_on(runner: DaskTaskRunner) -> int:
    """Where a task was executed: the id of a process."""

    @flow(task_runner=runner)
    def executed() -> Any:
        return process_id()

    return executed()  # type: ignore[no-any-return]


def crash_on(runner: DaskTaskRunner) -> str:
    """Why a flow could not run its task."""
    with pytest.raises(FlowRunCrashed) as caught:
        run_on(runner)
    assert isinstance(caught.value.__cause__, ClusterUnavailableError)
    return str(caught.value.__cause__)


def workers() -> set[int]:
    """The ids of the worker processes of this one; what other tests began may end meanwhile."""
    found = set()
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):  # a zombie is none either
            if "resource_tracker" not in " ".join(process.cmdline()):
                found.add(process.pid)
    return found


# -- clusters that run already ---------------------------------------------------------------------


@pytest.mark.usefixtures("history")
def test_a_given_cluster_goes_on_running(cluster: LocalCluster) -> None:
    one = run_on(DaskTaskRunner(cluster=cluster))
    another = run_on(DaskTaskRunner(address=cluster.scheduler_address))

    assert one == another == cluster.workers[0].pid
    assert cluster.status.name == "running"


@pytest.mark.usefixtures("history")
def test_a_cluster_on_the_loop_of_an_async_flow_goes_on_running() -> None:
    async def main() -> int:
        async with LocalCluster(asynchronous=True, processes=False, dashboard_address=":0") as cluster:

            @flow(task_runner=DaskTaskRunner(cluster=cluster))
            async def executed() -> int:
                return await process_id()

            found = await executed()
            assert cluster.status.name == "running"
            return found

    assert asyncio.run(main()) == os.getpid()


@pytest.fixture
def only_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A module that no worker finds."""
    file = tmp_path / "only_here.py"
    file.write_text("from headrace import task\n\n@task\ndef answer():\n    return 42\n", "utf-8")
    spec = spec_from_file_location("only_here", file)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "only_here", module)
    spec.loader.exec_module(module)
    return module


def test_a_module_that_workers_do_not_find_is_sent_to_them(
    only_here: Any, cluster: LocalCluster, history: RecordedHistory
) -> None:
    @flow(task_runner=DaskTaskRunner(cluster=cluster))
    def executed() -> Any:
        return only_here.answer()

    assert executed() == 42
    assert [task_run.attempt_count for task_run in history.run("executed").task_runs] == [1]


class NamedLate:
    """A name that is pickled only once a worker has told that it lacks this module; that is taken in meanwhile."""

    is_packed = threading.Event()
    was_told = threading.Event()

    def __call__(self) -> str:
        return "late"

    def __reduce__(self) -> tuple[type[str], tuple[str]]:
        self.is_packed.set()
        self.was_told.wait(50)
        return str, ("late",)


def test_a_task_that_is_packed_while_a_worker_tells_what_it_lacks_is_sent_whole_too(
    only_here: Any, cluster: LocalCluster, history: RecordedHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    hand_over, take_in_unreadable = DaskEngine.hand_over, RemoteSession._take_in_unreadable
    is_handed_over = threading.Event()

    def hand_over_and_tell(engine: DaskEngine, attempts: Any) -> None:
        hand_over(engine, attempts)
        is_handed_over.set()

    def take_in_and_tell(session: RemoteSession, *told: Any) -> None:
        NamedLate.is_packed.wait(50)
        take_in_unreadable(session, *told)
        NamedLate.was_told.set()

    monkeypatch.setattr(DaskEngine, "hand_over", hand_over_and_tell)
    monkeypatch.setattr(RemoteSession, "_take_in_unreadable", take_in_and_tell)

    @flow(task_runner=DaskTaskRunner(cluster=cluster))
    def executed() -> Any:
        first = only_here.answer()
        is_handed_over.wait(50)
        return [first, only_here.answer.with_options(task_run_name=NamedLate())()]

    assert executed() == [42, 42]
    assert [task_run.name for task_run in history.run("executed").task_runs] == ["answer-0", "late"]


@pytest.mark.usefixtures("history")
def test_the_address_of_a_scheduler_is_enough(cluster: LocalCluster) -> None:
    with_protocol, without = cluster.scheduler_address, cluster.scheduler_address.partition("://")[2]

    assert run_on(DaskTaskRunner(with_protocol)) == run_on(DaskTaskRunner(without))


@pytest.mark.usefixtures("history")
def test_the_client_is_made_as_it_is_wished_and_is_nobody_elses(cluster: LocalCluster) -> None:
    seen: list[str] = []
    runner = DaskTaskRunner(cluster=cluster, client_kwargs={"name": "wished"})

    @flow(task_runner=runner)
    def look() -> None:
        process_id().result()
        seen.extend(cluster.scheduler.clients)
        with pytest.raises(ValueError, match="No global client"):
            __import__("distributed").get_client(timeout=0)

    look()

    assert [name for name in seen if "-wished-" in name]
    assert not [name for name in cluster.scheduler.clients if "-wished-" in name]


def test_the_dashboard_is_logged_and_recorded(
    cluster: LocalCluster, history: RecordedHistory, capsys: Any
) -> None:
    run_on(DaskTaskRunner(cluster=cluster))
    run = history.run("executed")

    assert run.row.provenance["dashboard"] == cluster.dashboard_link
    assert [line for line in run.logs() if line.endswith(f"dashboard at {cluster.dashboard_link}")]
    assert cluster.dashboard_link in capsys.readouterr().err


def test_a_cluster_may_have_no_dashboard(history: RecordedHistory, capsys: Any) -> None:
    with LocalCluster(n_workers=1, processes=False, protocol="tcp", dashboard_address=":0") as cluster:
        del cluster.scheduler.services["dashboard"]
        run_on(DaskTaskRunner(address=cluster.scheduler_address))

    assert "dashboard" not in history.run("executed").row.provenance
    assert "with a dashboard" not in capsys.readouterr().err


# -- clusters that cannot be reached ---------------------------------------------------------------


def test_where_nobody_listens_one_sentence_says_so(history: RecordedHistory) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        address = f"tcp://127.0.0.1:{closed.getsockname()[1]}"
    told = crash_on(DaskTaskRunner(address, client_kwargs={"timeout": "300 ms"}))

    assert told.startswith(f"the Dask scheduler at {address} cannot be reached: OSError: Timed out ")
    assert history.run("executed").state == "Crashed"
    assert "\n" not in told


def test_an_unwilling_scheduler_is_not_waited_for_long(
    history: RecordedHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert dask_cluster._CONNECTING_SECONDS <= 10
    monkeypatch.setattr(dask_cluster, "_CONNECTING_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        told = crash_on(DaskTaskRunner(f"127.0.0.1:{mute.getsockname()[1]}"))

    assert told.endswith("cannot be reached: OSError: it did not answer within 0.3 s")


def test_what_listens_may_be_something_else(history: RecordedHistory) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def greet() -> None:
            connection, _ = server.accept()
            with connection:
                connection.sendall(b"220 mail.example.org ESMTP\r\n" * 10)

        thread = threading.Thread(target=greet, daemon=True)
        thread.start()
        address = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        told = crash_on(DaskTaskRunner(address, client_kwargs={"timeout": 1}))
        thread.join(5)

    assert told.startswith(f"the Dask scheduler at {address} cannot be reached: ")


@pytest.mark.parametrize("address", ["nonsense", "smoke://signals:1"])
@pytest.mark.usefixtures("history")
def test_an_address_may_be_none(address: str) -> None:
    assert crash_on(DaskTaskRunner(address)).startswith(
        f"the Dask scheduler at {address} cannot be reached: ValueError"
    )


@pytest.mark.usefixtures("history")
def test_a_cluster_may_have_been_closed() -> None:
    closed = LocalCluster(n_workers=0, processes=False, dashboard_address=":0")
    closed.close()

    assert "already closed" in crash_on(DaskTaskRunner(cluster=closed))


@pytest.mark.usefixtures("history")
def test_options_that_the_client_does_not_know_are_told(cluster: LocalCluster) -> None:
    assert "tiemout" in crash_on(DaskTaskRunner(cluster=cluster, client_kwargs={"tiemout": 1}))


# -- clusters for one flow run -----------------------------------------------------------------------


class Rented:
    """A cluster as others provide them: not of Dask's own kind, and here only borrowed."""

    owner: LocalCluster
    rented: list[Rented]

    def __init__(self, size: int = 0) -> None:
        if size < 0:
            raise ValueError("no cluster is so small")
        self.size = size
        self.adapted: dict[str, int] = {}
        self.is_closed = False
        self.scheduler_address = self.owner.scheduler_address
        self.dashboard_link = "http://rented.example.org/status"
        self.status = self.owner.status
        self.rented.append(self)

    def adapt(self, **limits: int) -> None:
        if limits["maximum"] < 1:
            raise ValueError("what for?")
        self.adapted = limits

    def close(self) -> None:
        self.is_closed = True


@pytest.fixture
def rented(cluster: LocalCluster, history: RecordedHistory) -> list[Rented]:
    Rented.owner, Rented.rented = cluster, []
    return Rented.rented


@pytest.mark.parametrize("kind", [Rented, f"{__name__}.Rented", partial(Rented)])
def test_any_class_of_clusters_will_do(kind: Any, rented: list[Rented]) -> None:
    run_on(DaskTaskRunner(cluster_class=kind, cluster_kwargs={"size": 7}, adapt_kwargs={"maximum": 3}))

    assert [(one.size, one.adapted, one.is_closed) for one in rented] == [(7, {"maximum": 3}, True)]


def test_each_flow_run_has_a_cluster_of_its_own(rented: list[Rented]) -> None:
    runner = DaskTaskRunner(cluster_class=Rented)
    run_on(runner)
    run_on(runner)

    assert [one.is_closed for one in rented] == [True, True]


def test_a_flow_without_tasks_starts_no_cluster(rented: list[Rented]) -> None:
    flow(task_runner=DaskTaskRunner(cluster_class=Rented))(lambda: None)()

    assert rented == []


def test_a_task_that_waits_for_its_cluster_to_start_is_cancelled_before_that(
    rented: list[Rented], history: RecordedHistory
) -> None:
    may_start = threading.Event()

    def slow() -> Rented:
        may_start.wait(50)
        return Rented()

    @flow(task_runner=DaskTaskRunner(cluster_class=slow))
    def impatient() -> Any:
        future = process_id.submit()
        future.cancel()
        future.wait(timeout=50)
        may_start.set()
        return future.state

    impatient()
    run = history.run("impatient")

    assert [task_run.state for task_run in run.task_runs] == ["Cancelled"]
    assert not [line for line in run.logs() if "given up" in line]


def test_a_cluster_is_stopped_whatever_the_flow_does(rented: list[Rented]) -> None:
    @flow(task_runner=DaskTaskRunner(cluster_class=Rented))
    def failing() -> None:
        process_id().result()
        raise ValueError("on purpose")

    with pytest.raises(ValueError, match="on purpose"):
        failing()

    assert [one.is_closed for one in rented] == [True]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"cluster_kwargs": {"size": -1}}, "Rented cannot be started: ValueError: no cluster is so small"),
        ({"cluster_kwargs": {"colour": "red"}}, "Rented cannot be started: TypeError: .*'colour'"),
        ({"adapt_kwargs": {"maximum": 0}}, "Rented cannot be started: ValueError: what for?"),
        ({"cluster_class": f"{__name__}.Bought"}, "Bought' leads nowhere: AttributeError: .*'Bought'"),
        (
            {"cluster_class": "headrace.nowhere.Cluster"},
            "leads nowhere: ModuleNotFoundError: .*headrace.nowhere",
        ),
        ({"client_kwargs": {"timeout": "long"}}, "cannot be reached: .*long"),
    ],
    ids=str,
)
def test_a_cluster_that_cannot_be_started_says_why(
    options: dict[str, Any], told: str, rented: list[Rented]
) -> None:
    assert re.search(told, crash_on(DaskTaskRunner(**{"cluster_class": Rented, **options})))
    assert all(one.is_closed for one in rented)


def test_what_keeps_a_worker_from_starting_is_told(history: RecordedHistory) -> None:
    options = {**ONE_WORKER, "preload": ["import no_such_module"]}
    told = crash_on(DaskTaskRunner(cluster_kwargs=options))

    assert told.startswith(
        "distributed.LocalCluster cannot be started: ModuleNotFoundError: No module named 'no_such"
    )


def test_a_cluster_grows_with_the_work_and_goes_with_the_flow(
    history: RecordedHistory, cluster: LocalCluster
) -> None:
    before = workers()
    adaptive = DaskTaskRunner(
        cluster_kwargs={"n_workers": 0, "threads_per_worker": 1}, adapt_kwargs={"minimum": 0, "maximum": 1}
    )

    assert run_on(adaptive) not in {os.getpid(), *before}
    assert workers() <= before


def test_a_cluster_may_be_threads_of_this_process(history: RecordedHistory) -> None:
    assert run_on(DaskTaskRunner(cluster_kwargs={"processes": False, **ONE_WORKER})) == os.getpid()


def test_a_cluster_is_stopped_though_a_task_executes(
    history: RecordedHistory, cluster: LocalCluster, tmp_path: Path
) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    before = workers()

    @flow(task_runner=DaskTaskRunner(cluster_kwargs=ONE_WORKER))
    def impatient() -> str:
        future = begin_and_go_on(str(fifo))
        fifo.read_text("utf-8")  # it has begun
        future.cancel()
        return "left"

    assert impatient() == "left"  # the task goes on for ever
    assert workers() <= before
    assert history.run("impatient").states_of("begin_and_go_on-0")[-1] == "Cancelled"
