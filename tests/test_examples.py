"""The small programs of examples/ run as a user runs them, and print what they promise."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.conftest import RunPython

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"


def lines_of(example: str, run_python: RunPython) -> list[str]:
    return run_python(str(EXAMPLES / example)).stdout.splitlines()


def test_hello_greets(run_python: RunPython) -> None:
    assert lines_of("hello.py", run_python) == ["Hello, Headrace!"]


def test_parallel_tasks_mix_their_lines(run_python: RunPython) -> None:
    # Not line by line: print() writes the text and the end of its line one after the other.
    names = re.findall(r"left|right", "".join(lines_of("parallel_tasks.py", run_python)))

    assert names.count("left") == 5
    assert names.count("right") == 3
    assert set(names[:2]) == {"left", "right"}


def test_async_tasks_yield_to_one_another(run_python: RunPython) -> None:
    assert lines_of("async_tasks.py", run_python) == ["g o a 1 b 2 c 3 ", "['go', 'abc', '123']"]


def test_retries_end_with_an_answer(run_python: RunPython) -> None:
    assert lines_of("retries.py", run_python) == ["answered at attempt 3"]


def test_a_flow_that_is_killed_half_way_is_resumed(run_python: RunPython) -> None:
    killed, resumed, run = lines_of("kill_and_resume.py", run_python)

    completed = int(re.search(r"; (\d+) task runs had completed", killed)[1])  # type: ignore[index]
    assert 10 <= completed < 20
    assert resumed == (f"Resumed it: {completed} were replayed, {20 - completed} ran. It gave 13.0 degrees.")
    assert run.startswith("The run:    headrace runs show ")
