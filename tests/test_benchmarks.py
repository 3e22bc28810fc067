"""The benchmarks work: every row of the table comes out, with its samples. What a clock says is not judged here."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from benchmarks.profiling import Profile

PROJECT = Path(__file__).resolve().parent.parent
ROWS_WITH_A_BASELINE = {
    "fan-out": 4,
    "chain": 1,
    "many-tasks": 2,
    "sleeping-tasks": 2,
    "trivial-flow": 1,
    "cache-hits": 1,
    "start-up": 4 if shutil.which("git") else 3,
    "large-array": 1,
}
ROWS_WITHOUT = {"finished-tasks": 2, "installed-size": 2, "browsing": 23, "live-changes": 1}
pytestmark = pytest.mark.timeout(180)  # a few dozen processes, one after another


def run_benchmarks(*arguments: str) -> subprocess.CompletedProcess[str]:
    return run_python("-m", "benchmarks", *arguments)


def run_python(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=PROJECT,
        env={**os.environ, "PYTHONUTF8": "1"},
        capture_output=True,
        text=True,
        timeout=170,
        check=False,
    )


def is_complete(row: dict[str, Any]) -> bool:
    rounds = len(row["ours"])
    return rounds > 0 and all(isinstance(sample, int | float) for sample in row["ours"])


def test_every_row_of_the_table_is_measured(tmp_path: Path) -> None:
    alone = [option for name in ROWS_WITH_A_BASELINE | ROWS_WITHOUT for option in ("--only", name)]
    done = run_benchmarks("--quick", *alone, "--results", str(tmp_path))

    assert done.returncode == 0, done.stderr
    (table,) = tmp_path.glob("*.txt")
    (raw,) = tmp_path.glob("*.json")
    samples = json.loads(raw.read_text("utf-8"))
    rows = samples["rows"]
    found = [row["benchmark"] for row in rows]
    expected = ROWS_WITH_A_BASELINE | ROWS_WITHOUT
    assert {name: found.count(name) for name in found} == expected
    assert all(is_complete(row) for row in rows)
    for row in rows:
        assert row["what"] in done.stdout
        assert bool(row["baseline"]) == (row["benchmark"] in ROWS_WITH_A_BASELINE)
        assert (row["ratio"] is not None) == bool(row["baseline"])
    assert table.read_text("utf-8") in done.stdout
    assert {"cpu", "cores", "python", "sqlite", "load_average", "date"} <= samples["machine"].keys()


def test_one_benchmark_can_be_measured_alone_in_as_many_rounds_as_wanted(tmp_path: Path) -> None:
    done = run_benchmarks("--quick", "--only", "chain", "--rounds", "3", "--results", str(tmp_path))

    assert done.returncode == 0, done.stderr
    (raw,) = tmp_path.glob("*.json")
    (row,) = json.loads(raw.read_text("utf-8"))["rows"]
    assert len(row["ours"]) == len(row["baseline"]) == 3


def test_one_benchmark_is_profiled() -> None:
    done = run_benchmarks("--quick", "--profile", "chain")

    assert done.returncode == 0, done.stderr
    assert "Ordered by: internal time" in done.stdout


@pytest.mark.traces
@pytest.mark.skipif(sys.version_info >= (3, 12), reason="3.12 and later profile the calling thread only")
def test_a_profile_shows_what_every_thread_did(capsys: pytest.CaptureFixture[str]) -> None:
    def work() -> None: ...

    def turn() -> dict[str, float]:
        thread = threading.Thread(target=work)
        thread.start()
        thread.join(20)
        return {}

    profile = Profile()
    profile(turn)
    profile.show()

    assert "test_benchmarks.py" in (printed := capsys.readouterr().out)
    assert "(work)" in printed


@pytest.mark.parametrize(
    ("engine", "module"),
    [("dask", "distributed"), pytest.param("ray", "ray", marks=pytest.mark.nightly)],  # six instances of Ray
)
def test_an_engine_is_measured_against_its_bare_client(engine: str, module: str, tmp_path: Path) -> None:
    pytest.importorskip(module)

    done = run_benchmarks("--quick", "--only", engine, "--results", str(tmp_path))

    assert done.returncode == 0, done.stderr
    (raw,) = tmp_path.glob("*.json")
    rows = json.loads(raw.read_text("utf-8"))["rows"]
    assert len(rows) == 10
    assert all(is_complete(row) and row["what"].startswith(f"{engine}: ") for row in rows)
    assert [row["what"] for row in rows if not row["baseline"]] == [rows[-2]["what"]]
    assert "growth" in rows[-2]["what"]


@pytest.mark.nightly  # each turn starts processes and imports NumPy in them
def test_worker_processes_are_measured_against_a_bare_pool(tmp_path: Path) -> None:
    done = run_benchmarks("--quick", "--only", "processes", "--results", str(tmp_path))

    assert done.returncode == 0, done.stderr
    (raw,) = tmp_path.glob("*.json")
    rows = json.loads(raw.read_text("utf-8"))["rows"]
    assert len(rows) == 8
    assert all(is_complete(row) and row["baseline"] and row["what"].startswith("processes: ") for row in rows)


@pytest.mark.parametrize(("engine", "module"), [("dask", "distributed"), ("ray", "ray")])
def test_an_engine_that_is_not_installed_is_left_out_with_a_word(
    engine: str, module: str, tmp_path: Path
) -> None:
    without = f"import runpy, sys; sys.modules[{module!r}] = None; runpy.run_module('benchmarks', run_name='__main__')"
    done = run_python("-c", without, "--quick", "--only", engine, "--results", str(tmp_path))

    assert done.returncode == 0, done.stderr
    assert f"{engine} is left out: {module} cannot be imported here\n" in done.stdout
