"""The type of everything that a program can hold, as type checkers see it.

`make types` gives this file to mypy and to pyright, each in its strict mode: an `assert_type` that is not
exactly so is an error. The functions are never called here; that the types tell the truth is tested by running.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Coroutine
from typing import Any, assert_type

from headrace import (
    Flow,
    FlowRunContext,
    FlowRunFuture,
    State,
    Task,
    TaskFuture,
    TaskRunContext,
    allow_failure,
    as_completed,
    flow,
    get_run_context,
    quote,
    tags,
    task,
    unmapped,
    wait,
)
from headrace.task_runners import SequentialTaskRunner


class Model:
    """A class of the user's, to see that types are kept."""


@task
def fit(rows: list[float], *, rounds: int = 3) -> Model:
    return Model()


@task(name="load rows", retries=2, retry_delay_seconds=lambda attempt: 2.0**attempt, tags=["io"])
async def load(name: str) -> list[float]:
    return []


@task
def nothing() -> None: ...


@task
def start(name: str) -> TaskFuture[list[float]]:
    return load(name)


def join(separator: str, *words: str) -> str:
    return separator.join(words)


# -- tasks ---------------------------------------------------------------------------------------


def a_call_gives_a_future_of_the_value() -> None:
    assert_type(fit([1.0]), TaskFuture[Model])
    assert_type(fit([1.0], rounds=5), TaskFuture[Model])
    assert_type(fit.submit([1.0]), TaskFuture[Model])
    assert_type(load("a"), TaskFuture[list[float]])
    assert_type(load.submit("a"), TaskFuture[list[float]])
    assert_type(nothing(), TaskFuture[None])
    assert_type(start("a"), TaskFuture[TaskFuture[list[float]]])


def futures_and_marks_are_taken_for_values() -> None:
    rows = load("a")
    assert_type(fit(rows), TaskFuture[Model])
    assert_type(fit(rows=rows, rounds=nothing()), TaskFuture[Model])
    assert_type(fit.submit(rows, wait_for=[rows, nothing()]), TaskFuture[Model])
    assert_type(fit([1.0], wait_for=[rows]), TaskFuture[Model])
    assert_type(fit(allow_failure(rows)), TaskFuture[Model])
    assert_type(fit(quote([1.0])), TaskFuture[Model])
    assert_type(allow_failure(rows), allow_failure[TaskFuture[list[float]]])
    assert_type(quote([1.0]), quote[list[float]])
    assert_type(unmapped(1), unmapped[int])


def a_future_gives_the_value(timeout: float) -> None:
    future = fit([1.0])
    assert_type(future.result(), Model)
    assert_type(future.result(timeout=timeout), Model)
    assert_type(future.exception(), BaseException | None)
    assert_type(future.wait(timeout), State | None)
    assert_type(future.state, State)
    assert_type(future.done(), bool)
    assert_type(future.cancel(), bool)


def map_gives_a_list_of_futures() -> None:
    futures = fit.map([[1.0], [2.0]], rounds=unmapped(3))
    assert_type(futures[0], TaskFuture[Model])
    assert_type(futures[:2], list[TaskFuture[Model]])
    assert_type(futures.result(), list[Model])
    assert_type(futures.result(timeout=1.0), list[Model])
    assert_type(futures.wait(), list[State | None])
    assert_type([future.result() for future in futures], list[Model])
    assert_type(load.map(["a", "b"]).result(), list[list[float]])
    taken_as_a_list: list[TaskFuture[Model]] = futures
    assert_type(taken_as_a_list.pop(), TaskFuture[Model])


def fn_is_the_function() -> None:
    assert_type(fit.fn([1.0], rounds=2), Model)
    assert_type(load.fn("a"), Coroutine[Any, Any, list[float]]).close()
    takes_rows: Callable[[list[float]], Model] = fit.fn
    takes_a_name: Callable[[str], Coroutine[Any, Any, list[float]]] = load.fn
    assert_type((takes_rows([1.0]), takes_a_name("a")), tuple[Model, Coroutine[Any, Any, list[float]]])


def with_options_gives_the_same_kind_of_task() -> None:
    renamed = fit.with_options(name="fit again", retries=3, retry_delay_seconds=[1, 10], tags={"slow"})
    assert_type(renamed([1.0]), TaskFuture[Model])
    assert_type(renamed.fn([1.0], rounds=2), Model)
    slow = load.with_options(task_run_name="load-{name}", log_prints=True)
    assert_type(slow("a"), TaskFuture[list[float]])
    assert_type(slow.fn("a"), Coroutine[Any, Any, list[float]]).close()


def a_partial_a_lambda_and_a_builtin_are_tasks() -> None:
    assert_type(task(functools.partial(join, "-"))("a", "b"), TaskFuture[str])
    assert_type(task(functools.partial(join, "-"), name="dash")("a", "b"), TaskFuture[str])
    assert_type(task(join, name="joined", retries=1)("-", "a"), TaskFuture[str])
    assert_type(task(len)([1, 2]), TaskFuture[int])
    assert_type(flow(functools.partial(join, "-"), name="dash")("a"), str)


def a_task_is_passed_to_a_function() -> None:
    def run(any_task: Task[[str], list[float]]) -> list[float]:
        return any_task("a").result()

    assert_type(run(load), list[float])


# -- methods -------------------------------------------------------------------------------------


class Store:
    """Tasks and flows of every kind of method."""

    @task
    def read(self, key: str) -> bytes:
        return b""

    @task(retries=1)
    async def fetch(self, key: str) -> bytes:
        return b""

    @task
    @classmethod
    def open(cls, path: str) -> int:
        return 1

    @classmethod
    @task
    def create(cls, path: str) -> int:
        return 1

    @task
    @staticmethod
    def check(key: str) -> bool:
        return True

    @staticmethod
    @task
    def clean(key: str) -> bool:
        return True

    @task
    @staticmethod
    def count() -> int:
        return 0

    @flow
    def copy(self, key: str) -> float:
        return 1.0

    @flow(name="sync")
    async def synchronize(self, key: str) -> float:
        return 1.0


def a_method_is_a_task_without_its_self(store: Store) -> None:
    assert_type(store.read("a"), TaskFuture[bytes])
    assert_type(store.read(store.read("a")), TaskFuture[bytes])
    assert_type(store.read.submit("a"), TaskFuture[bytes])
    assert_type(store.read.map(["a"]).result(), list[bytes])
    assert_type(store.read.fn("a"), bytes)
    assert_type(store.read.with_options(name="r").fn("a"), bytes)
    assert_type(store.fetch("a"), TaskFuture[bytes])
    assert_type(store.fetch.fn("a"), Coroutine[Any, Any, bytes]).close()
    assert_type(Store.read(store, "a"), TaskFuture[bytes])
    assert_type(Store.read.fn(store, "a"), bytes)
    assert_type(Store.fetch.fn(store, "a"), Coroutine[Any, Any, bytes]).close()


def classmethods_and_staticmethods_are_tasks(store: Store) -> None:
    assert_type(Store.open("a"), TaskFuture[int])
    assert_type(store.open("a"), TaskFuture[int])
    assert_type(Store.create("a"), TaskFuture[int])
    assert_type(store.create("a"), TaskFuture[int])
    assert_type(Store.check("a"), TaskFuture[bool])
    assert_type(store.check("a"), TaskFuture[bool])
    assert_type(Store.clean("a"), TaskFuture[bool])
    assert_type(store.clean("a"), TaskFuture[bool])
    assert_type(Store.count(), TaskFuture[int])
    assert_type(store.count(), TaskFuture[int])


async def a_method_is_a_flow_without_its_self(store: Store) -> None:
    assert_type(store.copy("a"), float)
    assert_type(store.copy.fn("a"), float)
    assert_type(store.copy.submit("a"), FlowRunFuture[float])
    assert_type(Store.copy(store, "a"), float)
    assert_type(await store.synchronize("a"), float)
    assert_type(store.synchronize.submit("a"), FlowRunFuture[float])


# -- flows ---------------------------------------------------------------------------------------


@flow
def train(names: list[str], rounds: int = 3) -> Model:
    return Model()


@flow(name="train", task_runner=SequentialTaskRunner, log_prints=True, tags=["nightly"])
async def train_beside(names: list[str]) -> Model:
    return Model()


@flow
def train_late(names: list[str]) -> TaskFuture[Model]:
    return fit([1.0])


@flow
def train_each(names: list[str]) -> list[TaskFuture[Model]]:
    return fit.map(names)


@flow
async def train_late_beside(names: list[str]) -> TaskFuture[Model]:
    return fit([1.0])


@flow
async def train_each_beside(names: list[str]) -> list[TaskFuture[Model]]:
    return [fit([1.0])]


def a_flow_call_gives_the_value() -> None:
    assert_type(train(["a"]), Model)
    assert_type(train(["a"], rounds=5), Model)
    assert_type(train(load("a")), Model)
    assert_type(train(names=[start("a")], rounds=nothing()), Model)
    assert_type(train.fn(["a"], rounds=5), Model)
    assert_type(train.with_options(name="again", task_runner=SequentialTaskRunner())(["a"]), Model)


def a_flow_that_returns_futures_gives_their_values() -> None:
    assert_type(train_late(["a"]), Model)
    assert_type(train_each(["a"]), list[Model])
    assert_type(train_late.submit(["a"]), FlowRunFuture[Model])
    assert_type(train_each.submit(["a"]), FlowRunFuture[list[Model]])
    assert_type(train_late_beside.submit(["a"]), FlowRunFuture[Model])
    assert_type(train_each_beside.submit(["a"]), FlowRunFuture[list[Model]])
    assert_type(train_late.fn(["a"]), TaskFuture[Model])


def submit_gives_a_future_of_a_flow_run() -> None:
    assert_type(train.submit(["a"]), FlowRunFuture[Model])
    assert_type(train.submit(load("a"), rounds=2), FlowRunFuture[Model])
    assert_type(train_beside.submit(["a"]), FlowRunFuture[Model])
    assert_type(train_beside.submit(load("a")), FlowRunFuture[Model])
    future = train_beside.submit(["a"])
    assert_type(future.result(timeout=1), Model)
    assert_type(future.exception(), BaseException | None)
    assert_type(future.wait(), State | None)
    assert_type(future.state, State)
    assert_type(future.flow_run_id, str)
    assert_type(fit(future), TaskFuture[Model])


async def an_async_flow_is_awaited() -> None:
    assert_type(await train_beside(["a"]), Model)
    assert_type(await train_beside(load("a")), Model)
    assert_type(await train_late_beside(["a"]), Model)
    assert_type(await train_each_beside(["a"]), list[Model])
    assert_type(await train_beside.submit(["a"]), Model)
    assert_type(await train_beside.fn(["a"]), Model)
    given: Flow[[list[str]], Coroutine[Any, Any, Model]] = train_beside
    assert_type(await given(["a"]), Model)


# -- several futures -----------------------------------------------------------------------------


async def asyncio_takes_a_future_as_a_coroutine() -> None:
    assert_type(await fit([1.0]), Model)
    assert_type(await load("a"), list[float])
    assert_type(await fit.map([[1.0]]), list[Model])
    assert_type(await asyncio.gather(load("a"), fit([1.0])), tuple[list[float], Model])
    assert_type(await asyncio.gather(*[load("a")]), list[list[float]])
    assert_type(await asyncio.wait_for(fit([1.0]), timeout=1), Model)
    assert_type(await asyncio.create_task(fit([1.0])), Model)
    async with asyncio.TaskGroup() as group:
        grouped = group.create_task(fit([1.0]))
    assert_type(grouped.result(), Model)


def asyncio_runs_a_future() -> None:
    assert_type(asyncio.run(fit([1.0])), Model)


async def wait_and_as_completed_keep_the_kind_of_future() -> None:
    futures = [fit([1.0]), fit([2.0])]
    done, not_done = wait(futures)
    assert_type(done, list[TaskFuture[Model]])
    assert_type(not_done, list[TaskFuture[Model]])
    done, not_done = await wait(fit.map([[1.0]]), timeout=1)
    assert_type(done, list[TaskFuture[Model]])
    assert_type(wait([train.submit(["a"])]).done, list[FlowRunFuture[Model]])
    for future in as_completed(futures):
        assert_type(future, TaskFuture[Model])
    async for future in as_completed(fit.map([[1.0]]), timeout=1):
        assert_type(future, TaskFuture[Model])


def tags_is_a_context() -> None:
    with tags("a", "b"):
        assert_type(fit([1.0]), TaskFuture[Model])


def what_hooks_and_conditions_receive_can_be_annotated() -> None:
    def is_worth_it(task: Task[Any, Any], run: TaskRunContext, state: State) -> bool:
        return run.attempt < 3 and "busy" in str(state)

    def tell(flow: Flow[Any, Any], run: FlowRunContext, state: State) -> None:
        assert_type(run.parameters, dict[str, Any])

    task(retries=3, retry_condition_fn=is_worth_it)(fit.fn)
    flow(on_failure=tell)(train.fn)


def the_context_of_a_run_need_not_be_narrowed() -> None:
    assert_type(get_run_context().attempt, int)
    assert_type(get_run_context().task_run_name, str)
    assert_type(get_run_context().parameters, dict[str, Any])
