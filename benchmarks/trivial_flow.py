"""A flow without tasks, called 200 times in a row, history on disk: the mean of the calls.

Each call begins with no trace of the run and ends when its last row is committed. Baseline: one row inserted and
committed with bare ``sqlite3``, 200 times in a row, in a file beside it with the same settings (write-ahead log,
``synchronous = NORMAL``). It has no target: it is the price of the commit that every call waits for. The slowest call of
a turn is in the raw samples.
"""

from __future__ import annotations

import sqlite3
import statistics
from pathlib import Path

from benchmarks.measuring import Clock, Row, Session, fresh_history
from headrace import flow


@flow
def trivial() -> int:
    return 1


def measure(session: Session) -> list[Row]:
    count = session.size(200, 5)

    def ours() -> dict[str, float]:
        times = []
        with fresh_history() as path:
            for _ in range(count):
                with Clock() as clock:
                    trivial()
                times.append(clock.seconds * 1e3)
            check_flow_runs(path, count)
        return {"flow": statistics.fmean(times), "slowest": max(times)}

    def baseline() -> dict[str, float]:
        with fresh_history() as path:
            connection = open_bare(str(Path(path).with_name("bare.db")))
            with Clock() as clock:
                for _ in range(count):
                    connection.execute("INSERT INTO runs (name, state) VALUES ('trivial', 'Completed')")
                    connection.commit()
            connection.close()
        return {"commit": clock.seconds / count * 1e3}

    samples = session.take_turns(ours, baseline, rounds=9)
    return [
        Row(
            what=f"a trivial flow run, {count} in a row",
            unit="ms",
            ours=samples["flow"],
            baseline=samples["commit"],
            baseline_is="one insert, committed",
            ours_allowed=2.0,
            others={"slowest": samples["slowest"]},
        )
    ]


def open_bare(path: str) -> sqlite3.Connection:
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("CREATE TABLE runs (key INTEGER PRIMARY KEY, name TEXT, state TEXT)")
    connection.commit()
    return connection


def check_flow_runs(path: str, count: int) -> None:
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        statement = "SELECT count(*) FROM flow_runs WHERE state = 'Completed'"
        (found,) = connection.execute(statement).fetchone()
    finally:
        connection.close()
    if found != count:
        raise RuntimeError(f"{path} holds {found} completed flow runs, not {count}")
