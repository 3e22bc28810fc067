"""Start-up is paid by every run of every script: what is not needed is not loaded, and nothing lingers at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import RunPython

HEAVY = {
    "asyncio", "click", "cloudpickle", "dask", "distributed", "pydantic", "ray", "rich", "sqlite3", "starlette",
}  # fmt: skip

HELLO = """
from headrace import flow, task

@task
def greet(name):
    return f"Hello, {name}!"

@flow
def hello(name="world"):
    return greet(name)

assert hello() == "Hello, world!"
"""


def heavy_modules_loaded_by(program: str, run_python: RunPython) -> set[str]:
    done = run_python("-c", f"{program}\nimport sys; print(*sys.modules)")
    return HEAVY & set(done.stdout.split())


@pytest.mark.parametrize(
    "program",
    [
        "import headrace",
        "from headrace import flow, task",
        "import headrace.task_runners",
        "from headrace.task_runners import DaskTaskRunner; DaskTaskRunner('tcp://127.0.0.1:1')",
        "from headrace.task_runners import DaskTaskRunner; DaskTaskRunner(cluster_class='distributed.LocalCluster')",
    ],
)
def test_the_import_loads_nothing_heavy(program: str, run_python: RunPython) -> None:
    assert heavy_modules_loaded_by(program, run_python) == set()


def test_a_hello_flow_loads_sqlite_and_nothing_else_heavy(run_python: RunPython) -> None:
    assert heavy_modules_loaded_by(HELLO, run_python) == {"sqlite3"}


# What other threads see of a module while one imports it is a module without its names.
IMPORTED_ELSEWHERE = """
import sys, threading, types
from headrace import flow, task

was_asked = threading.Event()

class Incomplete(types.ModuleType):
    def __getattr__(self, name):
        was_asked.set()
        raise AttributeError(name)

@task
def fail():
    was_asked.wait(20)
    raise ValueError("no")

@flow
def go_on():
    sys.modules["asyncio"] = Incomplete("asyncio")
    fail().result()

try:
    go_on()
except ValueError as error:
    print("the flow raised", error)
"""


def test_a_flow_goes_on_while_one_of_its_threads_imports_asyncio(run_python: RunPython) -> None:
    assert run_python("-c", IMPORTED_ELSEWHERE).stdout == "the flow raised no\n"


def test_every_public_name_can_be_imported(run_python: RunPython) -> None:
    run_python("-c", "import headrace; [getattr(headrace, name) for name in headrace.__all__]")


def test_every_public_name_shows_in_dir(run_python: RunPython) -> None:
    run_python("-c", "import headrace; assert set(headrace.__all__) <= set(dir(headrace))")


def test_an_unknown_name_is_an_attribute_error(run_python: RunPython) -> None:
    done = run_python("-c", "import headrace; headrace.no_such_name", check=False)

    assert "AttributeError: module 'headrace' has no attribute 'no_such_name'" in done.stderr


def test_the_process_ends_with_its_last_flow(run_python: RunPython) -> None:
    program = """
from headrace import flow, task
from headrace.task_runners import ConcurrentTaskRunner

@task
def square(x):
    return x * x

@flow(task_runner=ConcurrentTaskRunner(max_workers=8))
def squares():
    return sum(future.result() for future in square.map(range(50)))

print(squares())
"""
    assert run_python("-c", program).stdout == "40425\n"


def test_no_thread_is_left_that_the_interpreter_would_wait_for(run_python: RunPython) -> None:
    watch = "\nimport threading; print([t for t in threading.enumerate()[1:] if not t.daemon])"

    assert run_python("-c", HELLO + watch).stdout == "[]\n"


def test_a_task_that_nobody_waits_for_any_more_does_not_hold_the_process(run_python: RunPython) -> None:
    program = """
import asyncio, threading
from headrace import flow, task

@task
def stuck():
    threading.Event().wait()

@flow
async def impatient():
    try:
        await asyncio.wait_for(stuck(), 0.1)
    except TimeoutError:
        print("left")

asyncio.run(impatient())
"""
    assert run_python("-c", program).stdout == "left\n"
