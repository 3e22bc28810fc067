"""Run several targets of the Makefile side by side, and show the output of each in one piece.

    python tools/side_by_side.py TARGET...

One more run at a time than there are processors, in the order given, since each waits for a good part of its time. What
a target printed is shown when it has ended, and its last line each minute until then; what failed is shown last, with the
names of the targets that failed in the last line. A target that has not ended after an hour is interrupted, and has
failed. Whoever stops this, with Ctrl-C or a SIGTERM, is shown what they had printed so far.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

PATIENCE_SECONDS: Final = 3600.0
_GRACE_SECONDS: Final = 30.0
_SECONDS_BETWEEN_SIGNS: Final = 60.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one target."""

    target: str
    ended: str
    """How it ended, or ``""`` where it passed."""
    seconds: float
    output: str

    def show(self) -> None:
        """Print all of it, under a line that says how it ended."""
        print(
            f"\n──── make {self.target}: {self.ended or 'passed'}, {self.seconds:.0f} s ────\n{self.output}",
            flush=True,
        )


def main(targets: list[str], at_a_time: int, patience: float = PATIENCE_SECONDS) -> None:
    """Make all targets; exits with 1 where one of them fails."""
    with TemporaryDirectory() as folder:
        outputs = {target: Path(folder, target) for target in targets}
        failed = []
        try:
            for outcome in outcomes(outputs, at_a_time, patience):
                del outputs[outcome.target]
                if outcome.ended:
                    failed.append(outcome)
                else:
                    outcome.show()
        finally:
            for target, output in outputs.items():
                if output.exists():
                    print(f"\n──── make {target}: stopped ────\n{text_of(output)}", flush=True)
            for outcome in failed:
                outcome.show()
        if failed:
            sys.exit(f"Failed: {', '.join(outcome.target for outcome in failed)}")


def outcomes(outputs: dict[str, Path], at_a_time: int, patience: float) -> Iterator[Outcome]:
    """Make the targets, and give what came of each as it ends; whoever leaves early stops them all."""
    groups = Groups()
    with ThreadPoolExecutor(at_a_time) as pool:
        try:
            made = {pool.submit(make, target, output, patience, groups) for target, output in outputs.items()}
            while made:
                ended, made = wait(made, _SECONDS_BETWEEN_SIGNS, FIRST_COMPLETED)
                for future in ended:
                    yield future.result()
                if not ended:
                    tell_how_far(outputs)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
            groups.kill()


def tell_how_far(outputs: dict[str, Path]) -> None:
    """Print the last line of each target that runs."""
    for target, output in outputs.items():
        lines = text_of(output).split("\n") if output.exists() else []
        if told := [line for line in lines if line.strip()]:
            print(f"make {target}: {told[-1].strip()[:100]}", flush=True)


class Groups:
    """The process groups that run, by their leaders; once they are killed, so is each that begins."""

    def __init__(self) -> None:
        self._leaders: set[int] = set()
        self._is_killed = False

    def add(self, leader: int) -> None:
        """One has begun."""
        self._leaders.add(leader)
        if self._is_killed:
            send_to_group(leader, signal.SIGKILL)

    def discard(self, leader: int) -> None:
        """One has ended."""
        self._leaders.discard(leader)

    def kill(self) -> None:
        """Kill those that run, and those to come."""
        self._is_killed = True
        for leader in list(self._leaders):
            send_to_group(leader, signal.SIGKILL)


def make(target: str, output: Path, patience: float, groups: Groups) -> Outcome:
    """Make one target in a process group of its own, whose last members are killed when the target has ended.

    It prints to a file: a pipe would be open for as long as anything that the target began still lives.
    """
    print(f"make {target} begins", flush=True)
    began = time.monotonic()
    with output.open("wb") as file:
        process = subprocess.Popen(
            ["make", "--no-print-directory", target],  # noqa: S607 - whoever runs this came by that make
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            process_group=0,
        )
        groups.add(process.pid)
        try:
            exit_code = process.wait(patience)
            ended = f"failed with exit code {exit_code}" if exit_code else ""
        except subprocess.TimeoutExpired:
            ended = f"interrupted after {patience:.0f} s"
            send_to_group(process.pid, signal.SIGINT)  # pytest says then what has failed so far
            with suppress(subprocess.TimeoutExpired):
                process.wait(_GRACE_SECONDS)
        finally:
            send_to_group(process.pid, signal.SIGKILL)
            groups.discard(process.pid)
            process.wait()
    return Outcome(target, ended, time.monotonic() - began, text_of(output))


def send_to_group(leader: int, number: int) -> None:
    """Send the signal to what is left of the process group."""
    with suppress(ProcessLookupError):
        os.killpg(leader, number)


def text_of(output: Path) -> str:
    """What was printed to the file."""
    return output.read_text("utf-8", errors="replace")


def stop(*_: object) -> None:
    """What a SIGTERM does."""
    sys.exit("Stopped by a SIGTERM.")


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, stop)
    main(sys.argv[1:], at_a_time=(os.cpu_count() or 1) + 1)
