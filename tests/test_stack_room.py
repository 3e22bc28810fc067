"""A recursion without end, with tasks in it, is an error of the user's and never a hang."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import pytest

from headrace import flow, task
from headrace.testing import in_memory_history


@task
def leaf(number: int) -> int:
    return number


@task
async def async_leaf(number: int) -> int:
    return number


def descend(number: int, task_at_each_level: Any, between: int) -> int:
    if between:
        return descend(number, task_at_each_level, between - 1)
    value: int = task_at_each_level(number).result()
    return value + descend(number + 1, task_at_each_level, 3)


@flow
def descending(task_at_each_level: Any, start: int) -> int:
    return descend(0, task_at_each_level, start)


@task
def task_in_itself(number: int) -> int:
    return task_in_itself(number + 1).result()


@flow
def task_without_end() -> int:
    return task_in_itself(0).result()


@flow
def flow_in_itself(number: int) -> int:
    return flow_in_itself(number + 1)


@flow
async def async_flow_in_itself(number: int) -> int:
    return await async_flow_in_itself(number + 1)


@pytest.mark.parametrize("start", range(16))
@pytest.mark.parametrize("task_at_each_level", [leaf, async_leaf], ids=["sync", "async"])
def test_a_recursion_without_end_in_a_flow_is_raised(task_at_each_level: Any, start: int) -> None:
    with in_memory_history() as history:
        with pytest.raises(RecursionError, match="recursion without end"):
            descending(task_at_each_level, start)

        run = history.run("descending")
        assert run.state == "Failed"
        assert {task_run.state for task_run in run.task_runs} == {"Completed"}


def test_a_task_that_calls_itself_without_end_fails() -> None:
    with in_memory_history() as history:
        with pytest.raises(RecursionError, match="recursion without end"):
            task_without_end()

        assert {task_run.state for task_run in history.run("task_without_end").task_runs} == {"Failed"}


def test_a_flow_that_calls_itself_without_end_fails() -> None:
    with in_memory_history() as history:
        with pytest.raises(RecursionError, match="recursion without end"):
            flow_in_itself(0)

        assert {run.state for run in history.runs("flow_in_itself")} == {"Failed"}


def test_an_async_flow_that_calls_itself_without_end_fails() -> None:
    with in_memory_history() as history:
        with pytest.raises(RecursionError):  # where awaits nest, Python's own may come first
            asyncio.run(async_flow_in_itself(0))

        assert {run.state for run in history.runs("async_flow_in_itself")} == {"Failed"}


def test_a_higher_limit_gives_more_room() -> None:
    @task
    def countdown(number: int) -> int:
        return countdown(number - 1).result() if number else 0

    @flow
    def deep(number: int) -> int:
        return countdown(number).result()

    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(5_000)
    try:
        with in_memory_history():
            assert deep(200) == 0
    finally:
        sys.setrecursionlimit(limit)
