"""A Ray instance that a person has started by hand, and flows that are sent there by one argument."""

from __future__ import annotations

import socket
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.task_runners.ray.programs import command, program

if TYPE_CHECKING:
    from collections.abc import Iterator

SECONDS_TO_RUN = 50

PROGRAM = """
@task
def increment(number):
    return number + 1

@task
def tell_parent():
    return os.getppid()

@flow(task_runner=RayTaskRunner(sys.argv[1]))
def main():
    numbers = [increment(increment(number)) for number in range(20)]
    assert tell_parent().result() != os.getpid()
    return sum(future.result() for future in numbers)

if __name__ == "__main__":
    print("the sum is", main())
"""


class Instance(NamedTuple):
    port: int
    client_port: int


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    home = tmp_path_factory.mktemp("instance")
    instance = Instance(free_port(), free_port())
    start = [
        str(Path(sys.executable).with_name("ray")), "start", "--head", "--block", "--num-cpus=2",
        f"--port={instance.port}", "--include-dashboard=false", "--disable-usage-stats",
        "--object-store-memory=200000000",
        # Else the server for clients may begin before the port of that agent is known, and never finds it.
        f"--runtime-env-agent-port={free_port()}",
    ]  # fmt: skip
    if has_client():
        start.append(f"--ray-client-server-port={instance.client_port}")
    # Ray's server for clients forks one for each client. What gRPC does at a fork lets every third of those die at once.
    with command(start, home, GRPC_ENABLE_FORK_SUPPORT="0") as process:
        assert process.stdout is not None
        lines = []
        while "Ray runtime started" not in (line := process.stdout.readline()):
            lines.append(line)
            assert line, "".join(lines)
        yield instance


def free_port() -> int:
    """One that Ray gives to nobody else by itself: its workers take those from 10002 to 19999."""
    while True:
        with socket.create_server(("127.0.0.1", 0)) as server:
            port: int = server.getsockname()[1]
            if port > 24_000:
                return port


def has_client() -> bool:
    return find_spec("grpc") is not None


def test_a_flow_runs_on_it_by_its_address_and_leaves_it_running(running: Instance, tmp_path: Path) -> None:
    for _ in range(2):
        with program(PROGRAM, tmp_path, f"127.0.0.1:{running.port}") as process:
            out, err = process.communicate(timeout=SECONDS_TO_RUN)
            assert process.returncode == 0, err
            assert out == "the sum is 230\n"
            assert len(err.splitlines()) == 2


@pytest.mark.skipif(not has_client(), reason="needs ray[client]")
def test_a_flow_runs_on_it_as_a_client(running: Instance, tmp_path: Path) -> None:
    with program(PROGRAM, tmp_path, f"ray://127.0.0.1:{running.client_port}") as process:
        out, err = process.communicate(timeout=SECONDS_TO_RUN)
        assert process.returncode == 0, err
        assert out == "the sum is 230\n"


@pytest.mark.skipif(has_client(), reason="ray[client] is installed")
def test_a_missing_client_is_told(running: Instance, tmp_path: Path) -> None:
    with program(PROGRAM, tmp_path, f"ray://127.0.0.1:{running.port}") as process:
        _, err = process.communicate(timeout=SECONDS_TO_RUN)
        assert process.returncode == 1
        assert 'pip install "headrace[ray]"' in err
