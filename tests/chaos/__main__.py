"""``python -m tests.chaos [--runner R] [--kills N] [--seed S]``: kill and resume, and report what was seen."""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from tests.chaos.campaign import play

RUNNERS = ("sequential", "concurrent", "processes")


def main() -> None:
    """Play campaigns on each task runner; an assertion says what was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--runner", choices=RUNNERS, help="only this one; all if not given")
    parser.add_argument("--kills", type=int, default=100, help="on each task runner")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    for runner in [options.runner] if options.runner else RUNNERS:
        began = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            tally = play(Path(folder), runner=runner, kills=options.kills, seed=options.seed)
        print(f"{runner}: {tally} ({time.perf_counter() - began:.0f} s)")


if __name__ == "__main__":
    main()
