"""Options of the Ray task runner that cannot be: refused before anything is started."""

from __future__ import annotations

import asyncio
import importlib.util
import socket
from typing import Any

import pytest

from headrace import flow, task
from headrace.errors import ClusterUnavailableError, MissingExtraError, TaskCrashed
from headrace.task_runners import RayTaskRunner, load, remote_options
from headrace.task_runners.ray_options import options_in


def test_it_is_known_by_its_name() -> None:
    assert load("ray") is RayTaskRunner
    assert repr(RayTaskRunner()) == "RayTaskRunner()"
    assert (
        repr(RayTaskRunner("auto", {"namespace": "a"}))
        == "RayTaskRunner(address='auto', init_kwargs={'namespace': 'a'})"
    )


def test_the_address_is_given_once() -> None:
    with pytest.raises(ValueError, match=r"RayTaskRunner\(address=\.\.\.\)"):
        RayTaskRunner(init_kwargs={"address": "auto"})


@pytest.mark.parametrize("address", ["auto", "127.0.0.1:6379", "ray://head:10001"])
def test_a_running_instance_has_its_processors_already(address: str) -> None:
    with pytest.raises(ValueError, match="num_cpus, resources of init_kwargs"):
        RayTaskRunner(address, {"num_cpus": 4, "resources": {"gold": 1}, "namespace": "a"})


def test_an_address_is_a_text() -> None:
    with pytest.raises(TypeError, match="6379"):
        RayTaskRunner(6379)  # type: ignore[arg-type]


def test_a_missing_ray_is_told_with_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headrace.task_runners.remote.extras.find_spec", find_nothing_of("ray"))

    with pytest.raises(MissingExtraError, match=r'pip install "headrace\[ray\]"') as caught:
        RayTaskRunner()
    assert caught.value.name == "ray"


def find_nothing_of(missing: str) -> Any:
    return lambda name: None if name == missing else importlib.util.find_spec(name)


def test_an_address_where_nobody_listens_crashes_the_flow_run_with_that_cause() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"

    @task
    def nothing() -> None: ...

    @flow(task_runner=RayTaskRunner(address))
    def nowhere() -> None:
        nothing().result()

    with pytest.raises(TaskCrashed, match="nobody listens there") as caught:
        nowhere()
    assert isinstance(caught.value.__cause__, ClusterUnavailableError)
    assert address in str(caught.value.__cause__)


# -- remote_options ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_cpus": "two"}, "num_cpus is a number"),
        ({"num_gpus": True}, "num_gpus is a number"),
        ({"resources": {"gold": "much"}}, "the resource 'gold' is a number"),
        ({"max_retries": 1.5}, "max_retries is a whole number"),
    ],
)
def test_options_of_the_wrong_kind_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(TypeError, match=message), remote_options(**options):
        pass


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_cpus": -1}, "0 or more"),
        ({"num_gpus": float("nan")}, "0 or more"),
        ({"resources": {"CPU": 2}}, "num_cpus"),
        ({"max_retries": -2}, "-1"),
    ],
)
def test_options_that_cannot_be_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message), remote_options(**options):
        pass


def test_an_inner_block_adds_to_the_outer_one_and_ends() -> None:
    def in_force() -> dict[str, Any]:
        from contextvars import copy_context

        return dict(options_in(copy_context()))

    assert in_force() == {}
    with remote_options(num_cpus=2, max_retries=1):
        with remote_options(num_cpus=0.5, resources={"gold": 1}):
            assert in_force() == {"num_cpus": 0.5, "max_retries": 1, "resources": {"gold": 1}}
        assert in_force() == {"num_cpus": 2, "max_retries": 1}
    assert in_force() == {}


def test_each_asyncio_task_has_its_own() -> None:
    async def other() -> dict[str, Any]:
        from contextvars import copy_context

        return dict(options_in(copy_context()))

    async def main() -> tuple[dict[str, Any], dict[str, Any]]:
        with remote_options(num_cpus=3):
            inside = asyncio.create_task(other())
        return await inside, await other()

    assert asyncio.run(main()) == ({"num_cpus": 3}, {})
