"""Other versions on the cluster than here are told in one line, before a task fails of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import distributed.versions
from distributed import LocalCluster

from headrace import flow, task
from headrace.task_runners import DaskTaskRunner
from headrace.task_runners.dask_versions import describe_mismatch
from headrace.testing import in_memory_history

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pytest

HERE = {"python": "3.11.7.final.0", "dask": "2026.8.0", "numpy": "2.4.6", "headrace": "0.1.0"}


def compare(scheduler: Mapping[str, str | None], **workers: Mapping[str, str | None]) -> str | None:
    """What is told of a cluster where these differ from ``HERE``."""
    return describe_mismatch(
        {
            "client": {"packages": HERE},
            "scheduler": {"packages": {**HERE, **scheduler}},
            "workers": {
                f"tcp://{name}:1": {"packages": {**HERE, **found}} for name, found in workers.items()
            },
        }
    )


def test_a_cluster_with_the_same_versions_is_not_worth_a_word() -> None:
    assert compare({}, a={}, b={}) is None


def test_what_differs_is_told_with_both_versions_and_the_place() -> None:
    assert compare({"dask": "2025.2.0"}, a={}) == "dask is 2026.8.0 here, 2025.2.0 on the scheduler"
    assert compare({}, a={"numpy": "2.0.0"}, b={}) == "numpy is 2.4.6 here, 2.0.0 on worker a:1"


def test_places_with_the_same_version_are_told_together() -> None:
    told = compare(
        {"dask": "1"}, a={"dask": "1"}, b={"dask": "2"}, c={"dask": "1"}, d={"dask": "1"}, e={"dask": "1"}
    )

    assert told == (
        "dask is 2026.8.0 here, 1 on the scheduler, worker a:1, worker c:1 and 2 more, 2 on worker b:1"
    )


def test_several_packages_are_one_line() -> None:
    told = compare({}, a={"python": "3.13.0.final.0", "numpy": None})

    assert told == "python is 3.11 here, 3.13 on worker a:1; numpy is 2.4.6 here, missing on worker a:1"


def test_the_last_number_of_python_does_not_count() -> None:
    assert compare({"python": "3.11.9.final.0"}, a={"python": "3.11.0.final.0"}) is None


def test_a_scheduler_needs_nothing_that_tasks_need() -> None:
    assert compare({"numpy": None, "headrace": None}, a={}) is None


def test_a_process_that_did_not_answer_is_left_out() -> None:
    same = {"packages": HERE}

    assert describe_mismatch({"client": same, "scheduler": None, "workers": {"tcp://a:1": None}}) is None


def test_it_is_said_once_when_the_flow_begins(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    """Dask would say it itself by a warning, here an error. Its workers are other processes, which nobody patches."""
    real = distributed.versions.get_package_info

    def pretended(packages: Any) -> dict[str, str | None]:
        return {**real(packages), "dask": "1.2.3"}

    @task
    def nothing() -> None: ...

    with LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=":0") as cluster:
        monkeypatch.setattr(distributed.versions, "get_package_info", pretended)

        @flow(task_runner=DaskTaskRunner(cluster=cluster))
        def on_another_version() -> Any:
            return nothing()

        with in_memory_history():
            on_another_version()
        [worker] = cluster.scheduler.workers

    lines = [line for line in capsys.readouterr().err.splitlines() if "WARNING" in line]
    assert len(lines) == 1
    assert (
        f"The Dask cluster at {cluster.scheduler_address} has other versions, so tasks may fail there: "
        in lines[0]
    )
    assert lines[0].endswith(f" on worker {worker.partition('://')[2]}")
    assert "dask is 1.2.3 here, " in lines[0]
