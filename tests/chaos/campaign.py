"""Kills and resumes a flow run until it completes, and checks after each kill and at the end what is promised of it."""

from __future__ import annotations

import json
import os
import random
import sqlite3
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from click.testing import CliRunner

from headrace.cli.program import program
from tests.chaos.failpoints import DEEDS, MOMENTS, Failpoint
from tests.chaos.flows import undisturbed

if TYPE_CHECKING:
    from typing import Self

COUNT = 6
_TRIES = 3  # of the task with retries
_KILLED = -9


class Tally:
    """What many campaigns have seen."""

    def __init__(self) -> None:
        self.kills: Counter[str] = Counter()
        self.flow_runs = 0
        self.executions = 0
        self.acknowledged = 0
        self.in_flight = 0
        self.executed_again = 0

    def __str__(self) -> str:
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(self.kills.items()))
        return (
            f"{self.kills.total()} kills in {self.flow_runs} flow runs: {kinds}. {self.executions} executions; "
            f"{self.acknowledged} task runs were acknowledged before a kill and none of them was executed again; "
            f"{self.in_flight} were in flight, of which {self.executed_again} were executed again."
        )


class Stage:
    """The process that forks those who are killed: see ``stage.py``."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.chaos.stage"],
            cwd=Path(__file__).parents[2],
            env={**os.environ, "PATH": ""},  # no Git: it has nothing to do with it, and takes its time
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def live(self, **order: Any) -> dict[str, Any]:
        """Have a process live one epoch, and wait for its end."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        told: dict[str, Any] = json.loads(self._process.stdout.readline())
        return told


class Baseline(NamedTuple):
    """What an epoch without a kill takes."""

    seconds: float
    crossings: dict[str, int]


class Snapshot(NamedTuple):
    """What the history says after a kill. ``acknowledged`` are the calls that it shows as Completed."""

    epoch: int
    kind: str
    acknowledged: frozenset[str]


class Campaign:
    """One flow run: killed ``kills`` times at the most, and resumed each time."""

    def __init__(
        self, folder: Path, stage: Stage, *, runner: str, flow: str, choose: random.Random, kills: int = 0
    ) -> None:
        folder.mkdir()
        self._stage = stage
        self._runner = runner
        self._flow = flow
        self._choose = choose
        self._kills = kills
        self.folder = folder
        self._database = folder / "history.db"
        self._log = folder / "executions.log"
        self._outcome = folder / "outcome.json"
        self._said = folder / "said.txt"
        self._environment = {"HEADRACE_HOME": str(folder), "CHAOS_LOG": str(self._log)}
        self._snapshots: list[Snapshot] = []
        self._epoch = 0

    def measure(self) -> Baseline:
        """Live it without a kill."""
        told = self._live(None, None)
        assert told["exit_code"] == 0, self.story()
        self.check_end(Tally())
        return Baseline(told["seconds"], json.loads(self._outcome.read_text())["crossings"])

    def play(self, baseline: Baseline, tally: Tally) -> None:
        """Kill and resume to the end."""
        tally.flow_runs += 1
        while True:
            kind, failpoint, seconds = "", None, None
            if len(self._snapshots) < self._kills:
                kind, failpoint, seconds = self._choose_kill(baseline)
            exit_code = self._live(failpoint, seconds)["exit_code"]
            if exit_code == 0:
                break
            assert exit_code == _KILLED, self.story()
            assert kind, self.story()
            tally.kills[kind] += 1
            self._look(kind)
        self.check_end(tally)

    def crash(self, baseline: Baseline) -> str:
        """Kill it when only its own value is still to be pickled: its id."""
        last = Failpoint("before", "pickle", baseline.crossings["pickle"])
        assert self._live(last, None)["exit_code"] == _KILLED, self.story()
        return str(self._query("SELECT id FROM flow_runs WHERE parent IS NULL")[0][0])

    def _choose_kill(self, baseline: Baseline) -> tuple[str, Failpoint | None, float | None]:
        if self._choose.random() < 0.3:
            return "at a random moment", None, self._choose.uniform(0.005, baseline.seconds)
        deed = self._choose.choice([deed for deed in DEEDS if baseline.crossings.get(deed)])
        # Not among the last: what is killed early is killed more often, and a resume does less than all of it.
        crossing = self._choose.randint(1, -(-baseline.crossings[deed] * 2 // 3))
        failpoint = Failpoint(self._choose.choice(MOMENTS), deed, crossing)
        return str(failpoint), failpoint, None

    def _live(self, failpoint: Failpoint | None, kill_after_seconds: float | None) -> dict[str, Any]:
        self._epoch += 1
        run_ids = self._query("SELECT id FROM flow_runs WHERE parent IS NULL")
        assert len(run_ids) <= 1, self.story()
        return self._stage.live(
            flow=self._flow,
            runner=self._runner,
            count=COUNT,
            run_id=run_ids[0][0] if run_ids else None,
            failpoint=failpoint,
            kill_after_seconds=kill_after_seconds,
            environment=self._environment | {"CHAOS_EPOCH": str(self._epoch)},
            outcome=str(self._outcome),
            said=str(self._said),
        )

    def _look(self, kind: str) -> None:
        """After a kill."""
        assert self._query("PRAGMA quick_check") in ([], [("ok",)]), self.story()
        self._snapshots.append(Snapshot(self._epoch, kind, frozenset(self._acknowledged())))
        if self._choose.random() < 0.5:  # else the resume is the first to see that the process is gone
            self._check_list()

    def _check_list(self) -> None:
        ended = self._query(
            "SELECT count(*) FROM flow_runs WHERE parent IS NULL AND state_type = 'COMPLETED'"
        )
        told = CliRunner().invoke(program, ["runs", "list", "--json"], env=self._environment)
        assert told.exit_code == 0, (told.output, self.story())
        roots = [run["state"] for run in json.loads(told.stdout) if run["parent"] is None]
        assert roots in ([], ["Completed" if ended == [(1,)] else "Crashed"]), (roots, self.story())
        assert self._under_way() == [], self.story()

    def check_end(self, tally: Tally) -> None:
        """What is promised, whatever happened under way."""
        expected = undisturbed(self._flow, COUNT)
        assert json.loads(self._outcome.read_text())["value"] == expected.value, self.story()
        assert self._query("PRAGMA quick_check") == [("ok",)], self.story()
        assert self._under_way() == [], self.story()
        acknowledged = self._acknowledged()
        assert sorted(acknowledged) == sorted(expected.names), self.story()
        assert self._query("SELECT DISTINCT state_type FROM flow_runs") == [("COMPLETED",)], self.story()
        self._check_executions(expected.names, tally)

    def _check_executions(self, names: frozenset[str], tally: Tally) -> None:
        executions: Counter[tuple[int, str]] = Counter()
        for line in self._log.read_text().splitlines():
            told, _, name = line.partition(" ")
            executions[int(told), name] += 1
        assert {name for _, name in executions} == names, self.story()
        for (epoch, name), count in executions.items():
            assert count <= (_TRIES if name.startswith("stumble") else 1), (epoch, name, count, self.story())
        for snapshot in self._snapshots:
            before = {name for epoch, name in executions if epoch <= snapshot.epoch}
            again = {name for epoch, name in executions if epoch > snapshot.epoch} & before
            in_flight = before - snapshot.acknowledged
            assert snapshot.acknowledged <= before, (snapshot, self.story())
            assert again <= in_flight, (snapshot, again - in_flight, self.story())
            tally.acknowledged += len(snapshot.acknowledged)
            tally.in_flight += len(in_flight)
            tally.executed_again += len(again)
        tally.executions += executions.total()

    def _acknowledged(self) -> list[str]:
        rows = self._query("SELECT result_preview FROM task_runs WHERE state_type = 'COMPLETED'")
        return [preview.split('"')[1] for (preview,) in rows]

    def _under_way(self) -> list[tuple[Any, ...]]:
        return self._query(
            "SELECT id, state FROM flow_runs WHERE ended_us IS NULL UNION "
            "SELECT name, state FROM task_runs WHERE ended_us IS NULL"
        )

    def _query(self, sql: str) -> list[tuple[Any, ...]]:
        if not self._database.exists():
            return []
        connection = sqlite3.connect(f"file:{self._database}?mode=ro", uri=True)
        try:
            return connection.execute(sql).fetchall()
        finally:
            connection.close()

    def story(self) -> str:
        """For whoever has to find out why."""
        kills = [f"epoch {snapshot.epoch} was killed {snapshot.kind}" for snapshot in self._snapshots]
        rows = self._query(
            "SELECT flow_run, id, task, task_index, parent, epoch, state, result_preview FROM task_runs ORDER BY key"
        )
        log = self._log.read_text().splitlines() if self._log.exists() else []
        said = self._said.read_text() if self._said.exists() else ""
        return "\n".join([f"{self._flow} on {self._runner}", *kills, *map(str, rows), *log, said[-6000:]])


def play(folder: Path, *, runner: str, kills: int, seed: int, kills_a_flow_run: int = 8) -> Tally:
    """So many kills, in as many flow runs as it takes."""
    flows = ["expedition", "crossing", *(() if runner == "processes" else ("pedigree",))]
    tally = Tally()
    with Stage() as stage:
        options: dict[str, Any] = {"runner": runner}
        baselines = {
            flow: Campaign(
                folder / f"{runner}-{flow}", stage, flow=flow, choose=random.Random(seed), **options
            ).measure()
            for flow in flows
        }
        while tally.kills.total() < kills:
            flow = flows[tally.flow_runs % len(flows)]
            left = min(kills_a_flow_run, kills - tally.kills.total())
            choose = random.Random(f"{seed}-{tally.flow_runs}")
            place = folder / f"{runner}-{seed}-{tally.flow_runs}"
            Campaign(place, stage, flow=flow, choose=choose, kills=left, **options).play(
                baselines[flow], tally
            )
    return tally
