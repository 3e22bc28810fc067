"""Run several targets of the Makefile side by side, and show the output of each in one piece.

    python tools/side_by_side.py TARGET...

As many run at a time as there are processors, in the order given. What a target printed is shown when it has ended;
what failed is shown last, with the names of the targets that failed in the last line.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one target."""

    target: str
    exit_code: int
    seconds: float
    output: str

    def show(self) -> None:
        """Print all of it, under a line that says how it ended."""
        ended = f"failed with exit code {self.exit_code}" if self.exit_code else "passed"
        print(f"\n──── make {self.target}: {ended}, {self.seconds:.0f} s ────\n{self.output}", flush=True)


def main(targets: list[str], at_a_time: int) -> None:
    """Make all targets; exits with 1 where one of them fails."""
    failed = []
    for outcome in outcomes(targets, at_a_time):
        if outcome.exit_code:
            failed.append(outcome)
        else:
            outcome.show()
    for outcome in failed:
        outcome.show()
    if failed:
        sys.exit(f"Failed: {', '.join(outcome.target for outcome in failed)}")


def outcomes(targets: list[str], at_a_time: int) -> Iterator[Outcome]:
    """Make the targets, and give what came of each as it ends; after a Ctrl-C no more of them begin."""
    with ThreadPoolExecutor(at_a_time) as pool:
        try:
            for future in as_completed([pool.submit(make, target) for target in targets]):
                yield future.result()
        finally:
            pool.shutdown(cancel_futures=True)


def make(target: str) -> Outcome:
    """Make one target in a process of its own."""
    print(f"make {target} begins", flush=True)
    began = time.monotonic()
    done = subprocess.run(
        ["make", "--no-print-directory", target],  # noqa: S607 - whoever runs this came by that make
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    return Outcome(target, done.returncode, time.monotonic() - began, done.stdout)


if __name__ == "__main__":
    main(sys.argv[1:], os.cpu_count() or 1)
