"""The two programs of the document that HEADRACE_SEED names run with only the package's name changed.

They are real programs in processes of their own. Without the variable these tests are skipped; a variable that
names no file is a failure.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import RunPython

RUNS = 20
ASYNC_OUTPUT = "1 2 a 6 b 7 c 8 d 9 "


@pytest.fixture(scope="module")
def programs() -> list[str]:
    return read_programs()


def read_programs() -> list[str]:
    location = os.environ.get("HEADRACE_SEED")
    if location is None:
        pytest.skip("HEADRACE_SEED is not set")
    text = Path(location).read_text("utf-8")
    found = re.findall(r"^```python\n(.*?)^```$", text, flags=re.DOTALL | re.MULTILINE)
    return [re.sub(r"\bprefect\b", "headrace", program) for program in found]


@pytest.mark.parametrize("location", ["", "no/such/file.md"])
def test_a_variable_that_names_no_file_is_a_failure(location: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADRACE_SEED", location)

    with pytest.raises(OSError, match=r"No such file|Is a directory"):
        read_programs()


def test_the_document_has_the_two_programs(programs: list[str]) -> None:
    parallel, asynchronous = programs

    assert "def parallel_flow" in parallel
    assert "def async_flow" in asynchronous


def test_the_async_program_prints_the_same_order_every_time(
    programs: list[str], tmp_path: Path, user_environment: dict[str, str]
) -> None:
    script = tmp_path / "async_flow.py"
    script.write_text(programs[1] + "\nasyncio.run(async_flow())\n", "utf-8")

    processes = [
        subprocess.Popen([sys.executable, script], env=user_environment, stdout=subprocess.PIPE, text=True)
        for _ in range(RUNS)
    ]

    assert [process.communicate()[0] for process in processes] == [ASYNC_OUTPUT] * RUNS
    assert [process.returncode for process in processes] == [0] * RUNS


@pytest.mark.parametrize("runner", ["DaskTaskRunner", "ConcurrentTaskRunner"])
def test_the_tasks_of_the_parallel_program_overlap(
    runner: str,
    programs: list[str],
    tmp_path: Path,
    run_python: RunPython,
    user_environment: dict[str, str],
) -> None:
    user_environment.pop(
        "PYTHONUNBUFFERED", None
    )  # the workers of Dask show each line, however they were started
    script = tmp_path / "parallel_flow.py"
    script.write_text(programs[0].replace("DaskTaskRunner", runner), "utf-8")

    # Not word by word: print() writes the text and the end of its line one after the other.
    printed = re.findall(r"AAAA|BBBB", run_python(str(script)).stdout)

    assert printed.count("AAAA") == 15
    assert printed.count("BBBB") == 10
    # One after the other, they would change once; both print at the same pace, so side by side they do all the time.
    assert sum(one != next_one for one, next_one in pairwise(printed)) >= 5, printed
