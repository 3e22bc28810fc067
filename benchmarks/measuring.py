"""How everything here is measured: ours and the baseline take turns, and rows are made of the medians.

Nothing here knows what is measured; nothing elsewhere takes turns or draws the table.
"""

from __future__ import annotations

import contextlib
import gc
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from headrace.history import History, use_history

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    Turn = Callable[[], dict[str, float]]
    Profiler = Callable[[Turn], dict[str, float]]

PROJECT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A line of the table, with every sample that it is made of. ``ours`` and ``baseline`` are in ``unit``.

    ``others`` are samples that explain the row and are not judged.
    """

    what: str
    unit: str
    ours: Sequence[float]
    baseline: Sequence[float] = ()
    baseline_is: str = ""
    ratio_allowed: float | None = None
    ours_allowed: float | None = None
    others: dict[str, Sequence[float]] | None = None

    @property
    def ratio(self) -> float | None:
        return statistics.median(self.ours) / statistics.median(self.baseline) if self.baseline else None

    @property
    def ratios_by_round(self) -> list[float]:
        """Of each ours to the baseline next to it: how steady ``ratio`` is while the machine does other things."""
        return [ours / baseline for ours, baseline in zip(self.ours, self.baseline, strict=False)]

    @property
    def is_met(self) -> bool | None:
        """``None`` for a row that is shown for comparison and has no target."""
        if self.ratio_allowed is None and self.ours_allowed is None:
            return None
        if self.ratio_allowed is not None and (self.ratio is None or self.ratio > self.ratio_allowed):
            return False
        return self.ours_allowed is None or statistics.median(self.ours) <= self.ours_allowed


class Session:
    """One run of the benchmarks: how often, how big, and whether to look where the time goes."""

    def __init__(
        self, *, rounds: int | None = None, is_quick: bool = False, profiler: Profiler | None = None
    ) -> None:
        self.is_quick = is_quick
        self._rounds = rounds
        self._profiler = profiler

    def size(self, full: int, quick: int) -> int:
        """How many: the number of the table, or one that only shows that the benchmark works."""
        return quick if self.is_quick else full

    def take_turns(self, ours: Turn, *others: Turn, rounds: int) -> dict[str, list[float]]:
        """Every turn once to warm up, then ``rounds`` times in alternating order: the samples by name.

        What earlier turns left behind is collected before each turn, outside its clock; during it the garbage
        collector is as the program set it.
        """
        turns = (ours, *others)
        samples: dict[str, list[float]] = defaultdict(list)
        for turn in turns if not self.is_quick else ():
            self._take(turn)
        for number in range(self._rounds or (1 if self.is_quick else rounds)):
            for turn in turns if number % 2 == 0 else reversed(turns):
                profiler = self._profiler if turn is ours else None
                for name, value in self._take(turn, profiler).items():
                    samples[name].append(value)
        return samples

    @staticmethod
    def _take(turn: Turn, profiler: Profiler | None = None) -> dict[str, float]:
        gc.collect()
        return turn() if profiler is None else profiler(turn)


class Clock:
    """``with Clock() as clock: ...``, and then ``clock.seconds``."""

    seconds: float

    def __enter__(self) -> Self:
        self._started = time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds = time.perf_counter() - self._started


# A history for a turn ------------------------------------------------------------------------------


@contextlib.contextmanager
def fresh_history() -> Iterator[str]:
    """A new history on disk that is open, stands in for the default one, and is closed outside the clock.

    Its write-ahead log is moved into the database when it is closed, so not during a turn of the baseline.
    """
    with tempfile.TemporaryDirectory(dir=os.environ["HEADRACE_HOME"]) as folder:
        path = str(Path(folder, "history.db"))
        history = History.open(path)
        try:
            with use_history(history):
                yield path
        finally:
            history.close()


def check_recorded(path: str, count: int, *, without_result: int = 0) -> None:
    """Raises ``RuntimeError`` unless exactly so many completed task runs are in the file now.

    Every result is there with them, but for those ``without_result``, which are too large to be kept.
    """
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        statement = "SELECT count(*), count(result) FROM task_runs WHERE state_type = 'COMPLETED'"
        runs, results = connection.execute(statement).fetchone()
    finally:
        connection.close()
    if (runs, results) != (count, count - without_result):
        raise RuntimeError(
            f"{path} holds {runs} completed task runs and {results} results, of {count} task runs"
        )


# A process for a turn ------------------------------------------------------------------------------


def run_python(*arguments: str, folder: Path | None = None) -> str:
    """Runs this interpreter as a user would, stderr to a file: what it printed on stdout."""
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder or PROJECT,
        env=user_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return done.stdout


def user_environment() -> dict[str, str]:
    """Ours, but byte code is kept as it normally is, and what is on the path is there from any folder."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    if "PYTHONPATH" in environment:
        folders = environment["PYTHONPATH"].split(os.pathsep)
        environment["PYTHONPATH"] = os.pathsep.join(str(Path(folder).absolute()) for folder in folders)
    return environment


# The table -----------------------------------------------------------------------------------------


HEADINGS = ("what", "ours", "baseline", "ratio", "target", "met")


def draw_table(rows: Sequence[Row]) -> str:
    """The rows as text in columns."""
    lines = [HEADINGS, *(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADINGS))]
    lines.insert(1, tuple("-" * width for width in widths))
    texts = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines]
    return "\n".join(text.rstrip() for text in texts)


def _cells(row: Row) -> tuple[str, ...]:
    ratio = row.ratio
    return (
        row.what,
        f"{_number(statistics.median(row.ours))} {row.unit}",
        f"{_number(statistics.median(row.baseline))} ({row.baseline_is})" if row.baseline else "-",
        "-" if ratio is None else f"{ratio:.2f}",
        _target(row),
        {True: "yes", False: "NO", None: "-"}[row.is_met],
    )


def _target(row: Row) -> str:
    parts = []
    if row.ratio_allowed is not None:
        parts.append(f"<= {row.ratio_allowed:g} ×")
    if row.ours_allowed is not None:
        parts.append(f"<= {row.ours_allowed:g} {row.unit}")
    return ", ".join(parts) or "-"


def _number(value: float) -> str:
    if value == int(value) or abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.3g}"
