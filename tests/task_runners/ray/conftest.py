"""One Ray instance a test module: starting one takes seconds."""

from __future__ import annotations

import gc
import warnings
from typing import TYPE_CHECKING

import pytest

from headrace.task_runners.ray_cluster import RayCluster

if TYPE_CHECKING:
    from collections.abc import Iterator

INIT_KWARGS = {"num_cpus": 6, "resources": {"gold": 2}, "object_store_memory": 800_000_000}


@pytest.fixture(scope="module", autouse=True)
def _what_ray_leaves_is_collected() -> Iterator[None]:
    """Ray leaves the processes that it ended, and its sockets, to the garbage collector, which would tell any later test."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.fixture(scope="module")
def instance() -> Iterator[None]:
    """Keeps an instance for the runners of this module, which share the connection of this process."""
    cluster = RayCluster(None, INIT_KWARGS)
    cluster.open()
    yield
    cluster.close()
