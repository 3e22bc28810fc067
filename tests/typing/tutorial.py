"""Flows as the tutorial writes them: type checkers find no error here, and see the exact types.

`make types` gives this file to mypy and to pyright, each in its strict mode; the tests run it.
"""

from __future__ import annotations

import asyncio
from typing import assert_type

from headrace import FlowRunFuture, TaskFuture, allow_failure, as_completed, flow, quote, task, unmapped, wait


@task
def double(x: int) -> int:
    return 2 * x


@task(retries=2, retry_delay_seconds=[0.1, 0.2])
def join(words: list[str], separator: str = " ") -> str:
    return separator.join(words)


@task
async def fetch(name: str) -> bytes:
    await asyncio.sleep(0)
    return name.encode()


@flow
def numbers(start: int) -> int:
    first = double(start)
    assert_type(first, TaskFuture[int])
    assert_type(double(first), TaskFuture[int])
    assert_type(double(x=first, wait_for=[first]), TaskFuture[int])
    assert_type(double.submit(first), TaskFuture[int])
    assert_type(double(allow_failure(first)), TaskFuture[int])
    assert_type(join(quote(["a", "b"])), TaskFuture[str])
    assert_type(double.with_options(name="twice")(first), TaskFuture[int])
    assert_type(double.fn(1), int)
    assert_type(fetch("a page"), TaskFuture[bytes])
    assert_type(join.map([["a"], ["b"]], separator=unmapped("-")).result(), list[str])
    return first.result()


@flow(name="fetch-all")
async def pages(names: list[str]) -> list[bytes]:
    futures = [fetch(name) for name in names]
    assert_type(await fetch("a page"), bytes)
    assert_type(await double(1), int)
    return await asyncio.gather(*futures)


@flow
def totals(starts: list[int]) -> list[int]:
    doubled = double.map(starts)
    done, not_done = wait(doubled)
    assert_type(done, list[TaskFuture[int]])
    assert not not_done
    for future in as_completed(doubled):
        assert_type(future.result(), int)
    beside = numbers.submit(doubled[0])
    assert_type(beside, FlowRunFuture[int])
    assert_type(numbers(doubled[1]), int)
    return [numbers(future) for future in doubled] + [beside.result()]


@flow
def later(start: int) -> TaskFuture[int]:
    return double(double(start))


def run_here() -> None:
    assert_type(numbers(3), int)
    assert_type(totals([1, 2]), list[int])
    assert_type(later(1), int)


async def run_on_a_loop() -> None:
    assert_type(await pages(["a"]), list[bytes])
