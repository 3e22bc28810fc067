"""On a terminal: the live view of a run, its summary, and the user's prints between them."""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from headrace import flow as headrace_flow, task
from headrace.cli.lines import Span, plain
from headrace.cli.live import Row, draw, rows_of, submitted_runs, words
from headrace.cli.signs import ASCII, UNICODE
from headrace.flow_runs import FlowRun, conduct_sync
from headrace.history.reader import TaskGroup

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.cli.conftest import OpenTerminal

    Write = Callable[[str, str], str]

# The flow goes on when the person has seen the view, and types a line.
FLOW = """
import sys, threading
from headrace import flow, task

go_on = threading.Event()

@task
def waits(x):
    go_on.wait()
    return x

@task
def breaks():
    raise ValueError("broken \\x1b[5m pipe")

@flow
def watched():
    print("first print")
    waits.map(range(3))
    breaks()
    print("no end", end="", flush=True)
    print(" yet")
    sys.stdin.readline()
    print("second print")
    go_on.set()
"""
CODES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@pytest.fixture
def flow(write: Write) -> str:
    return write("watched.py", FLOW)


def test_the_view_shows_counts_and_failures_as_they_come_and_a_summary(
    flow: str, open_terminal: OpenTerminal
) -> None:
    terminal = open_terminal("run", flow)
    terminal.read_until("3 running")
    terminal.read_until("breaks-0 failed: ")
    terminal.type("go\n")

    assert terminal.wait() == 1
    seen = CODES.sub("", terminal.output)
    assert "0/3" in seen
    assert "4 task runs  ✗ 1 failed  ✓ 3 completed" in seen
    assert r"breaks-0: ValueError: broken \x1b[5m pipe" in seen
    assert re.search(r"headrace runs show [0-9a-f-]{36}", seen)
    assert "first print\r\n" in terminal.output
    assert "no end yet\r\n" in terminal.output
    assert "second print\r\n" in terminal.output
    assert "| INFO" not in seen
    assert "Traceback" not in seen


def test_stdout_elsewhere_has_the_prints_alone(flow: str, open_terminal: OpenTerminal) -> None:
    terminal = open_terminal("run", flow, stdout=subprocess.PIPE)
    terminal.read_until("3 running")
    terminal.type("go\n")
    terminal.wait()

    assert terminal.process.stdout is not None
    assert terminal.process.stdout.read() == b"first print\nno end yet\nsecond print\n"
    terminal.process.stdout.close()
    assert "print" not in terminal.output


def test_no_color_is_respected(flow: str, open_terminal: OpenTerminal) -> None:
    terminal = open_terminal("run", flow, variables={"NO_COLOR": "1"})
    terminal.read_until("3 running")
    terminal.type("go\n")
    terminal.wait()

    assert not re.search(r"\x1b\[[0-9;]*m", terminal.output)


def test_a_terminal_that_knows_nothing_but_characters_gets_log_lines(
    write: Write, open_terminal: OpenTerminal
) -> None:
    name = write("plain.py", "from headrace import flow\n@flow\ndef f(): print('hello')\n")
    terminal = open_terminal("run", name, variables={"TERM": "dumb"})

    assert terminal.wait() == 0
    assert "ended Completed" in terminal.output
    assert "\x1b" not in terminal.output


def test_quiet_shows_neither_view_nor_summary(write: Write, open_terminal: OpenTerminal) -> None:
    name = write("quiet.py", "from headrace import flow\n@flow\ndef f(): print('hello')\n")
    terminal = open_terminal("run", "--quiet", name)

    assert terminal.wait() == 0
    assert terminal.output == "hello\r\n"


FAMILY = """
from headrace import flow, task

@task
def breaks():
    raise ValueError("broken")

@flow
def child(x):
    if x:
        breaks()

@flow
def parent():
    for x in range(3):
        try:
            child(x)
        except ExceptionGroup:
            continue
    return breaks(wait_for=[breaks()])
"""


def test_the_summary_counts_subflows_and_tells_no_failure_twice(
    write: Write, open_terminal: OpenTerminal
) -> None:
    terminal = open_terminal("run", f"{write('family.py', FAMILY)}:parent", variables={"COLUMNS": "100"})

    assert terminal.wait() == 1
    seen = CODES.sub("", terminal.output)
    assert "  3 subflows  ✗ 2 failed  ✓ 1 completed\r\n" in seen
    assert "  2 task runs  ✗ 1 failed  ⊘ 1 upstream failed\r\n" in seen
    assert "  ✗ breaks-0: ValueError: broken\r\n" in seen
    assert re.search(r"family\.py:6 in breaks\r\n", seen)
    assert "UpstreamFailedError" not in seen


def test_ctrl_c_on_the_terminal_ends_with_a_summary_that_says_so(
    flow: str, open_terminal: OpenTerminal
) -> None:
    import signal

    terminal = open_terminal("run", flow)
    terminal.read_until("3 running")
    terminal.process.send_signal(signal.SIGINT)
    terminal.read_until("headrace runs show")

    assert terminal.wait() == 130
    assert "cancelled in" in CODES.sub("", terminal.output)


def test_a_user_error_on_a_terminal_is_one_line_too(open_terminal: OpenTerminal) -> None:
    terminal = open_terminal("run", "nowhere.py")

    assert terminal.wait() == 1
    assert terminal.output.count("\n") == 1


# Drawing --------------------------------------------------------------------------------------------


def group(task: str, state: str, runs: int) -> TaskGroup:
    return TaskGroup(task, state, "", runs, 1, 0, 0, 1, 0, 0)


def texts(rows: list[Row], glyphs: Any = UNICODE, **size: int) -> list[str]:
    lines = draw(([Span("title")], [Span("1 s")]), rows, glyphs, **{"width": 80, "height": 20, **size})
    return [plain(line) for line in lines]


def test_a_row_tells_a_task_s_counts() -> None:
    rows = rows_of([group("load", "Completed", 6), group("load", "Failed", 2), group("load", "Running", 2)], [],
                   Counter(load=12, store=5))  # fmt: skip

    assert rows[0].counts == {"Completed": 6, "Failed": 2, "Running": 2, "Pending": 2}
    assert (rows[0].ended, rows[0].total) == (8, 12)
    assert rows[1].counts == {"Pending": 5}


@pytest.mark.usefixtures("history")
def test_the_runs_that_were_submitted_are_counted_by_task() -> None:
    run = FlowRun(counted, {})

    conduct_sync(run)

    assert submitted_runs(run.driver) == Counter(square=7, add=1)


@task
def square(x: int) -> int:
    return x * x


@task
def add(numbers: list[int]) -> int:
    return sum(numbers)


@headrace_flow
def counted() -> None:
    add(square.map(range(7)))


def test_rows_that_are_over_give_way() -> None:
    rows = rows_of(
        [group(f"t{n}", "Completed" if n < 10 else "Running", 1) for n in range(12)], [], Counter()
    )
    lines = texts(rows, height=5)

    assert len(lines) == 5
    assert lines[1].split()[0] == "t10"
    assert lines[-1].strip() == "and 9 more"


def test_the_view_can_be_drawn_in_ascii() -> None:
    rows = rows_of([group("load", "Completed", 1), group("load", "Running", 1)], [], Counter())

    assert "".join(texts(rows, ASCII)).isascii()


def test_no_line_is_wider_than_the_terminal() -> None:
    rows = rows_of([group("a_task_with_a_very_long_name" * 3, state, 1000) for state in ("Completed", "Failed")], [],
                   Counter())  # fmt: skip

    assert all(len(line) <= 40 for line in texts(rows, width=40))


def test_states_read_as_words() -> None:
    assert words("UpstreamFailed") == "upstream failed"
