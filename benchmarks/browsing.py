"""How long the live page's questions take: 1,000 flow runs and one of 100,000 task runs, asked over a socket.

Ours: ``headrace.client`` and the server of ``headrace ui`` in one process, from the call to the decoded answer; a reader is
opened for each, as the server does. The target is the issue's: 200 ms for every request.
"""

from __future__ import annotations

import itertools
import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import big_history
from benchmarks.measuring import Clock, Row, Session
from headrace.client import Client
from headrace.clock import now_us
from headrace.server.access import Access
from headrace.server.addresses import DEFAULT_HOST, listen, names_of, port_of, url_of
from headrace.server.app import create_app, create_routes
from headrace.server.events import Hub
from headrace.server.serving import Server, running
from headrace.server.source import Source
from headrace.server.watch import Watch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TOKEN = "a-token-of-forty-characters-for-this-run"


def measure(session: Session) -> list[Row]:
    size = big_history.Size(
        runs=session.size(1_000, 20),
        task_runs=session.size(100_000, 200),
        map_size=session.size(10_000, 50),
        log_lines=session.size(1_000_000, 100),
    )
    with tempfile.TemporaryDirectory(dir=os.environ["HEADRACE_HOME"]) as folder:
        path = str(Path(folder, "history.db"))
        great = big_history.make(path, size)
        with serving(path) as client:
            return [
                measure_one(session, what, ask)
                for what, ask in questions(client, great, size.task_runs).items()
            ]


def measure_one(session: Session, what: str, ask: Callable[[], object]) -> Row:
    def turn() -> dict[str, float]:
        with Clock() as clock:
            ask()
        return {"ours": clock.seconds * 1e3}

    return Row(
        what=f"page: {what}", unit="ms", ours=session.take_turns(turn, rounds=5)["ours"], ours_allowed=200
    )


def questions(client: Client, run: str, task_runs: int) -> dict[str, Callable[[], object]]:
    """What the page asks, by what a person does.

    The graph of an ended run is remembered by what is opened in it. One that is asked for with a task that there is not was not asked
    for before: it takes as long as that of a run under way.
    """
    numbers = itertools.count()
    some = task_runs // 2
    other = client.list_runs(limit=2)["items"][1]["id"]
    return {
        "the first page of runs": client.list_runs,
        "200 runs": lambda: client.list_runs(limit=200),
        "runs by text": lambda: client.list_runs(text="otter"),
        "histogram": client.get_histogram,
        "flows": client.list_flows,
        "one run": lambda: client.get_run(run),
        "timeline, first page": lambda: client.get_timeline(run),
        "timeline, last page": lambda: client.get_timeline(run, after=max(task_runs - 20_000, 0)),
        "timeline, what changed": lambda: client.get_timeline(run, changed_since_us=now_us()),
        "edges, first page": lambda: client.list_edges(run),
        "graph, the first time": lambda: client.get_graph(run, expand=[f"no task {next(numbers)}"]),
        "graph, asked for again": lambda: client.get_graph(run),
        "graph, map opened the first time": lambda: client.get_graph(
            run, expand=["process", f"no task {next(numbers)}"]
        ),
        "critical path": lambda: client.get_critical_path(run),
        "one task run": lambda: client.get_task_run(run, some),
        "last log lines": lambda: client.list_logs(run, tail=True),
        "log lines of a task run": lambda: client.list_logs(run, task_run=some),
        "log lines with a rare text": lambda: client.list_logs(run, text="zebra"),
        "history": lambda: client.list_states(run),
        "comparison": lambda: client.compare_runs(run, other),
        "comparison of two great runs": lambda: client.compare_runs(run, run),
        "search for a frequent text": lambda: client.search("otter"),
        "search for a rare text, first piece": lambda: client.search("zebra"),
    }


@contextmanager
def serving(path: str) -> Iterator[Client]:
    """A server of that history, and a client of it."""
    with listen(DEFAULT_HOST, 0, has_own_token=False) as listener:
        port = port_of(listener)
        access = Access(TOKEN, port=port, started_us=now_us())
        source = Source(path)
        hub = Hub(Watch(source))
        app = create_app(create_routes(source, access, hub), access, names_of(DEFAULT_HOST, port))
        with running(Server(app, before_stop=hub.close), listener):
            yield Client(url_of(DEFAULT_HOST, port), token=TOKEN)
