"""The concurrent task runner: threads for sync tasks, the event loop for async ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.engine.policies import SlotPolicy
from headrace.task_runners.runner import Capability, TaskRunner

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

    from headrace.task_runners.runner import Session


class ConcurrentTaskRunner(TaskRunner):
    """Runs tasks side by side: sync ones in threads, async ones on the event loop. The default.

    At most ``max_workers`` sync tasks run at once; their threads are started as they are needed. Async tasks
    need no worker and have no limit. Raises ``ValueError`` unless ``max_workers`` is a whole number above 0.

    >>> ConcurrentTaskRunner(max_workers=8)
    ConcurrentTaskRunner(max_workers=8)
    """

    name = "concurrent"
    capabilities = frozenset({Capability.OVERLAPS, Capability.SHARES_MEMORY})

    def __init__(self, *, max_workers: int = 256) -> None:
        if type(max_workers) is not int or max_workers < 1:
            raise ValueError(
                f"ConcurrentTaskRunner(max_workers={max_workers!r}): give a whole number above 0"
            )
        self.max_workers = max_workers

    @property
    def slots(self) -> SlotPolicy:
        """One a worker."""
        return SlotPolicy(self.max_workers)

    def takes_slot(self, *, is_async: bool) -> bool:
        """Sync tasks do; async ones need no worker."""
        return not is_async

    def open(self, flow_run_id: str, loop: AbstractEventLoop | None) -> Session:
        """A session in this process."""
        from headrace.task_runners.local import LocalSession  # not for who only names a runner

        return LocalSession(loop)

    def __repr__(self) -> str:
        return f"ConcurrentTaskRunner(max_workers={self.max_workers})"
