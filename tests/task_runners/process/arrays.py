"""Tasks that take and give large values."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from headrace import task

LARGE = 4_000_000


class Pair(NamedTuple):
    one: Any
    other: Any


class Unpicklable:
    """Large, and not to be sent anywhere."""

    def __init__(self) -> None:
        self.content = np.zeros(LARGE)

    def __reduce__(self) -> Any:
        raise TypeError("it stays where it is")


@task
def ones(size: int) -> Any:
    return np.ones(size, dtype=np.uint8)


@task
def overwrite(array: Any, number: int) -> tuple[int, bool]:
    """What it found, and whether the array is that of somebody else's memory."""
    found = int(array[0])
    array[:] = number
    return found, array.flags.owndata


@task
def pair(array: Any) -> Pair:
    return Pair(array, {"half": array[: len(array) // 2].copy(), "text": "x" * LARGE})


@task
def total(value: Any) -> int:
    return int(value.one.sum()) + int(value.other["half"].sum()) + len(value.other["text"])


@task
def count_descriptors() -> int:
    return len(list(Path("/dev/fd").iterdir()))


@task
def total_of(arrays: list[Any]) -> int:
    return sum(int(array[0]) for array in arrays)


@task
def unpicklable() -> Unpicklable:
    return Unpicklable()
