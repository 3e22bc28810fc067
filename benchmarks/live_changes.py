"""How long until the live page knows of what another process does: from a commit to its event, read from ``/api/events``.

Three processes, as a user has them: a flow that logs a line and waits for its commit, `headrace ui`, and this one, which reads
the stream of events until that line is in it. The line comes at any moment between two looks of the server. The target is the
issue's: half a second. The slowest of the 50 is in the raw samples.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.request import ProxyHandler, Request, build_opener

from benchmarks.measuring import Row, Session, user_environment
from headrace.access_token import read_or_make_token

if TYPE_CHECKING:
    from collections.abc import Iterator

WRITER = """
import sys, time
from headrace import flow, get_run_logger
from headrace.history import default_history

@flow
def write_when_told() -> None:
    for line in sys.stdin:
        get_run_logger().info(line)
        default_history().flush()
        print(time.monotonic(), flush=True)

write_when_told()
"""
LONGEST_PAUSE_SECONDS = 0.3


def measure(session: Session) -> list[Row]:
    pauses = random.Random(1)
    with python("-c", WRITER) as writer:
        write_line(writer)  # from then on there is a history
        with serving() as url, reading(url) as events:
            last_log = 0

            def turn() -> dict[str, float]:
                nonlocal last_log
                time.sleep(pauses.uniform(0, LONGEST_PAUSE_SECONDS))
                committed = write_line(writer)
                last_log = next(number for number in logs_of(events) if number > last_log)
                return {"ours": (time.monotonic() - committed) * 1e3}

            samples = session.take_turns(turn, rounds=50)["ours"]
    return [
        Row(
            what="page: from a commit elsewhere to its event",
            unit="ms",
            ours=samples,
            ours_allowed=500,
            others={"slowest": [max(samples)]},
        )
    ]


def write_line(writer: subprocess.Popen[str]) -> float:
    """Has it log a line, and gives when that was committed."""
    assert writer.stdin is not None
    assert writer.stdout is not None
    print("a line", file=writer.stdin, flush=True)
    return float(writer.stdout.readline())


def logs_of(events: Iterator[tuple[str, Any]]) -> Iterator[int]:
    """The number of the last log line in each event that tells of one."""
    for kind, data in events:
        if kind == "change":
            yield from (run["last_log"] for run in data["runs"])


@contextmanager
def serving() -> Iterator[str]:
    """`headrace ui` on the history of this home, and where it is."""
    with python("-m", "headrace", "ui", "--no-browser", "--port", "0") as process:
        assert process.stdout is not None
        yield process.stdout.readline().split(" at ")[1].split("/login")[0]


@contextmanager
def reading(url: str) -> Iterator[Iterator[tuple[str, Any]]]:
    """What the server at ``url`` tells from now on."""
    request = Request(f"{url}/api/events", headers={"Authorization": f"Bearer {read_or_make_token()}"})
    with build_opener(ProxyHandler({})).open(request, timeout=60) as answer:
        events = events_of(line.decode() for line in answer)
        next(events)  # `hello`: what comes now is told
        yield events


def events_of(lines: Iterator[str]) -> Iterator[tuple[str, Any]]:
    """Kind and content of each event."""
    kind = ""
    for line in lines:
        name, _, value = line.strip().partition(": ")
        if name == "event":
            kind = value
        elif name == "data":
            yield kind, json.loads(value)


@contextmanager
def python(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """This interpreter as a user would run it, spoken to; its end is the end of what it is told, or a signal."""
    process = subprocess.Popen(
        [sys.executable, *arguments],
        env=user_environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.terminate()
        process.communicate()
