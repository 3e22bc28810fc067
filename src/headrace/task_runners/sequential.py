"""The sequential task runner: one task run after another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.engine.policies import SlotPolicy
from headrace.task_runners.runner import Capability, TaskRunner

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

    from headrace.task_runners.runner import Session


class SequentialTaskRunner(TaskRunner):
    """Runs one task after another, each to its end, retries and their delays included.

    In a sync flow the call of a task returns when its run has ended, and sync tasks run in the flow's own
    thread. In an async flow the runs queue, and go one by one.

    >>> SequentialTaskRunner()
    SequentialTaskRunner()
    """

    name = "sequential"
    capabilities = frozenset({Capability.SHARES_MEMORY})
    executes_in_caller = True

    @property
    def slots(self) -> SlotPolicy:
        """One, kept until the run has ended."""
        return SlotPolicy(1, held_between_attempts=True)

    def open(self, flow_run_id: str, loop: AbstractEventLoop | None) -> Session:
        """A session in this process."""
        from headrace.task_runners.local import LocalSession  # not for who only names a runner

        return LocalSession(loop)

    def __repr__(self) -> str:
        return "SequentialTaskRunner()"
