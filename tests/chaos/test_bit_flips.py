"""A bit turns in what a crashed run has left, and the run is resumed: its value is the right one, or there is an error that says why not."""

from __future__ import annotations

import json
import random
import shutil
import sqlite3
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from tests.chaos.campaign import COUNT, Campaign, Stage
from tests.chaos.flows import undisturbed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def stage() -> Iterator[Stage]:
    with Stage() as stage:
        yield stage


class Damaged:
    """The folder of a run that crashed near its end, to be damaged as often as one likes."""

    def __init__(self, folder: Path, stage: Stage) -> None:
        self._stage = stage
        self._folder = folder
        options: dict[str, Any] = {"runner": "sequential", "flow": "expedition", "choose": random.Random(0)}
        baseline = Campaign(folder / "undisturbed", stage, **options).measure()
        crashed = Campaign(folder / "crashed", stage, **options)
        self.run_id = crashed.crash(baseline)
        self.original = crashed.folder
        connection = sqlite3.connect(self.original / "history.db")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # SQLite's log has checksums, its file has none
        connection.close()

    def copy(self, name: str) -> Path:
        return shutil.copytree(self.original, self._folder / name)

    def resume(self, folder: Path) -> dict[str, Any]:
        outcome = folder / "outcome.json"
        told = self._stage.live(
            flow="expedition",
            runner="sequential",
            count=COUNT,
            run_id=self.run_id,
            failpoint=None,
            kill_after_seconds=None,
            environment={
                "HEADRACE_HOME": str(folder),
                "CHAOS_LOG": str(folder / "executions.log"),
                "CHAOS_EPOCH": "2",
            },
            outcome=str(outcome),
            said=str(folder / "said.txt"),
        )
        assert outcome.exists(), (told, (folder / "said.txt").read_text()[-3000:])
        given: dict[str, Any] = json.loads(outcome.read_text())
        return given


def turn_a_bit(path: Path, choose: random.Random) -> str:
    content = bytearray(path.read_bytes())
    place, bit = choose.randrange(len(content)), choose.randrange(8)
    content[place] ^= 1 << bit
    path.write_bytes(content)
    return f"bit {bit} of byte {place} of {path.name}"


def turn_bits(folder: Path, stage: Stage, seeds: range) -> Counter[str]:
    """What became of resumes after that: ``right``, or the class of the error."""
    damaged = Damaged(folder, stage)
    expected = undisturbed("expedition", COUNT).value
    became: Counter[str] = Counter()
    for seed in seeds:
        choose = random.Random(seed)
        copy = damaged.copy(f"copy-{seed}")
        files = [path for path in (copy / "results").rglob("*") if path.is_file()]
        assert files
        where = turn_a_bit(choose.choice(files) if choose.random() < 0.2 else copy / "history.db", choose)
        given = damaged.resume(copy)
        if "value" in given:
            assert given["value"] == expected, (seed, where)
        else:
            assert given["is_told"], (seed, where, given["error"], (copy / "said.txt").read_text()[-3000:])
        became["right" if "value" in given else given["error"].partition(":")[0]] += 1
        shutil.rmtree(copy)
    return became


def test_a_turned_bit_never_makes_a_resume_give_a_wrong_value(tmp_path: Path, stage: Stage) -> None:
    print(turn_bits(tmp_path, stage, range(25)))


@pytest.mark.parametrize(
    ("task", "column", "was", "is_now"),
    [
        ("fetch", "parameters", '"fetch/0","number":0', '"fetch/2","number":2'),
        ("square", "call_key", None, "(SELECT call_key FROM task_runs WHERE task = 'square' AND id = 9)"),
        ("grow", "parameters", '"growth"', '"groups"'),
    ],
)
def test_a_value_is_not_taken_for_that_of_another_call(
    tmp_path: Path, stage: Stage, task: str, column: str, was: str | None, is_now: str
) -> None:
    damaged = Damaged(tmp_path, stage)
    connection = sqlite3.connect(damaged.original / "history.db")
    with connection:
        value = is_now if was is None else f"replace({column}, '{was}', '{is_now}')"
        changed = connection.execute(f"UPDATE task_runs SET {column} = {value} WHERE task = '{task}'")
        assert changed.rowcount
    connection.close()
    given = damaged.resume(damaged.original)
    assert given.get("value") == undisturbed("expedition", COUNT).value, given


def test_a_turned_bit_in_the_description_of_the_tables_is_told_as_a_damage(
    tmp_path: Path, stage: Stage
) -> None:
    damaged = Damaged(tmp_path, stage)
    content = bytearray((damaged.original / "history.db").read_bytes())
    content[content.index(b"CREATE TABLE flow_runs") + 7] ^= 0x80  # no UTF-8, nor is what SQLite says of it
    (damaged.original / "history.db").write_bytes(content)
    given = damaged.resume(damaged.original)
    assert given["is_told"]
    assert "is damaged" in given["error"]


@pytest.mark.nightly
@pytest.mark.timeout(1800)
def test_two_hundred_turned_bits_never_make_a_resume_give_a_wrong_value(tmp_path: Path, stage: Stage) -> None:
    print(turn_bits(tmp_path, stage, range(1000, 1200)))
