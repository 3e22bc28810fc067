"""One Ray instance a test module: starting one takes seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from headrace.task_runners.ray_cluster import RayCluster

if TYPE_CHECKING:
    from collections.abc import Iterator

INIT_KWARGS = {"num_cpus": 6, "resources": {"gold": 2}, "object_store_memory": 800_000_000}

# Ray leaves the processes that it ended to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning")


@pytest.fixture(scope="module")
def instance() -> Iterator[None]:
    """Keeps an instance for the runners of this module, which share the connection of this process."""
    cluster = RayCluster(None, INIT_KWARGS)
    cluster.open()
    yield
    cluster.close()
