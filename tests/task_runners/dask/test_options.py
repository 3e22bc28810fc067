"""The options of the Dask runner: what they are, which exclude each other, and what is told of wrong ones."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from headrace.errors import MissingExtraError
from headrace.task_runners import DaskTaskRunner

ADDRESS = "tcp://127.0.0.1:8786"


class RunningCluster:
    scheduler_address = ADDRESS

    def __repr__(self) -> str:
        return "RunningCluster()"


@pytest.mark.parametrize(
    ("options", "shown"),
    [
        ({}, ""),
        ({"address": ADDRESS}, f"address={ADDRESS!r}"),
        ({"cluster": RunningCluster()}, "cluster=RunningCluster()"),
        ({"cluster_kwargs": {"n_workers": 2}}, "cluster_kwargs={'n_workers': 2}"),
        ({"cluster_kwargs": {}, "client_kwargs": {}}, ""),
        ({"adapt_kwargs": {}}, "adapt_kwargs={}"),
        (
            {"client_kwargs": {"timeout": 1}, "cluster_class": "distributed.LocalCluster"},
            "cluster_class='distributed.LocalCluster', client_kwargs={'timeout': 1}",
        ),
    ],
    ids=str,
)
def test_a_runner_shows_what_it_was_given(options: dict[str, Any], shown: str) -> None:
    assert repr(DaskTaskRunner(**options)) == f"DaskTaskRunner({shown})"


def test_options_may_be_given_by_position_in_their_usual_order() -> None:
    runner = DaskTaskRunner(
        None, None, "distributed.LocalCluster", {"n_workers": 1}, {"maximum": 2}, {"name": "x"}
    )

    assert runner.cluster_class == "distributed.LocalCluster"
    assert (runner.cluster_kwargs, runner.adapt_kwargs, runner.client_kwargs) == (
        {"n_workers": 1},
        {"maximum": 2},
        {"name": "x"},
    )


def test_what_is_changed_later_changes_no_runner() -> None:
    kwargs = {"n_workers": 1}
    runner = DaskTaskRunner(cluster_kwargs=kwargs)
    kwargs["n_workers"] = 2

    assert runner.cluster_kwargs == {"n_workers": 1}


STARTING: dict[str, Any] = {
    "cluster_class": "distributed.LocalCluster",
    "cluster_kwargs": {"n_workers": 1},
    "adapt_kwargs": {},
}


@pytest.mark.parametrize("option", STARTING)
@pytest.mark.parametrize("running", ["address", "cluster"])
def test_a_cluster_that_runs_takes_no_options_for_starting_one(running: str, option: str) -> None:
    cluster: Any = ADDRESS if running == "address" else RunningCluster()
    options = {running: cluster, option: STARTING[option]}

    with pytest.raises(
        ValueError, match=rf"\({running}=\.\.\., {option}=\.\.\.\): .*; leave one of them out"
    ):
        DaskTaskRunner(**options)


def test_there_is_one_cluster() -> None:
    with pytest.raises(ValueError, match=r"address=\.\.\., cluster=\.\.\.\): give one of them"):
        DaskTaskRunner(address=ADDRESS, cluster=RunningCluster())


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"address": 8786}, "address=8786.*such as 'tcp://127.0.0.1:8786'"),
        ({"cluster": RunningCluster}, "give a cluster that runs; .* there is cluster_class"),
        ({"cluster": ADDRESS}, "give a cluster that runs; .* address"),
        ({"cluster": 3}, "this has no scheduler_address"),
        ({"cluster_class": 3}, "give a class, or where it is to be found"),
        ({"cluster_kwargs": [("n_workers", 1)]}, "cluster_kwargs=.*give a dict"),
        ({"cluster_kwargs": {1: 2}}, "cluster_kwargs=.*names of arguments"),
        ({"adapt_kwargs": 3}, "adapt_kwargs=3.*give a dict"),
        ({"client_kwargs": "timeout"}, "client_kwargs='timeout'.*give a dict"),
    ],
    ids=str,
)
def test_a_value_of_the_wrong_kind_is_a_type_error(options: dict[str, Any], told: str) -> None:
    with pytest.raises(TypeError, match=told):
        DaskTaskRunner(**options)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"address": ""}, "give the address of a scheduler"),
        ({"cluster_class": "LocalCluster"}, "module and class, such as 'distributed.LocalCluster'"),
        ({"cluster_class": "distributed:LocalCluster"}, "module and class"),
        ({"cluster_class": "no_such_package.Cluster"}, "there is no package 'no_such_package'"),
        ({"cluster_kwargs": {"asynchronous": True}}, "cluster_kwargs.*'asynchronous'"),
        ({"client_kwargs": {"asynchronous": True}}, "client_kwargs.*'asynchronous'"),
        ({"client_kwargs": {"address": ADDRESS}}, "client_kwargs.*'address'"),
    ],
    ids=str,
)
def test_a_value_that_cannot_be_meant_is_a_value_error(options: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        DaskTaskRunner(**options)


def test_where_dask_is_missing_the_command_that_installs_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)

    with pytest.raises(MissingExtraError, match=r'pip install "headrace\[dask\]"') as caught:
        DaskTaskRunner()

    assert caught.value.name == "distributed"
