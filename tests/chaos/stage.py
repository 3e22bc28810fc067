"""Lives one epoch of a flow run after another, each in a process of its own that is forked from this one.

So a kill costs no start of an interpreter. Orders come in, one JSON object a line, and what became of the process goes out.
Run as ``python -m tests.chaos.stage``.
"""

from __future__ import annotations

import gc
import json
import os
import select
import signal
import sys
import time
import traceback
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.chaos.failpoints import Failpoint, Failpoints

if TYPE_CHECKING:
    from collections.abc import Callable

_SLOW_SECONDS = 60
_LOADED_ONCE = (
    "asyncio", "cloudpickle", "pydantic", "sqlite3",
    "headrace.async_conduct", "headrace.call_memory", "headrace.code_digests", "headrace.epochs", "headrace.flow_failures", "headrace.flow_runs", "headrace.lone_tasks", "headrace.resuming", "headrace.submitting",
    "headrace.gathering", "headrace.loop_signals", "headrace.mapping", "headrace.stable_keys", "headrace.history.journal", "headrace.history.keeping", "headrace.history.pickles",
    "headrace.history.reader", "headrace.history.result_store", "headrace.history.schema", "headrace.history.stored_value",
    "headrace.task_runners.loops", "headrace.task_runners.process", "headrace.task_runners.process_engine",
    "headrace.task_runners.remote.session", "tests.chaos.flows",
)  # fmt: skip


def main() -> int:
    """Carry out orders until there are no more."""
    for name in _LOADED_ONCE:
        import_module(name)
    gc.freeze()  # what is never looked at is never copied
    for line in sys.stdin:
        order = json.loads(line)
        ear, mouth = os.pipe()
        began = time.perf_counter()
        pid = os.fork()
        if not pid:
            os.close(ear)
            return live(order, mouth)
        os.close(mouth)
        watch(pid, ear, order["kill_after_seconds"])
        os.close(ear)
        _, status = os.waitpid(pid, 0)
        took = time.perf_counter() - began
        print(json.dumps({"exit_code": os.waitstatus_to_exitcode(status), "seconds": took}), flush=True)
    return 0


def watch(pid: int, ear: int, kill_after_seconds: float | None) -> None:
    """Until the process has ended: kill it when that time is over, or when it says so."""
    ready, _, _ = select.select([ear], [], [], kill_after_seconds or _SLOW_SECONDS)
    if not ready or os.read(ear, 1):
        os.kill(pid, signal.SIGKILL)


def live(order: dict[str, Any], mouth: int) -> int:
    """One epoch, in a process of its own. What came of it is left in a file."""
    import asyncio

    from headrace.errors import HeadraceError
    from headrace.task_runners import ConcurrentTaskRunner, ProcessTaskRunner, SequentialTaskRunner
    from tests.chaos import flows

    said = os.open(order["said"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.dup2(said, 1)
    os.dup2(said, 2)
    os.environ |= order["environment"]
    runners: dict[str, Callable[[], Any]] = {
        "sequential": SequentialTaskRunner,
        "concurrent": lambda: ConcurrentTaskRunner(max_workers=4),
        "processes": lambda: ProcessTaskRunner(max_workers=2),
    }
    runner = runners[order["runner"]]
    flows.survey = flows.survey.with_options(task_runner=runner())
    flows.branch = flows.branch.with_options(task_runner=runner())
    flow = flows.FLOWS[order["flow"]].with_options(task_runner=runner())
    chosen = order["failpoint"] and Failpoint(*order["failpoint"])
    failpoints = Failpoints(chosen, lambda: os.write(mouth, b"!"))
    failpoints.install()
    outcome: dict[str, Any] = {}
    try:
        value = flow(order["count"]) if order["run_id"] is None else flow.resume(order["run_id"])
        outcome["value"] = asyncio.run(value) if flow.is_async else value
    except Exception as error:
        outcome |= {"error": f"{type(error).__name__}: {error}", "is_told": isinstance(error, HeadraceError)}
        traceback.print_exc()
    outcome["crossings"] = failpoints.crossings
    Path(order["outcome"]).write_text(json.dumps(outcome), "utf-8")
    return 0 if "value" in outcome else 1


if __name__ == "__main__":
    sys.exit(main())
