"""What we ask of Dask's scheduler: that it leaves it to us whether a task is tried again.

Left alone, Dask executes a task up to three more times when workers die under it, and says nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from distributed import SchedulerPlugin

MARK = "headrace-"
"""How the last part of our keys begins."""

OVER = "headrace-over"
"""The topic on which a client tells the plugin that it needs a topic no longer: Dask itself keeps each for ever."""


def scheduler_plugin() -> SchedulerPlugin:
    """The plugin. Its class is local, so that it travels whole: the scheduler needs no Headrace for it."""
    from distributed import SchedulerPlugin

    mark, over = MARK, OVER

    class LeavesRetriesToHeadrace(SchedulerPlugin):  # type: ignore[misc]  # Dask has no types
        name = "headrace-1"
        idempotent = True

        def start(self, scheduler: Any) -> None:
            self.scheduler = scheduler

        def update_graph(self, scheduler: Any, *, tasks: Any, **_: Any) -> None:
            """The next death of a worker is the last that Dask allows such a task."""
            for key in tasks:
                if type(key) is tuple and str(key[-1]).startswith(mark) and key in scheduler.tasks:
                    scheduler.tasks[key].suspicious = scheduler.allowed_failures

        def transition(self, key: Any, _start: str, finish: str, *_: Any, **__: Any) -> None:
            """A result that is lost afterwards Dask computes again, as often as it does."""
            if finish == "memory" and type(key) is tuple and str(key[-1]).startswith(mark):
                self.scheduler.tasks[key].suspicious = 0

        def log_event(self, topic: str, message: Any) -> None:
            if topic == over:
                topics = getattr(getattr(self.scheduler, "_broker", None), "_topics", {})
                topics.pop(message, None)

    return LeavesRetriesToHeadrace()
