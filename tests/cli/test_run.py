"""`headrace run`: which flow, with what, and how the process ends."""

from __future__ import annotations

import json
import signal
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests.cli.conftest import COMMAND

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from headrace.history import History
    from tests.cli.conftest import Invoke, RunHeadrace

    Write = Callable[[str, str], str]

FLOWS = """
import sys
from typing import Any
from headrace import flow, task

@task
def double(x):
    return 2 * x

@flow
def doubled(number: int, label: str = "none", options: Any = None):
    print(double(number).result(), repr(label), repr(options))

@flow(name="the other")
async def other():
    print(await double(4))

if __name__ == "__main__":
    print("the block ran")
"""
ENDINGS = """
import sys
from headrace import flow, task

@task
def breaks():
    raise ValueError("broken")

@flow
def unseen():
    breaks()

@flow
def raises():
    raise RuntimeError("by itself")

@flow
def leaves(code):
    sys.exit(code)
"""


@pytest.fixture
def flows(write: Write) -> str:
    return write("flows.py", FLOWS)


def only_run(run_headrace: RunHeadrace) -> dict[str, Any]:
    (run,) = json.loads(run_headrace("runs", "list", "--json").stdout)
    return dict(run)


# Which flow -----------------------------------------------------------------------------------------


def test_a_flow_of_a_file_runs_and_its_main_block_does_not(flows: str, run_here: Invoke) -> None:
    done = run_here(f"{flows}:doubled", "-p", "number=4")

    assert (done.stdout, done.exit_code) == ("8 'none' None\n", 0)


def test_a_flow_is_found_by_the_name_it_gives_itself_and_may_be_async(flows: str, run_here: Invoke) -> None:
    done = run_here(f"{flows}:the other")

    assert (done.stdout, done.exit_code) == ("8\n", 0)


def test_a_flow_of_a_module_runs(write: Write, run_here: Invoke) -> None:
    write("package/__init__.py", "")
    write("package/flows.py", FLOWS)

    assert run_here("package.flows:other").stdout == "8\n"


def test_the_only_flow_need_not_be_named(write: Write, run_here: Invoke) -> None:
    write("imported.py", "from headrace import flow\n@flow\ndef imported(): pass\n")
    write(
        "own.py", "from headrace import flow\nfrom imported import imported\n@flow\ndef own(): print('own')\n"
    )

    assert run_here("own.py").stdout == "own\n"


def test_the_folder_of_the_file_is_on_the_path_as_python_would_have_it(
    write: Write, run_here: Invoke
) -> None:
    write("folder/neighbour.py", "word = 'found'")
    write(
        "folder/flows.py",
        "import neighbour, sys\nfrom headrace import flow\n@flow\ndef f(): print(neighbour.word, sys.path[0])\n",
    )

    assert run_here("folder/flows.py").stdout.split()[0] == "found"
    assert run_here("folder/flows.py").stdout.strip().endswith("folder")


def test_a_file_may_be_called_like_a_module_that_is_loaded(write: Write, run_here: Invoke) -> None:
    name = write("types.py.flow.py", "from headrace import flow\n@flow\ndef f(): print('ran')\n")

    assert run_here(name).stdout == "ran\n"


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("flows.py", "has 2 flows: doubled, other. Say which one: headrace run flows.py:doubled"),
        ("flows.py:nope", "has no flow called 'nope'. It has: doubled, other."),
        ("flows.py:", "names no flow"),
        ("nowhere.py", "nowhere.py does not exist"),
        ("./", "is a folder"),
        (".", ". is a folder"),
        ("folder", "folder is a folder"),
        ("no_such_module", "There is no module 'no_such_module'"),
        ("email", "email has no flow"),
        ("broken.py", "broken.py:2: SyntaxError"),
        ("raising.py", "raising.py:2: ZeroDivisionError"),
        ("needs.py", "needs.py:1: ModuleNotFoundError: No module named 'no_such_module'"),
    ],
)
def test_what_cannot_be_found_is_one_line(
    target: str, said: str, flows: str, write: Write, run_here: Invoke
) -> None:
    write("broken.py", "x = 1\ny = = 2\n")
    write("raising.py", "x = 0\n1 / x\n")
    write("needs.py", "import no_such_module\n")
    write("folder/flows.py", FLOWS)

    done = run_here(target)

    assert done.exit_code == 1
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


# With what ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pairs", "printed"),
    [
        (["number=1", "label=text"], "2 'text' None"),
        (["number=1", "label=007"], "2 '007' None"),
        (["number=1", 'label="quoted"'], "2 'quoted' None"),
        (["number=1", "options=[1, null]"], "2 'none' [1, None]"),
        (["number=1", "options=a=b"], "2 'none' 'a=b'"),
        (["number=1", "options="], "2 'none' ''"),
        (["number=1", "options=true"], "2 'none' True"),
    ],
)
def test_values_are_json_or_text(pairs: list[str], printed: str, flows: str, run_here: Invoke) -> None:
    options = [word for pair in pairs for word in ("-p", pair)]

    assert run_here(f"{flows}:doubled", *options).stdout == f"{printed}\n"


@pytest.mark.parametrize(
    ("pairs", "said"),
    [
        ([], "needs a value for 'number': give it with -p number=VALUE"),
        (["number=1", "x=2"], "has no parameter 'x' (it takes number, label, options)"),
        (["number"], "-p 'number' is no name=value"),
        (["number=1", "number=2"], "-p number is given twice"),
    ],
)
def test_parameters_that_do_not_fit_are_one_line_and_no_run(
    pairs: list[str], said: str, flows: str, history: History, run_here: Invoke
) -> None:
    done = run_here(f"{flows}:doubled", *[word for pair in pairs for word in ("-p", pair)])

    assert done.exit_code == 2
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    with history.reader() as reader:
        assert reader.list_runs() == []


def test_a_json_object_on_stdin_gives_parameters(flows: str, run_here: Invoke) -> None:
    done = run_here(f"{flows}:doubled", "--params", "-", input='{"number": 4, "label": "007"}')

    assert (done.stdout, done.exit_code) == ("8 '007' None\n", 0)


def test_a_file_gives_parameters_and_p_those_that_it_lacks(
    flows: str, write: Write, run_here: Invoke
) -> None:
    write("given.json", '{"number": 4}')

    assert run_here(f"{flows}:doubled", "--params", "given.json", "-p", "label=x").stdout == "8 'x' None\n"


def test_parameters_of_any_number_are_a_list_and_an_object(write: Write, run_here: Invoke) -> None:
    write(
        "any.py",
        "from headrace import flow\n@flow\ndef f(a, b=2, *rest, c=3, **more): print(a, b, rest, c, more)\n",
    )
    given = '{"a": 1, "rest": [8, 9], "more": {"x": 1}, "y": 2}'

    assert run_here("any.py", "--params", "-", input=given).stdout == "1 2 (8, 9) 3 {'x': 1, 'y': 2}\n"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("{", "--params <stdin> is no JSON: "),
        ("[1]", "is no JSON object, such as"),
        ('{"number": 1}', "number is given by -p and by --params"),
        ('{"x": 1}', "has no parameter 'x' (it takes number, label, options)"),
    ],
)
def test_an_object_of_parameters_that_does_not_fit_is_one_line(
    given: str, said: str, flows: str, run_here: Invoke
) -> None:
    done = run_here(f"{flows}:doubled", "-p", "number=1", "--params", "-", input=given)

    assert done.exit_code == 2
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_value_of_the_wrong_type_is_told_once_and_without_a_traceback(
    flows: str, run_headrace: RunHeadrace
) -> None:
    done = run_headrace("run", f"{flows}:doubled", "-p", "number=many")

    assert done.returncode == 1
    assert done.stderr.count("number: ") == 1
    assert "headrace runs show " in done.stderr
    assert "Traceback" not in done.stderr


# How it ends ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "code", "state"),
    [
        (["unseen"], 1, "Failed"),
        (["raises"], 1, "Failed"),
        (["leaves", "-p", "code=0"], 0, "Completed"),
        (["leaves", "-p", "code=3"], 3, "Failed"),
        (["leaves", "-p", "code=a message"], 1, "Failed"),
    ],
)
def test_the_exit_code_says_how_the_flow_ended(
    arguments: list[str], code: int, state: str, write: Write, run_headrace: RunHeadrace
) -> None:
    flow, *options = arguments
    done = run_headrace("run", f"{write('endings.py', ENDINGS)}:{flow}", *options)

    assert done.returncode == code, done.stderr
    assert only_run(run_headrace)["state"] == state


def test_elsewhere_than_on_a_terminal_the_log_lines_are_the_library_s(
    write: Write, run_headrace: RunHeadrace
) -> None:
    done = run_headrace("run", f"{write('endings.py', ENDINGS)}:unseen")

    assert "| ERROR   | Task run 'breaks-0' failed" in done.stderr
    assert done.stderr.count("ValueError: broken") == 1
    assert f"headrace runs show {only_run(run_headrace)['id']}" in done.stderr
    assert done.stdout == ""
    assert "\x1b" not in done.stderr


def test_log_lines_do_nothing_to_a_terminal(write: Write, run_headrace: RunHeadrace) -> None:
    program = """
from headrace import flow, get_run_logger
@flow(flow_run_name="\\x1b[31mred")
def hostile():
    get_run_logger().info("one\\x1b]0;title\\a\\ntwo")
"""
    done = run_headrace("run", write("hostile.py", program))

    assert not {"\x1b", "\a"} & {*done.stderr}
    assert r"Flow run '\x1b[31mred' of flow 'hostile' ended Completed" in done.stderr
    assert r"one\x1b]0;title\x07" + "\ntwo\n" in done.stderr


def test_no_look_is_promised_at_what_is_gone_with_the_process(
    write: Write, run_headrace: RunHeadrace
) -> None:
    done = run_headrace("run", f"{write('endings.py', ENDINGS)}:unseen", HEADRACE_DATABASE=":memory:")

    assert done.returncode == 1
    assert "ValueError: broken" in done.stderr
    assert "headrace runs show" not in done.stderr


def test_what_the_flow_itself_raised_has_its_traceback_from_its_own_line_on(
    write: Write, run_headrace: RunHeadrace
) -> None:
    done = run_headrace("run", f"{write('endings.py', ENDINGS)}:raises")

    assert 'raise RuntimeError("by itself")' in done.stderr
    assert "flow_runs.py" not in done.stderr


@pytest.mark.parametrize("key", ["", " "])
def test_an_empty_key_is_no_key(key: str, flows: str, history: History, run_here: Invoke) -> None:
    done = run_here(f"{flows}:doubled", "-p", "number=1", "--run-key", key)

    assert done.exit_code == 2
    assert "--run-key is empty" in done.stderr
    with history.reader() as reader:
        assert reader.list_runs() == []


def test_quiet_leaves_the_prints_and_the_errors(flows: str, write: Write, run_headrace: RunHeadrace) -> None:
    done = run_headrace("run", "--quiet", f"{flows}:doubled", "-p", "number=4")
    failed = run_headrace("run", "-q", f"{write('endings.py', ENDINGS)}:unseen")

    assert (done.stdout, done.stderr) == ("8 'none' None\n", "")
    assert "ValueError: broken" in failed.stderr


def test_quiet_does_not_take_lines_from_the_history(write: Write, run_headrace: RunHeadrace) -> None:
    name = write(
        "says.py",
        "from headrace import flow, get_run_logger\n@flow\ndef f(): get_run_logger().info('said')\n",
    )

    run_headrace("run", "-q", name)

    assert "said" in run_headrace("runs", "logs").stdout


@pytest.mark.parametrize(
    ("arguments", "code", "state"), [(["unseen"], 1, "Failed"), (["leaves", "-p", "code=0"], 0, "Completed")]
)
def test_the_run_is_the_last_line_as_json(
    arguments: list[str], code: int, state: str, write: Write, run_here: Invoke
) -> None:
    name, *options = arguments
    done = run_here(f"{write('endings.py', ENDINGS)}:{name}", "--quiet", "--json", *options)

    run = json.loads(done.stdout.splitlines()[-1])
    assert done.exit_code == code
    assert (run["flow"], run["state"]) == (name, state)
    assert sum(run["task_runs"].values()) == (1 if name == "unseen" else 0)


INTERRUPTED = """
import asyncio, threading
from headrace import flow, task

@task
def waits():
    threading.Event().wait(0.5)

@task
def never():
    raise SystemError("it was not to start")

@task
async def sleeps():
    print("ready", flush=True)
    await asyncio.Event().wait()

@flow
def in_threads():
    first = waits()
    never(wait_for=[first])
    print("ready", flush=True)
    first.result()
    threading.Event().wait()

@flow
async def on_a_loop():
    await sleeps()
"""


@pytest.mark.parametrize("flow", ["in_threads", "on_a_loop"])
def test_ctrl_c_cancels_and_records_and_exits_130(
    flow: str, write: Write, tmp_path: Path, user_environment: dict[str, str], run_headrace: RunHeadrace
) -> None:
    target = f"{write('interrupted.py', INTERRUPTED)}:{flow}"
    with subprocess.Popen(
        [*COMMAND, "run", target],
        cwd=tmp_path,
        env=user_environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)

    assert process.returncode == 130, errors
    assert "Traceback" not in errors
    run = only_run(run_headrace)
    assert run["state"] == "Cancelled"
    assert run["task_runs"]["CANCELLED"] >= 1
    assert sum(run["task_runs"].values()) == run["task_runs"]["CANCELLED"] + run["task_runs"]["COMPLETED"]


STUBBORN = """
import threading
from headrace import flow, task

def wait_for_ever():
    while True:  # Python looks for signals between two waits: one that comes just before a wait is not seen in it
        threading.Event().wait(0.1)

@task
def deaf():
    wait_for_ever()

@flow
def stubborn():
    future = deaf()
    try:
        print("ready", flush=True)
        future.result()
    finally:
        print("cleaning", flush=True)
        wait_for_ever()
"""


def test_the_second_ctrl_c_leaves_at_once(
    write: Write, tmp_path: Path, user_environment: dict[str, str], run_headrace: RunHeadrace
) -> None:
    with subprocess.Popen(
        [*COMMAND, "run", write("stubborn.py", STUBBORN)],
        cwd=tmp_path,
        env=user_environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        for line in ("ready\n", "cleaning\n"):
            assert process.stdout.readline() == line
            process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)

    assert process.returncode == 130, errors
    assert "Traceback" not in errors
    assert only_run(run_headrace)["state"] == "Cancelled"
