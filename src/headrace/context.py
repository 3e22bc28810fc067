"""Where the running code stands: in which flow run, in which task run.

A context variable holds it, so every thread, every asyncio task and every library that copies contexts
knows its place.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from headrace.task_runners.call import Call


class FlowScope(Protocol):
    """The code of a flow run: ``call`` is ``None`` in the flow's function, else the task run it belongs to."""

    @property
    def flow_run_id(self) -> str:
        """The flow run's id."""

    @property
    def call(self) -> Call | None:
        """The task run that the code belongs to."""


current_scope: ContextVar[FlowScope | None] = ContextVar("headrace_scope", default=None)
"""The place of the running code; ``None`` outside flows and tasks."""


class _TagsInUse:
    """Whether ``with tags(...)`` was ever entered in this process: as long as not, nobody needs to look."""

    is_set = False


tags_in_use = _TagsInUse()

current_tags: ContextVar[tuple[str, ...]] = ContextVar("headrace_tags", default=())
"""The tags that ``with tags(...)`` gives to runs called inside it."""
