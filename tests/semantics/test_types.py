"""Types: rule T1, the half of it that shows at run time.

The other half is in ``tests/typing``, which `make types` gives to mypy and to pyright: there ``exact_types.py``
holds every type, ``wrong_uses.py`` what has to be an error. Here it is tested that those types are true.
"""

from __future__ import annotations

import ast
import asyncio
import importlib.resources
import importlib.util
import inspect
from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from headrace import Flow, FlowRunFuture, Task, TaskFuture, flow, flows, task, tasks, wait
from headrace.tasks import AsyncTask

if TYPE_CHECKING:
    from types import ModuleType

    from tests.semantics.conftest import Story

TYPING = Path(__file__).parent.parent / "typing"


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"typing_{name}", TYPING / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def options_told_to_type_checkers(module: ModuleType, name: str) -> dict[str, str]:
    """The fields of a class that exists for type checkers alone, with their annotations."""
    tree = ast.parse(inspect.getsource(module))
    (found,) = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef) and node.name == name]
    fields = [node for node in found.body if isinstance(node, ast.AnnAssign)]
    return {ast.unparse(field.target): ast.unparse(field.annotation) for field in fields}


def test_t1_the_package_says_that_it_is_typed() -> None:
    assert importlib.resources.files("headrace").joinpath("py.typed").is_file()


def test_t1_the_tutorial_runs_as_it_is_typed(story: Story) -> None:
    tutorial = load("tutorial")

    tutorial.run_here()
    asyncio.run(tutorial.run_on_a_loop())

    assert [run.flow for run in story.flow_runs() if run.parent is None] == [
        "numbers", "totals", "later", "fetch-all",
    ]  # fmt: skip
    assert {run.state for run in story.flow_runs()} == {"Completed"}
    assert tutorial.later(2) == 8
    assert tutorial.totals([1, 2]) == [4, 8, 4]


def test_t1_the_exact_types_are_those_of_what_is_there() -> None:
    typed = load("exact_types")
    store = typed.Store()

    assert (type(typed.fit), type(typed.load)) == (Task, AsyncTask)
    assert (type(typed.fit.with_options(name="a")), type(typed.load.with_options())) == (Task, AsyncTask)
    assert (type(store.read), type(store.fetch), type(typed.Store.fetch)) == (Task, AsyncTask, AsyncTask)
    assert type(store.copy) is Flow
    typed.a_future_gives_the_value(5)
    typed.map_gives_a_list_of_futures()
    typed.with_options_gives_the_same_kind_of_task()
    typed.a_method_is_a_task_without_its_self(store)
    typed.classmethods_and_staticmethods_are_tasks(store)
    typed.a_flow_that_returns_futures_gives_their_values()
    typed.submit_gives_a_future_of_a_flow_run()
    typed.asyncio_runs_a_future()
    asyncio.run(typed.a_method_is_a_flow_without_its_self(store))
    asyncio.run(typed.an_async_flow_is_awaited())
    asyncio.run(typed.asyncio_takes_a_future_as_a_coroutine())
    asyncio.run(typed.wait_and_as_completed_keep_the_kind_of_future())


@pytest.mark.parametrize(
    "name", [name for name in vars(load("wrong_uses")) if name.startswith(("an_option_", "options_"))]
)
def test_t1_wrong_options_are_errors_at_run_time_too(name: str) -> None:
    with pytest.raises((TypeError, ValueError), match=r"no_such_option|retries=|takes a function"):
        getattr(load("wrong_uses"), name)()


@pytest.mark.parametrize(
    ("module", "name", "made"),
    [(tasks, "TaskOptions", Task), (flows, "FlowOptions", Flow)],
    ids=["task", "flow"],
)
def test_t1_type_checkers_know_every_option_and_no_other(module: Any, name: str, made: type[Any]) -> None:
    taken = inspect.signature(made.__init__).parameters.values()
    options = {option.name: option.annotation for option in taken if option.kind is option.KEYWORD_ONLY}

    assert options_told_to_type_checkers(module, name) == options


def test_t1_a_call_gives_a_future_of_the_value_for_sync_and_async_tasks_alike() -> None:
    @task
    def double(x: int) -> int:
        return 2 * x

    @task
    async def async_double(x: int) -> int:
        return 2 * x

    @flow
    def calling() -> list[tuple[type, type]]:
        futures = [double(1), double(double(1)), double.submit(1), async_double(1), *double.map([1])]
        return [(type(future), type(future.result())) for future in futures]

    assert set(calling()) == {(TaskFuture, int)}


def test_t1_fn_keeps_the_exact_signature() -> None:
    def described(rows: list[float], /, *names: str, rounds: int = 3, **options: bool) -> str:
        return ""

    async def beside(x: int) -> int:
        return x

    assert inspect.signature(task(described).fn) == inspect.signature(described)
    assert inspect.signature(flow(described).fn) == inspect.signature(described)
    assert task(retries=1)(described).with_options(name="a").fn is described
    assert inspect.iscoroutinefunction(task(beside).fn)


def test_t1_futures_are_coroutines_to_asyncio_as_type_checkers_are_told() -> None:
    @task
    def one() -> int:
        return 1

    @flow
    def two() -> int:
        return 2

    futures: list[TaskFuture[int] | FlowRunFuture[int]] = [one(), two.submit()]
    wait(futures)

    assert all(issubclass(type(future), Coroutine) for future in futures)
    assert all(asyncio.iscoroutine(future) for future in futures)
    assert [asyncio.run(future) for future in futures] == [1, 2]


def test_t1_options_may_stand_beside_the_function() -> None:
    def plain(x: int) -> int:
        return x

    assert task(plain, name="a", retries=2).retry_policy.retries == 2
    assert flow(plain, name="b")(3) == 3


def test_t1_asyncio_prints_its_task_of_a_future() -> None:
    """Python >= 3.12 asks whether the coroutine is true then, and asyncio.run() itself prints its task."""

    @task
    def one() -> int:
        return 1

    async def printing() -> tuple[str, int]:
        asyncio_task = asyncio.create_task(one())
        return repr(asyncio_task), await asyncio_task

    text, value = asyncio.run(printing())

    assert text.startswith("<Task pending")
    assert value == 1
