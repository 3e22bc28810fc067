"""The speed and size table: ``python -m benchmarks [--only NAME] [--rounds N] [--quick] [--profile NAME]``.

Prints what was measured, ours beside the baseline, and writes the raw samples beside the table into ``benchmarks/results/``.
A target that is missed is shown, and is no error: a figure depends on what else the machine does.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import os
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from benchmarks import (
    browsing,
    cache_hits,
    chain,
    fan_out,
    finished_tasks,
    installed_size,
    large_array,
    live_changes,
    many_tasks,
    on_dask,
    on_processes,
    on_ray,
    resuming,
    sleeping_tasks,
    start_up,
    timeline_frames,
    trivial_flow,
)
from benchmarks.machine import QUIET_LOAD, describe_machine, load_average
from benchmarks.measuring import PROJECT, Row, Session, draw_table
from benchmarks.profiling import Profile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BENCHMARKS: dict[str, Callable[[Session], list[Row]]] = {
    "fan-out": fan_out.measure,
    "chain": chain.measure,
    "many-tasks": many_tasks.measure,
    "finished-tasks": finished_tasks.measure,
    "sleeping-tasks": sleeping_tasks.measure,
    "trivial-flow": trivial_flow.measure,
    "cache-hits": cache_hits.measure,
    "resuming": resuming.measure,
    "start-up": start_up.measure,
    "large-array": large_array.measure,
    "installed-size": installed_size.measure,
    "timeline-frames": timeline_frames.measure,
    "browsing": browsing.measure,
    "live-changes": live_changes.measure,
    "processes": on_processes.measure,
    "dask": on_dask.measure,
    "ray": on_ray.measure,
}


def main() -> None:
    arguments = parse_arguments()
    if arguments.profile:
        profile_one(arguments.profile, is_quick=arguments.quick)
        return
    names = arguments.only or list(BENCHMARKS)
    machine = {**describe_machine(), "sizes": "quick" if arguments.quick else "full"}
    session = Session(rounds=arguments.rounds, is_quick=arguments.quick)
    rows = {name: measure_one(name, session) for name in names}
    machine["load_average_after"] = load_average()
    report(rows, machine, arguments.results)
    if arguments.quick:
        print("Quick sizes: these figures only show that the benchmarks work.")


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="Measure Headrace's speed and size."
    )
    parser.add_argument(
        "--only", action="append", choices=BENCHMARKS, metavar="NAME", help=", ".join(BENCHMARKS)
    )
    parser.add_argument(
        "--rounds", type=positive, metavar="N", help="turns of each side (default: as many as it needs)"
    )
    parser.add_argument(
        "--quick", action="store_true", help="tiny sizes: shows that the benchmarks work, not more"
    )
    parser.add_argument(
        "--profile", choices=BENCHMARKS, metavar="NAME", help="one round of one, and where its time goes"
    )
    parser.add_argument("--results", type=Path, default=PROJECT / "benchmarks" / "results", metavar="FOLDER")
    return parser.parse_args()


def positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


def profile_one(name: str, *, is_quick: bool) -> None:
    profile = Profile()
    measure_one(name, Session(rounds=1, is_quick=is_quick, profiler=profile))
    profile.show()


def measure_one(name: str, session: Session) -> list[Row]:
    """The rows of one benchmark, measured with a Headrace home of its own."""
    print(f"measuring {name} ...", file=sys.stderr, flush=True)
    with own_home(), stderr_in_file():
        return BENCHMARKS[name](session)


@contextlib.contextmanager
def own_home() -> Iterator[None]:
    """A temporary Headrace home on disk, and no other setting of the user's."""
    before = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith("HEADRACE_")}
    with tempfile.TemporaryDirectory(prefix="headrace-benchmarks-") as folder:
        os.environ["HEADRACE_HOME"] = folder
        try:
            yield
        finally:
            del os.environ["HEADRACE_HOME"]
            os.environ.update(before)


@contextlib.contextmanager
def stderr_in_file() -> Iterator[None]:
    """Sends what this process and its children say on stderr to a file, and shows its end if measuring fails."""
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as file:
        terminal = os.dup(2)
        sys.stderr.flush()
        os.dup2(file.fileno(), 2)
        try:
            yield
        except BaseException:
            os.dup2(terminal, 2)
            show_end(file)
            raise
        finally:
            sys.stderr.flush()
            os.dup2(terminal, 2)
            os.close(terminal)


def show_end(file: TextIO, lines: int = 40) -> None:
    file.seek(0)
    sys.stderr.writelines(file.readlines()[-lines:])


def report(rows: dict[str, list[Row]], machine: dict[str, str | int | float], folder: Path) -> None:
    """Print the table; write it, and the samples beside it."""
    facts = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in machine.items())
    table = f"{facts}\n\n{draw_table([row for group in rows.values() for row in group])}\n"
    samples = {
        "machine": machine,
        "rows": [
            {
                "benchmark": name,
                **dataclasses.asdict(row),
                "ratio": row.ratio,
                "ratios_by_round": row.ratios_by_round,
                "is_met": row.is_met,
            }
            for name, group in rows.items()
            for row in group
        ],
    }
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{datetime.now(UTC):%Y-%m-%dT%H-%M-%S}.txt"
    path.write_text(table, "utf-8")
    path.with_suffix(".json").write_text(json.dumps(samples, indent=1, ensure_ascii=False) + "\n", "utf-8")
    print(table)
    if float(machine["load_average"]) > QUIET_LOAD:
        print(f"The machine was busy before it began (load {machine['load_average']}): the ratios are rough.")
    print(f"Raw samples: {path.with_suffix('.json')}")


if __name__ == "__main__":
    main()
