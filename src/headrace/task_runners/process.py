"""The process task runner: tasks in worker processes of this machine."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from headrace.engine.policies import SlotPolicy
from headrace.task_runners.runner import Capability, TaskRunner

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from typing import Self

    from headrace.task_runners.runner import Session


class ProcessTaskRunner(TaskRunner):
    """Runs tasks in processes of their own on this machine: for what computes, and for what must be stoppable.

    At most ``max_workers`` processes, by default as many as there are processors to use, execute one task run each. They
    begin when they are needed and end with the flow run; used as a context manager, a runner keeps idle ones for the next. One that a cancel or a timeout stops is killed, and one that
    dies makes its task run Crashed; another takes its place. Raises ``ValueError`` unless ``max_workers`` is a whole
    number above 0.

    >>> from headrace.task_runners import ProcessTaskRunner
    >>> ProcessTaskRunner(max_workers=4)
    ProcessTaskRunner(max_workers=4)
    """

    name = "process"
    capabilities = frozenset({Capability.OVERLAPS})

    def __init__(self, *, max_workers: int | None = None) -> None:
        if max_workers is not None and (type(max_workers) is not int or max_workers < 1):
            raise ValueError(f"ProcessTaskRunner(max_workers={max_workers!r}): give a whole number above 0")
        self.max_workers = max_workers or _processors()

    @property
    def slots(self) -> SlotPolicy:
        """A window of attempts: one that a worker executes, and a few that lie before it, so that it need not wait."""
        from headrace.task_runners.process_engine import AHEAD

        return SlotPolicy(self.max_workers * (1 + AHEAD))

    def open(self, flow_run_id: str, loop: AbstractEventLoop | None) -> Session:
        """A session with workers of its own."""
        from headrace.task_runners.process_engine import ProcessEngine
        from headrace.task_runners.remote.session import RemoteSession

        return RemoteSession(ProcessEngine(self.max_workers), flow_run_id)

    def __enter__(self) -> Self:
        """Keep idle worker processes from one flow run to the next, with what they have imported, until the block is left."""
        from headrace.task_runners.process_nursery import nursery

        nursery().enter()
        return self

    def __exit__(self, *_: object) -> None:
        from headrace.task_runners.process_nursery import nursery

        nursery().leave()

    def __repr__(self) -> str:
        return f"ProcessTaskRunner(max_workers={self.max_workers})"


def _processors() -> int:
    """How many of them this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
