"""Policies: values that the orchestrator and the driver read, never change.

What a person writes as decorator options arrives here checked and grouped.
"""

from __future__ import annotations

from typing import NamedTuple


class RetryPolicy(NamedTuple):
    """How often a task run is tried again, and how long it waits before each try.

    ``delays_seconds`` has one entry a retry; the last one serves all further retries.
    ``jitter_factor`` stretches each delay by a random share of itself, up to that factor.

    >>> RetryPolicy(retries=3, delays_seconds=(1.0, 10.0)).delay_before_retry(3, draw=0.0)
    10.0
    """

    retries: int = 0
    delays_seconds: tuple[float, ...] = (0.0,)
    jitter_factor: float = 0.0

    def delay_before_retry(self, retry: int, *, draw: float) -> float:
        """Seconds to wait before the given retry (from 1); ``draw`` is a random number in [0, 1)."""
        delay = self.delays_seconds[min(retry, len(self.delays_seconds)) - 1]
        return delay * (1.0 + self.jitter_factor * draw)


NO_RETRIES = RetryPolicy()


class SlotPolicy(NamedTuple):
    """How many task runs may hold a worker at once; ``None`` is no limit.

    ``held_between_attempts`` keeps the slot while a run waits for its retry, so that runs go strictly
    one after another. ``starts_ahead``: the task runner can be handed a run as soon as it has been handed all its
    upstreams, and waits for them itself.
    """

    count: int | None = None  # type: ignore[assignment]  # hides tuple.count(), which nobody needs of a policy
    held_between_attempts: bool = False
    starts_ahead: bool = False


NO_SLOT_LIMIT = SlotPolicy()

ATTEMPT_GRACE_SECONDS = 3.0
"""How long an attempt that is to stop may take for that before it is given up."""

FLOW_GRACE_SECONDS = 4.0
"""The same of a flow run: of its function and its subflows. Longer than that of its task runs, which end first."""
