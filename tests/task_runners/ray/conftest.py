"""One Ray instance a test module: starting one takes seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from headrace.task_runners.ray_cluster import RayCluster

if TYPE_CHECKING:
    from collections.abc import Iterator

INIT_KWARGS = {"num_cpus": 8, "object_store_memory": 500_000_000}


@pytest.fixture(scope="module")
def instance() -> Iterator[None]:
    """Keeps an instance for the runners of this module, which share the connection of this process."""
    cluster = RayCluster(None, INIT_KWARGS)
    cluster.open()
    yield
    cluster.close()
