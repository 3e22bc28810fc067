"""A script whose flow would be called again by each process that it starts is told so, and no other is."""

from __future__ import annotations

import re
import runpy
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.task_runners.programs import Program, processes_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import RunPython

    Save = Callable[..., str]
    Run = Callable[[str], str]

START = """
import asyncio, multiprocessing, threading
from headrace.errors import MissingMainGuardError
from headrace.task_runners.main_guard import require_main_guard

def start():
    try:
        require_main_guard("A runner", if_=lambda: True)
    except MissingMainGuardError as error:
        print("refused:", error)
    else:
        print("started")

def indirectly():
    start()

async def on_loop():
    start()
"""
"""Asks as a runner does that starts processes."""

EMPTY = """
from headrace import flow
from headrace.task_runners import DaskTaskRunner

@flow(task_runner=DaskTaskRunner({options}))
def empty():
    print("it ran")

def indirectly():
    empty()
"""
"""A flow without tasks starts no cluster; whether it may be called is looked at all the same."""

UNGUARDED = {
    "bare": "start()",
    "in a function": "indirectly()",
    "in a block": "with open(__file__):\n    for _ in range(1):\n        start()",
    "below another condition": "if len(__file__) > 1:\n    start()",
    "after a guard": "if __name__ == '__main__':\n    pass\nstart()",
    "beside a guard": "if __name__ == '__mp_main__':\n    pass\nelse:\n    start()",
    "in an event loop": "asyncio.run(on_loop())",
    "in a thread": "t = threading.Thread(target=start)\nt.start()\nt.join()",
}

GUARDED = {
    "plainly": "if __name__ == '__main__':\n    start()",
    "in one line": "if __name__ == '__main__': start()",
    "the other way round": "if '__main__' == __name__:\n    start()",
    "with more conditions": "if __name__ == '__main__' and len(__file__) > 1:\n    indirectly()",
    "further in": "try:\n    if __name__ == '__main__':\n        with open(__file__):\n            start()\nfinally:\n    pass",
    "by the process": "if multiprocessing.parent_process() is None:\n    start()",
    "by the process's name": "if multiprocessing.current_process().name == 'MainProcess':\n    start()",
    "in an event loop": "if __name__ == '__main__':\n    asyncio.run(on_loop())",
    "in a thread": "if __name__ == '__main__':\n    t = threading.Thread(target=start)\n    t.start()\n    t.join()",
}


GUARD_IT = "if __name__ == '__main__':\n    empty()"


@pytest.fixture
def save(tmp_path: Path) -> Save:
    def save(call: str, *, name: str = "script.py", options: str = "") -> str:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(EMPTY.replace("{options}", options) + call + "\n", "utf-8")
        return str(path)

    return save


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a script as ``__main__`` of this process: what it printed."""

    def run(call: str) -> str:
        script = tmp_path / "script.py"
        script.write_text(f"{START}{call}\n", "utf-8")
        runpy.run_path(str(script), run_name="__main__")
        return capsys.readouterr().out

    return run


@pytest.mark.parametrize("call", UNGUARDED.values(), ids=UNGUARDED)
def test_a_call_that_every_process_would_repeat_is_refused(call: str, run: Run) -> None:
    assert run(call).startswith("refused: A runner starts worker processes")


@pytest.mark.parametrize("call", GUARDED.values(), ids=GUARDED)
def test_a_guarded_call_is_none(call: str, run: Run) -> None:
    assert run(call) == "started\n"


def test_the_message_shows_what_to_write(run: Run, tmp_path: Path) -> None:
    told = run("for _ in range(1):\n    start()  # here")

    assert told.endswith('\n\nif __name__ == "__main__":\n    start()  # here\n\n')
    assert f"({tmp_path / 'script.py'}, line {len(START.splitlines()) + 2})" in told


def test_a_statement_of_many_lines_is_shown_by_its_first(run: Run) -> None:
    assert run("print(\n    start(),\n)").startswith("refused")
    assert run("print(\n    start(),\n)").endswith('\nif __name__ == "__main__":\n    print( ...\n\nNone\n')


def test_a_script_that_cannot_be_read_any_more_has_the_benefit_of_the_doubt(run: Run) -> None:
    assert run("__import__('os').remove(__file__)\nstart()") == "started\n"


# -- what is asked of the runner -----------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    ["'tcp://127.0.0.1:1'", "cluster_kwargs={'processes': False}", "cluster_class=print"],
    ids=["cluster elsewhere", "threads", "class of one's own"],
)
def test_a_runner_that_starts_no_processes_of_python_needs_no_guard(
    options: str, save: Save, run_python: RunPython
) -> None:
    assert run_python(save("empty()", options=options)).stdout == "it ran\n"


def test_the_class_is_asked_wherever_it_is_from(save: Save, run_python: RunPython) -> None:
    options = "cluster_class='distributed.deploy.local.LocalCluster'"

    assert "MissingMainGuardError" in run_python(save("empty()", options=options), check=False).stderr


def test_processes_that_are_forked_need_no_guard(
    save: Save, run_python: RunPython, user_environment: dict[str, str]
) -> None:
    user_environment["DASK_DISTRIBUTED__WORKER__MULTIPROCESSING_METHOD"] = "fork"

    assert run_python(save("empty()")).stdout == "it ran\n"


# -- what is no script ---------------------------------------------------------------------------


def test_the_command_line_calls_flows_of_unguarded_files(save: Save, run_python: RunPython) -> None:
    save("")

    assert (
        run_python("-c", "import headrace.cli; headrace.cli.main()", "run", "script.py:empty").stdout
        == "it ran\n"
    )


def test_a_module_that_is_run_is_a_script(save: Save, run_python: RunPython) -> None:
    save("empty()", name="bare.py")
    save(GUARD_IT, name="guarded.py")

    assert "MissingMainGuardError" in run_python("-m", "bare", check=False).stderr
    assert run_python("-m", "guarded").stdout == "it ran\n"


def test_a_package_that_is_run_is_imported_by_nobody(save: Save, run_python: RunPython) -> None:
    save("empty()", name="package/__main__.py")

    assert run_python("-m", "package").stdout == "it ran\n"


def test_a_flow_that_another_script_calls_is_judged_by_that(
    save: Save, run_python: RunPython, tmp_path: Path
) -> None:
    save("", name="flows.py")
    (tmp_path / "bare.py").write_text("from flows import indirectly\nindirectly()\n", "utf-8")

    assert "bare.py, line 2)" in run_python(str(tmp_path / "bare.py"), check=False).stderr


def test_what_is_typed_in_belongs_to_no_script(save: Save, run_python: RunPython) -> None:
    save("", name="flows.py")

    assert run_python("-c", "import flows; flows.empty()").stdout == "it ran\n"


def test_a_cell_of_a_notebook_belongs_to_no_script(save: Save, run_python: RunPython) -> None:
    """A kernel runs cells in a module called __main__ that came from no file."""
    kernel = """
import sys, types
main = sys.modules["__main__"] = types.ModuleType("__main__")
cell = compile("from flows import empty; empty()", "/tmp/ipykernel_1/1.py", "exec")
exec(cell, vars(main))
"""
    save("", name="flows.py")
    save(f"if __name__ == '__main__':\n    exec({kernel!r})", name="kernel.py")
    save(f"exec({kernel!r})", name="unguarded_kernel.py")

    assert run_python("kernel.py").stdout == "it ran\n"
    assert run_python("unguarded_kernel.py").stdout == "it ran\n"


def test_a_script_from_standard_input_is_told_to_become_a_file(
    save: Save, tmp_path: Path, user_environment: dict[str, str]
) -> None:
    program = EMPTY.replace("{options}", "") + GUARD_IT

    done = subprocess.run(
        [sys.executable, "-"], input=program, cwd=tmp_path, env=user_environment, capture_output=True, text=True,
        timeout=50, check=False,
    )  # fmt: skip

    assert done.returncode == 1
    assert "came by standard input: save it as a file" in done.stderr


# -- processes that were started all the same ------------------------------------------------------


def test_a_process_that_imports_the_script_again_is_stopped_at_the_call(
    save: Save, run_python: RunPython
) -> None:
    """Here the guard is not what it seems, and the process is one that the script itself started."""
    script = save(
        """
import multiprocessing
if __name__ == "__mp_main__":
    empty()
if __name__ == "__main__":
    process = multiprocessing.get_context("spawn").Process(target=print)
    process.start()
    process.join()
"""
    )

    done = run_python(script)

    assert "it ran" not in done.stdout
    assert "MissingMainGuardError: DaskTaskRunner starts worker processes" in done.stderr
    assert "bootstrapping phase" not in done.stderr


def test_an_unguarded_script_ends_with_one_message_before_any_process_is_started(program: Program) -> None:
    process = program(
        """
@task
def double(x):
    return 2 * x

@flow(task_runner=DaskTaskRunner())
def doubles():
    return double(1)

doubles()
"""
    )
    _, told = process.communicate(timeout=50)

    assert process.returncode == 1
    assert len(re.findall(r"^Traceback", told, re.MULTILINE)) == 1
    assert told.endswith('\nif __name__ == "__main__":\n    doubles()\n\n')
    assert told.count("\n") < 50
    assert processes_of(process) == []
