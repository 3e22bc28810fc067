"""Bits that turned on the disk: no wrong result is given, no run is shown in a wrong state, and nothing shows a traceback."""

from __future__ import annotations

import json
import random
import shutil
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from headrace import flow, task
from headrace.cli.program import program
from headrace.errors import HeadraceError
from headrace.history import History, Reader, use_history

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FLIPS = 200
LOST = object()


@task
def square(number: int) -> list[int]:
    return [number * number] * 40


@task(tags=["odd"])
def fragile(number: int) -> int:
    if number % 3 == 0:
        raise ValueError(f"{number} is too much")
    return number


@flow
def sums(numbers: int) -> int:
    squares = square.map(range(numbers)).result()
    for future in fragile.map(range(12)):
        future.exception()
    return sum(map(sum, squares))


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A history with everything in the database file, and nothing in its log."""
    path = tmp_path_factory.mktemp("sound") / "history.db"
    history = History.open(str(path))
    with use_history(history):
        for _ in range(3):
            sums(60)
    history.close()
    return path


def flip_one_bit(path: Path, source: random.Random) -> None:
    with path.open("r+b") as file:
        place = source.randrange(path.stat().st_size)
        file.seek(place)
        byte = file.read(1)[0]
        file.seek(place)
        file.write(bytes([byte ^ (1 << source.randrange(8))]))


def told_by(path: Path, *command: str) -> Any:
    """What the command prints as JSON, or ``None`` if it says that it cannot; it must not raise."""
    variables = {"HEADRACE_DATABASE": str(path)}
    result = CliRunner().invoke(program, [*command, "--json"], env=variables, catch_exceptions=False)
    assert result.exit_code in (0, 1)
    try:
        return json.loads(result.stdout)
    except ValueError:
        assert result.exit_code == 1
        return None


def states_of(path: Path) -> dict[str, str]:
    """The state that each flow run and each task run of the newest is shown in."""
    listed, shown = told_by(path, "runs", "list"), told_by(path, "runs", "show")
    states = {run["id"]: run["state"] for run in listed or ()}
    return states | {str(run["id"]): run["state"] for run in (shown or {}).get("task_runs_list", ())}


def results_of(path: Path) -> Iterator[tuple[tuple[int, int], Any]]:
    """Every value that is stored, by the keys of its run; where an error says that it cannot be given, ``LOST``."""
    try:
        with Reader.open(str(path)) as reader:
            for summary in reader.list_runs(0):
                run = reader.get_run(summary.id)
                for id, stored in reader.results(run).items():
                    yield (run.key, id), value_of(stored)
    except HeadraceError:
        return


def value_of(stored: Any) -> Any:
    try:
        return stored.load()
    except HeadraceError:
        return LOST


@pytest.mark.timeout(240)
def test_two_hundred_turned_bits_give_no_wrong_result_and_no_traceback(sound: Path, tmp_path: Path) -> None:
    source = random.Random(20260101)
    right_results, right_states = dict(results_of(sound)), states_of(sound)
    assert len(right_results) == 3 * (60 + 8)
    named = 0
    for _ in range(FLIPS):
        path = tmp_path / "history.db"
        shutil.copy(sound, path)
        flip_one_bit(path, source)

        is_named = bool(told_by(path, "doctor")["problems"])
        named += is_named
        for key, value in results_of(path):
            assert value is LOST or key not in right_results or value == right_results[key]
        assert is_named or states_of(path).items() <= right_states.items()

    assert named > FLIPS // 10  # most of a database is room that nobody uses, or texts that are only shown
